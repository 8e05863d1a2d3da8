"""The package as it is installed: what importing it loads, what it exports, that it is documented."""

from __future__ import annotations

import builtins
import doctest
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import tomllib
from operator import attrgetter
from pathlib import Path

import pytest

import autograd
import nn
from autograd import OPS, Op, Value
from autograd.ops import BUILT_IN, TABLE

ROOT = Path(__file__).parent.parent


def run(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_and_computing_loads_nothing_heavy():
    program = """
import sys
import tomllib
import autograd
from autograd import Value, grad, gradcheck, hessian
heavy = ("numpy", "graphviz", "tqdm", "matplotlib", "pandas", "mpmath", "llvmlite", "jax", "torch")
print(*(name for name in heavy if name in sys.modules), sep=",")
y = (Value(2.0) * 3).tanh() + 2 ** Value(1.0)
y.backward()
repr(y), f"{y:.2f}", hessian(lambda x: x[0] ** 2)([1.0]), gradcheck(autograd.sin, [1.0])
print(*(name for name in heavy if name in sys.modules), sep=",")
"""
    assert run(program).split("\n")[:2] == ["", ""]


def test_importing_autograd_does_not_import_nn():
    assert run("import sys, autograd; print('nn' in sys.modules)").strip() == "False"


def test_drawing_loads_when_first_used():
    program = (
        "import sys, autograd as a; old = [*sys.modules]; a.draw; print('graphviz' in old, a.draw)"
    )
    assert run(program).startswith("False <function draw")


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_packages_say_that_they_are_typed(package):
    assert (ROOT / package / "py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "py.typed" in settings["tool"]["setuptools"]["package-data"][package]


def test_everything_in_all_is_there_and_listed_once():
    assert len(set(autograd.__all__)) == len(autograd.__all__)
    for name in autograd.__all__:
        assert getattr(autograd, name) is not None
    names = {}
    exec("from autograd import *", names)
    assert set(autograd.__all__) <= set(names)


def test_a_star_import_hides_nothing_of_pythons():
    assert not {name for name in autograd.__all__ if hasattr(builtins, name)}


def test_every_op_is_a_function_of_the_package():
    for row in TABLE:
        assert getattr(autograd, row.name) is OPS[row.name] is row and row.name in BUILT_IN


def test_a_name_that_is_not_there_is_refused_with_a_hint():
    with pytest.raises(
        AttributeError, match=r"module 'autograd' has no attribute 'tahn'; .*autograd.OPS"
    ):
        autograd.tahn  # noqa: B018
    with pytest.raises(ImportError):
        exec("from autograd import tahn")


def test_no_module_bears_the_name_of_a_public_function():
    modules = {module.name for module in pkgutil.iter_modules(autograd.__path__)}
    assert not modules & set(autograd.__all__)


def public_functions():
    """What a user or another file calls, and what each package exports."""
    for package in (autograd, nn):
        for name in package.__all__:
            thing = getattr(package, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{package.__name__}.{name}", thing
    for place, names in (
        (autograd.engine, ("graph", "local_partials")),
        (autograd.pytree, ("flatten", "Shape.fill", "Shape.take")),
        (autograd.ops, ("find", "number", "Op", "op")),
        (autograd.check, ("difference", "gradcheck")),
        (autograd.engine, ("Value.backward", "Value.zero_grad", "Value.detach")),
    ):
        for name in names:
            yield f"{place.__name__}.{name}", attrgetter(name)(place)


@pytest.mark.parametrize(
    "name, thing", list(public_functions()), ids=lambda x: x if type(x) is str else ""
)
def test_every_public_function_and_class_has_an_example(name, thing):
    assert doctest.DocTestParser().get_examples(thing.__doc__ or ""), f"{name} has no doctest"


@pytest.mark.parametrize(
    "name", [f"autograd.{m.name}" for m in pkgutil.iter_modules(autograd.__path__)]
)
def test_every_file_says_what_it_is_for(name):
    assert len(importlib.import_module(name).__doc__.strip().split("\n")[0]) > 20


def test_the_public_methods_of_a_value_are_documented():
    for name in ("backward", "zero_grad", "detach", "has_grad"):
        assert getattr(Value, name).__doc__
    for row in TABLE:
        assert isinstance(row, Op) and row.__doc__


def test_version_of_python():
    assert sys.version_info >= (3, 11)
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
