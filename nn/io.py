"""Models as files: JSON that a person can read, exact to the bit, never half written or half read.

    {"format": "foldgrad model", "version": 1, "sha256": ..., "model": {"modules": {path: kind},
     "parameters": {path: number}}}

A number is written as Python's shortest repr, which reads back as the same bits; what JSON has no
number for, inf and nan, as the 16 hexadecimal digits of its bits.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from .module import Module

FORMAT, VERSION = "foldgrad model", 1

M = TypeVar("M", bound=Module)


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a model to a file, which is replaced as a whole or not at all.

    A file that is replaced keeps its permissions.

    Args:
        model: any Module.
        path: the file; its folder must exist.

    Raises:
        OSError: if it cannot be written.

    >>> from nn import MLP
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MLP(2, [3, 1], rng=0), f"{folder}/model.json")
    ...     load(MLP(2, [3, 1], rng=1), f"{folder}/model.json").parameters()[0].data
    0.6888437030500962
    """
    _check_module("save", model)
    content = {
        "modules": _kinds(model),
        "parameters": {at: _written(x) for at, x in model.state_dict().items()},
    }
    file = {"format": FORMAT, "version": VERSION, "sha256": _digest(content), "model": content}
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"save: expected a path in a folder that exists, got {os.fspath(path)!r}; "
            "create the folder first"
        )
    # In a folder of its own no two drafts meet, and open() gives it the usual permissions.
    with TemporaryDirectory(prefix=".saving-", dir=target.parent) as folder:
        draft = Path(folder, target.name)
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(file, indent=1, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileNotFoundError):  # nothing there to be replaced
            shutil.copymode(target, draft)
        draft.replace(target)


def load(model: M, path: str | os.PathLike[str]) -> M:
    """Read the parameters of a model, built as it was when it was saved; return the model.

    Args:
        model: it gets the numbers of the file; on an error it is left as it was.
        path: a file that `save` wrote.

    Raises:
        ValueError: if the file is damaged, of another version, or of another architecture.
        OSError: if it cannot be read.

    >>> from nn import Neuron
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Neuron(2, activation="tanh"), f"{folder}/model.json")
    ...     try:
    ...         load(Neuron(2, activation="relu"), f"{folder}/model.json")
    ...     except ValueError as error:
    ...         print(str(error).partition("; ")[2])
    the model itself is TanhNeuron(2) in the file, ReLUNeuron(2) here; build it as it was saved
    """
    _check_module("load", model)
    content = _read(path)
    kinds, there = _kinds(model), content["modules"]
    if kinds != there:
        at = next(at for at in [*kinds, *there] if kinds.get(at) != there.get(at))
        raise ValueError(
            f"load: expected a file of this model's architecture, got another's, {str(path)!r}; "
            f"{repr(at) if at else 'the model itself'} is {there.get(at, 'missing')} in the file, "
            f"{kinds.get(at, 'missing')} here; build it as it was saved"
        )
    model.load_state_dict({at: _read_number(x) for at, x in content["parameters"].items()})
    return model


def _check_module(who: str, model: Any) -> None:
    if not isinstance(model, Module):
        first = "build a model of the class" if isinstance(model, type) else "the model comes first"
        raise TypeError(
            f"{who}: expected a Module, got {model!r:.80}; {first}: {who}(model, 'model.json')"
        )


def _kinds(model: Module) -> dict[str, str]:
    return {at: module.kind() for at, module in model.named_modules()}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: str | os.PathLike[str]) -> Any:
    """The content of a file, once it is known to be what was saved."""
    name = repr(os.fspath(path))
    try:
        file = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as reason:
        raise _damaged(name, reason) from None
    if not isinstance(file, dict) or file.get("format") != FORMAT:
        raise ValueError(f"load: expected what nn.save wrote, got {name}; save the model first")
    if file.get("version") != VERSION:
        raise ValueError(
            f"load: expected version {VERSION}, got {file.get('version')!r} in {name}; "
            "load it with the release that saved it"
        )
    content = file.get("model")
    if file.get("sha256") != _digest(content):
        raise _damaged(name, "its checksum does not fit")
    match content:
        case {"modules": dict(), "parameters": dict()}:
            return content
    raise _damaged(name, "it has no modules or no parameters")


def _damaged(name: str, reason: object) -> ValueError:
    return ValueError(
        f"load: expected a model as nn.save wrote it, got a damaged or truncated file, {name} "
        f"({reason}); the model is left as it was, restore the file or save the model again"
    )


def _written(x: float) -> float | str:
    return x if math.isfinite(x) else struct.pack(">d", x).hex()


def _read_number(x: Any) -> float:
    """The number that `_written` wrote."""
    if isinstance(x, float):
        return x
    if isinstance(x, str) and re.fullmatch("[0-9a-f]{16}", x):
        return float(struct.unpack(">d", bytes.fromhex(x))[0])
    raise ValueError(f"load: expected a number, got {x!r:.80}; the file was not written by nn.save")
