"""How each compiler is called: the programs of programs.py, in the fastest way that it documents.

Every class here has a method for each work it can do. The method traces and compiles, and returns
what to time: a call that computes value and gradient anew. Its package is imported when the class is
made, by a process of the one environment that has it; that is not timed.

    call      computes; buffers are its own, so that a call moves no more data than it must
    answer    (value, gradient) as `call` left or returned them: nobody computes something else
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import programs

REFERENCE = Path(__file__).with_name("reference")
WORKS = ("mlp", "gpt7", "gpt16", "pendulum", "price")
COMPILE_C = ("cc", "-O3", "-ffp-contract=off", "-shared", "-fPIC")


class Compiled(NamedTuple):
    """What is timed, and what it computes."""

    call: Callable[[], Any]
    answer: Callable[[Any], tuple[float, list[float]]]


def leaves_of(tree: Any) -> list[Any]:
    """All that is in lists, dicts and arrays, in order.

    >>> leaves_of({"b": 3.0, "a": [1.0, 2.0]})
    [3.0, 1.0, 2.0]
    """
    if hasattr(tree, "tolist"):
        tree = tree.tolist()
    if isinstance(tree, dict):
        tree = [*tree.values()]
    return [*chain(*map(leaves_of, tree))] if isinstance(tree, (list, tuple)) else [tree]


def flat(tree: Any) -> list[float]:
    """The same as floats."""
    return [float(x) for x in leaves_of(tree)]


def of_pair(result: Any) -> tuple[float, list[float]]:
    """The answer of a call that returns it."""
    return float(result[0]), flat(result[1])


# ---- ours -----------------------------------------------------------------------------------


class Foldgrad:
    """This project, NumPy in and out: the function bound to its compiled code."""

    def __init__(self) -> None:
        import numpy

        import autograd

        self.autograd, self.numpy = autograd, numpy

    def arguments(self, work: str) -> list[Any]:
        """NumPy arrays in the place of lists."""
        return [self.arrays(argument) for argument in programs.arguments(work)]

    def arrays(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {name: self.numpy.array(table) for name, table in x.items()}
        return self.numpy.array(x) if isinstance(x, list) else x

    def function(self, work: str) -> Callable[..., Any]:
        """The program as a user has it: a function of the numbers alone."""
        program, xp = program_of(work), self.autograd

        def f(*numbers: Any) -> Any:
            return program(xp, *numbers)

        return f

    def compiled(self, work: str) -> Compiled:
        arguments = self.arguments(work)
        f = self.autograd.jit(self.function(work))
        bound = f.lower(*arguments).compile(argnums=argnums(work))
        return Compiled(partial(bound, *arguments), of_pair)

    def eager(self, work: str) -> tuple[float, list[float]]:
        """What the compiled code must equal, to the last bit: Values and ``backward()``."""
        given = list(programs.arguments(work))
        wanted = range(5) if work == "price" else range(1)
        given[: len(wanted)] = [self.leaves(given[i]) for i in wanted]
        output = self.function(work)(*given)
        output.backward()
        return output.data, [leaf.grad for leaf in leaves_of([given[i] for i in wanted])]

    def leaves(self, tree: Any) -> Any:
        """Values in the place of numbers."""
        if isinstance(tree, dict):
            return {name: self.leaves(part) for name, part in tree.items()}
        if isinstance(tree, list):
            return [self.leaves(part) for part in tree]
        return self.autograd.Value(tree)


class FoldgradCall(Foldgrad):
    """The same, through an ordinary call: arguments are looked at, captures compared."""

    def compiled(self, work: str) -> Compiled:
        f = self.autograd.jit(self.function(work))
        arguments = self.arguments(work)
        return Compiled(partial(f.value_and_grad, *arguments, argnums=argnums(work)), of_pair)


class FoldgradEager(Foldgrad):
    """The same without compiling: what all the others must agree with."""

    def compiled(self, work: str) -> Compiled:
        return Compiled(partial(self.eager, work), lambda answer: answer)


class FoldgradModule(Foldgrad):
    """The same with a Module: Values are read one by one, the gradient is a dict of floats."""

    def compiled(self, work: str) -> Compiled:
        from nn import MLP

        model = MLP(2, [16, 16, 1], rng=0)
        parameters, rows, labels = self.arguments(work)
        for parameter, number in zip(model.parameters(), parameters.tolist(), strict=True):
            parameter.data = number
        xp = self.autograd

        def loss(model: Any, rows: Any, labels: Any) -> Any:
            losses = [xp.relu(1 + -y * model(x)) for x, y in zip(rows, labels, strict=True)]
            decay = sum(p * p for p in model.parameters())
            return sum(losses) * (1.0 / len(losses)) + 1e-4 * decay

        return Compiled(partial(xp.jit(loss).value_and_grad, model, rows, labels), of_pair)


# ---- C by hand ------------------------------------------------------------------------------


class ByHand:
    """reference/*.c, compiled by the machine's C compiler."""

    def __init__(self) -> None:
        import numpy

        self.numpy = numpy

    def compiled(self, work: str) -> Compiled:
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder, f"{work}.so")
            source = REFERENCE / f"{work}.c"
            subprocess.run([*COMPILE_C, str(source), "-o", str(library), "-lm"], check=True)
            function = ctypes.CDLL(str(library)).value_and_gradient
        function.restype = ctypes.c_double
        arrays = [self.numpy.array(x, dtype=float) for x in programs.arguments(work)]
        gradient = self.numpy.zeros(arrays[0].size)
        # Pointers that keep their arrays.
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (*arrays, gradient)]
        return Compiled(partial(function, *pointers), lambda value: (value, flat(gradient)))


# ---- JAX ------------------------------------------------------------------------------------


class Jax:
    """Arrays and ``scan`` in the place of scalars and loops, on the CPU in float64."""

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.jnp = jax, jax.numpy

    def compiled(self, work: str) -> Compiled:
        f = self.gpt if work.startswith("gpt") else getattr(self, work)
        arguments = [self.arrays(x) for x in programs.arguments(work)]
        both = self.jax.jit(self.jax.value_and_grad(f, argnums=argnums(work)))
        return Compiled(lambda: self.jax.block_until_ready(both(*arguments)), self.answer)

    def answer(self, result: Any) -> tuple[float, list[float]]:
        """The answer; JAX has sorted the tables by name."""
        value, gradient = result
        if isinstance(gradient, dict):
            gradient = {name: gradient[name] for name in programs.SHAPES}
        return of_pair((value, gradient))

    def arrays(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {name: self.jnp.array(table) for name, table in x.items()}
        return self.jnp.array(x)

    def mlp(self, p: Any, rows: Any, labels: Any) -> Any:
        relu = self.jax.nn.relu
        first, second, last = p[:48].reshape(16, 3), p[48:320].reshape(16, 17), p[320:]
        h = relu(rows @ first[:, :2].T + first[:, 2])
        h = relu(h @ second[:, :16].T + second[:, 16])
        scores = h @ last[:16] + last[16]
        return relu(1 - labels * scores).mean() + 1e-4 * (p @ p)

    def pendulum(self, start: Any) -> Any:
        angle, speed, gravity = start

        def step(state: Any, _: None) -> tuple[Any, None]:
            angle, speed = state
            return programs.runge_kutta(self.jnp, angle, speed, gravity), None

        (angle, speed), _ = self.jax.lax.scan(step, (angle, speed), length=programs.STEPS)
        return angle * angle + speed * speed

    def price(self, *inputs: Any) -> Any:
        jnp = self.jnp
        xp = SimpleNamespace(log=jnp.log, exp=jnp.exp, sqrt=jnp.sqrt, erf=self.jax.lax.erf)
        return programs.price(xp, *inputs)

    def gpt(self, tables: Any, tokens: Any) -> Any:
        jnp, nn = self.jnp, self.jax.nn
        n = tokens.shape[0] - 1

        def normed(x: Any) -> Any:
            return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)

        def heads(x: Any) -> Any:
            return x.reshape(n, programs.HEADS, -1).swapaxes(0, 1)

        x = normed(tables["token"][tokens[:-1]] + tables["place"][:n])
        inside = normed(x)
        query, key, value = (heads(inside @ tables[t].T) for t in ("query", "key", "value"))
        scores = query @ key.swapaxes(1, 2) / (programs.WIDTH // programs.HEADS) ** 0.5
        seen = jnp.tril(jnp.ones((n, n), bool))
        found = nn.softmax(jnp.where(seen, scores, -jnp.inf), -1) @ value
        x = found.swapaxes(0, 1).reshape(n, -1) @ tables["mix"].T + x
        x = nn.relu(normed(x) @ tables["up"].T) @ tables["down"].T + x
        chances = nn.log_softmax(x @ tables["score"].T, -1)
        return -chances[jnp.arange(n), tokens[1:]].mean()


# ---- CasADi ---------------------------------------------------------------------------------


class Casadi:
    """Matrices for the network, ``mapaccum`` for the pendulum, scalars for the price; its VM."""

    def __init__(self) -> None:
        import casadi
        import numpy

        self.ca, self.numpy = casadi, numpy
        self.xp = SimpleNamespace(
            relu=lambda x: casadi.fmax(x, 0), sin=casadi.sin, exp=casadi.exp, log=casadi.log,
            sqrt=casadi.sqrt, erf=casadi.erf,
        )  # fmt: skip

    def compiled(self, work: str) -> Compiled:
        return self.buffered(self.function(work), work)

    def function(self, work: str) -> Any:
        """The program as a function of CasADi's: value and gradient of symbols."""
        return {"mlp": self.mlp, "pendulum": self.pendulum, "price": self.price}[work]()

    def mlp(self) -> Any:
        ca = self.ca
        p, rows, labels = ca.MX.sym("p", 337), ca.MX.sym("x", 2, 100), ca.MX.sym("y", 1, 100)
        first, second = ca.reshape(p[:48], 3, 16).T, ca.reshape(p[48:320], 17, 16).T
        h = ca.fmax(first[:, :2] @ rows + ca.repmat(first[:, 2], 1, 100), 0)
        h = ca.fmax(second[:, :16] @ h + ca.repmat(second[:, 16], 1, 100), 0)
        scores = p[320:336].T @ h + p[336]
        loss = ca.sum2(ca.fmax(1 - labels * scores, 0)) / 100 + 1e-4 * ca.dot(p, p)
        return ca.Function("f", [p, rows, labels], [loss, ca.gradient(loss, p)])

    def pendulum(self) -> Any:
        s = self.ca.SX.sym("s", 3)
        step = self.ca.vertcat(*programs.runge_kutta(self.xp, s[0], s[1], s[2]), s[2])
        start = self.ca.MX.sym("start", 3)
        end = self.ca.Function("step", [s], [step]).mapaccum(programs.STEPS)(start)[:, -1]
        value = end[0] * end[0] + end[1] * end[1]
        return self.ca.Function("f", [start], [value, self.ca.gradient(value, start)])

    def price(self) -> Any:
        x = self.ca.SX.sym("x", 5)
        value = programs.price(self.xp, *(x[i] for i in range(5)))
        return self.ca.Function("f", [x], [value, self.ca.gradient(value, x)])

    def buffered(self, function: Any, work: str) -> Compiled:
        """The call that its manual advises where calls must be quick: NumPy buffers, bound once.

        The price is five floats each time, and its answer six.
        """
        given = programs.arguments(work)
        arrays = [self.numpy.array(flat(x)) for x in ([given] if work == "price" else given)]
        value, gradient = self.numpy.zeros(1), self.numpy.zeros(arrays[0].size)
        buffer, run = function.buffer()
        for i, array in enumerate(arrays):
            buffer.set_arg(i, array.data)
        for i, array in enumerate((value, gradient)):
            buffer.set_res(i, array.data)

        kept = (arrays, buffer, value, gradient)  # by the functions below: `run` does not

        def call() -> tuple[Any, ...]:
            run()
            return kept

        def of_floats() -> tuple[Any, ...]:
            arrays[0][:] = given
            run()
            return value.item(), gradient.tolist(), kept

        call = of_floats if work == "price" else call
        return Compiled(call, lambda _: (value.item(), gradient.tolist()))


class CasadiC(Casadi):
    """The C code that it writes of the same functions, compiled and loaded again."""

    flags = ("-O3", "-march=native")

    def compiled(self, work: str) -> Compiled:
        function = self.function(work)
        with tempfile.TemporaryDirectory() as folder:
            generator = self.ca.CodeGenerator("f.c")
            generator.add(function)
            generator.generate(f"{folder}/")
            library = f"{folder}/f.so"
            command = ["cc", *self.flags, "-shared", "-fPIC", f"{folder}/f.c", "-o", library]
            subprocess.run([*command, "-lm"], check=True)
            return self.buffered(self.ca.external("f", library), work)


class CasadiCall(Casadi):
    """The price through an ordinary call."""

    def compiled(self, work: str) -> Compiled:
        function, given = self.function(work), programs.arguments(work)
        return Compiled(
            lambda: function(list(given)),
            lambda pair: (float(pair[0]), flat(pair[1].full().ravel())),
        )


class CasadiScalars(Casadi):
    """The network as plain scalar code, unrolled."""

    def mlp(self) -> Any:
        ca = self.ca
        p, rows, labels = ca.SX.sym("p", 337), ca.SX.sym("x", 2, 100), ca.SX.sym("y", 100)
        points = [[rows[0, i], rows[1, i]] for i in range(100)]
        parameters = [p[i] for i in range(337)]
        loss = programs.mlp(self.xp, parameters, points, [labels[i] for i in range(100)])
        return ca.Function("f", [p, rows, labels], [loss, ca.gradient(loss, p)])


class CasadiScalarsC(CasadiScalars, CasadiC):
    """Its C; with -O3 the compiler is not done after four minutes."""

    flags = ("-O1", "-march=native")


# ---- AADC, ddx ------------------------------------------------------------------------------


class Aadc:
    """Records once, compiles the recording (its default backend), replays it forwards and back."""

    def __init__(self) -> None:
        import aadc

        self.aadc = aadc

    def compiled(self, work: str) -> Compiled:
        functions = self.aadc.Functions()
        functions.start_recording()
        parameters, rows, labels = programs.arguments(work)
        leaves = [self.aadc.idouble(x) for x in parameters]
        inputs = [leaf.mark_as_input() for leaf in leaves]
        xp = SimpleNamespace(relu=lambda x: self.aadc.math.max(x, 0.0))
        result = programs.mlp(xp, leaves, rows, labels).mark_as_output()
        functions.stop_recording()
        functions.compile()
        space = functions.create_workspace()
        for argument, x in zip(inputs, parameters, strict=True):
            space.set_val(argument, x)

        def call() -> None:
            space.forward()
            space.set_diff(result, 1.0)
            space.reverse()

        return Compiled(call, lambda _: (space.val(result), [space.diff(i) for i in inputs]))


class Ddx:
    """The unrolled graph through LLVM."""

    def __init__(self) -> None:
        import ddx
        import numpy

        self.ddx, self.numpy = ddx, numpy

    def compiled(self, work: str) -> Compiled:
        parameters, rows, labels = programs.arguments(work)
        xp = SimpleNamespace(relu=lambda x: self.ddx.max(x, 0.0))

        @self.ddx.equation  # type: ignore[untyped-decorator]
        def f() -> Any:
            leaves = [self.ddx.var(f"p{i}") for i in range(len(parameters))]
            return programs.mlp(xp, leaves, rows, labels)

        f.compile()
        x = self.numpy.array(parameters)
        return Compiled(
            partial(f.gradient, x), lambda gradient: (float(f.evaluate(x)), flat(gradient))
        )


# ---- who does what --------------------------------------------------------------------------


def program_of(work: str) -> Callable[..., Any]:
    """The program of a work: `gpt` for documents of any length."""
    return programs.gpt if work.startswith("gpt") else getattr(programs, work)


def argnums(work: str) -> int | tuple[int, ...]:
    """What is differentiated: all five inputs of the price, else the first argument."""
    return (0, 1, 2, 3, 4) if work == "price" else 0


class Engine(NamedTuple):
    """A way to compile."""

    package: str  # whose environment it runs in
    make: Callable[[], Any]
    works: tuple[str, ...]
    is_slow: bool = False  # ready after a minute: measured in one round only


ENGINES = {
    "foldgrad": Engine("foldgrad", Foldgrad, WORKS),
    "foldgrad call": Engine("foldgrad", FoldgradCall, WORKS),
    "foldgrad Module": Engine("foldgrad", FoldgradModule, ("mlp",)),
    "foldgrad eager": Engine("foldgrad", FoldgradEager, WORKS),
    "C by hand": Engine("foldgrad", ByHand, ("mlp", "pendulum")),
    "jax": Engine("jax", Jax, WORKS),
    "casadi": Engine("casadi", Casadi, ("mlp", "pendulum", "price")),
    "casadi C": Engine("casadi", CasadiC, ("mlp", "pendulum", "price")),
    "casadi call": Engine("casadi", CasadiCall, ("price",)),
    "casadi scalars": Engine("casadi", CasadiScalars, ("mlp",)),
    "casadi scalars C": Engine("casadi", CasadiScalarsC, ("mlp",), is_slow=True),
    "aadc": Engine("aadc", Aadc, ("mlp",)),
    "ddx": Engine("ddx-ad", Ddx, ("mlp",), is_slow=True),
}
