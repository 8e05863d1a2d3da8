"""Record PyTorch's optimiser trajectories in torch_trajectories.json, beside this file.

Run once, where PyTorch is installed; tests/test_optim.py reads the file and needs no PyTorch:

    python tests/data/record_torch.py

Every run minimises the same polynomial of three parameters, in float64 (a polynomial, so that no
library's sin or exp can differ in the last bit). In every third step the loss does not contain c,
whose gradient is then None: PyTorch leaves such a parameter and its state alone.
"""

import json
from pathlib import Path

import torch

START = (-0.5, 1.25, 2.0)
STEPS = 200
RECORDED = (1, 2, 3, 4, 5, 10, 20, 50, 100, 150, 200)

RUNS = (  # optimiser, its arguments
    ("SGD", {}),
    ("SGD", {"lr": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.005, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.005, "momentum": 0.9, "weight_decay": 0.05, "nesterov": True}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": [0.8, 0.99], "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "betas": [0.5, 0.6], "amsgrad": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.01, "betas": [0.0, 0.9]}),
    ("Adam", {"lr": 0.05, "betas": [0.3, 0.99]}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2}),
    ("AdamW", {"lr": 0.1, "betas": [0.5, 0.6], "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "maximize": True}),
)


def loss(step, a, b, c):
    """Give Rosenbrock's valley in (a, b), softened, and a bowl in c two steps out of three."""
    valley = (1 - a) ** 2 + 5 * (b - a * a) ** 2
    return valley if step % 3 == 2 else valley + 0.5 * (c - a * b) ** 2


def trajectory(name, arguments):
    """Run one optimiser and list [step, a, b, c] at the recorded steps."""
    parameters = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimizer = getattr(torch.optim, name)(parameters, **arguments)
    sign = -1 if arguments.get("maximize") else 1
    points = []
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        (sign * loss(step, *parameters)).backward()
        optimizer.step()
        if step in RECORDED:
            points.append([step, *(p.item() for p in parameters)])
    return points


def main():
    """Write the file, one recorded point a line."""
    runs = [
        {"optimizer": name, "arguments": arguments, "points": trajectory(name, arguments)}
        for name, arguments in RUNS
    ]
    text = json.dumps({"torch": torch.__version__, "start": START, "runs": runs})
    text = (
        text.replace('{"optimizer"', '\n{"optimizer"')
        .replace(" [[", "\n[[")
        .replace("], [", "],\n[")
    )
    Path(__file__).with_name("torch_trajectories.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
