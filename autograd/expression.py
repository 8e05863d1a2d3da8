"""Arithmetic as text, such as ``a*b + b**3``, evaluated on Values: safe for text from anywhere.

Python's own parser reads it; of what that knows, only numbers, names, + - * / // % **, and calls of
ops are evaluated, all on floats: no text is run, and none can take long.
"""

from __future__ import annotations

import ast
import math
import unicodedata
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from .engine import Value
from .ops import OPS, SequenceOp, number

LONGEST, DEEPEST = 2_000, 100  # characters; levels of what stands inside of what
LONGEST_LABEL = 24
CONSTANTS = {"pi": math.pi, "e": math.e}
OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.USub: "neg", ast.UAdd: "identity",
}  # fmt: skip
REFUSED = {  # and what else Python knows, under its own name for it
    ast.Attribute: "an attribute", ast.BoolOp: "a logical operation", ast.Compare: "a comparison",
    ast.Dict: "a dict", ast.IfExp: "an if", ast.JoinedStr: "an f-string", ast.Lambda: "a lambda",
    ast.NamedExpr: "an assignment", ast.Set: "a set", ast.Starred: "a star", ast.Subscript: "an index",
}  # fmt: skip
ALLOWED = "use numbers, names, + - * / // % **, and ops such as tanh(x)"


class Refused(ValueError):
    """This text is no arithmetic, or a number is missing."""


def evaluate(text: str, numbers: Mapping[str, float], who: str = "evaluate") -> Value:
    """Compute what a text says, on Values labelled by the names in it.

    What was computed is labelled by its own piece of the text, if that is short. Ops are called by
    name, those over sequences with lists: ``sum([a, b])``. The names pi and e are known.

    Args:
        numbers: one for each name in the text.
        who: what the user called, for messages.

    Raises:
        Refused: if it is something else than arithmetic, or numbers do not match the names.

    >>> y = evaluate("a*b + tanh(b)", {"a": 2.0, "b": 0.0})
    >>> y.data, y.label, y.inputs[0].label
    (0.0, 'a*b + tanh(b)', 'a*b')
    >>> evaluate("a.real", {"a": 2.0})
    Traceback (most recent call last):
    autograd.expression.Refused: evaluate: expected arithmetic, got an attribute: 'a.real'; use ...
    """
    return _Expression(text, numbers, who).result()


class _Expression:
    def __init__(self, text: str, numbers: Mapping[str, float], who: str) -> None:
        self.text, self.who = text.strip(), who
        self.tree = self._parsed()
        for node in ast.walk(self.tree):  # before the names: what is refused may bring its own
            if isinstance(node, ast.expr) and not _is_arithmetic(node):
                self._refuse_node(node)
        # Python reads names so, too: the micro sign is the letter μ.
        given = {unicodedata.normalize("NFKC", name): x for name, x in numbers.items()}
        self._check_names(given)
        self.values = {name: Value(x, label=name) for name, x in given.items()}

    def result(self) -> Value:
        try:
            y = self._value(self.tree)
        except (TypeError, ValueError) as error:  # an op, of its inputs
            raise error if isinstance(error, Refused) else Refused(f"{self.who}: {error}") from None
        if not isinstance(y, Value):
            self._refuse(
                f"a name to differentiate by, got {self.text!r:.60} = {y:g}",
                "write, for instance, x**2 and x=3",
            )
        y.label = y.label or self.text
        return y

    def _parsed(self) -> ast.expr:
        if len(self.text) > LONGEST:
            self._refuse(
                f"at most {LONGEST:,} characters, got {len(self.text):,}",
                "write a Python program that computes with Values",
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            deep = isinstance(error, (RecursionError, MemoryError))
            reason = "too deeply nested" if deep else str(getattr(error, "msg", error))
            self._refuse(f"arithmetic, got {self.text!r:.60} ({reason})", ALLOWED)
        level: list[ast.AST] = [tree]
        for _ in range(DEEPEST):
            level = [inner for node in level for inner in ast.iter_child_nodes(node)]
        if level:
            self._refuse(
                f"at most {DEEPEST} levels of what stands inside of what, got more",
                "of a long sum make sum([...])",
            )
        return tree

    def _check_names(self, given: Mapping[str, float]) -> None:
        called = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        used = [x for x in ast.walk(self.tree) if isinstance(x, ast.Name) and id(x) not in called]
        used.sort(key=lambda node: (node.lineno, node.col_offset))
        names = list(dict.fromkeys(node.id for node in used))
        missing = [name for name in names if name not in {*given, *CONSTANTS}]
        for name in missing:
            if name in OPS:
                self._refuse(f"{name}, which is an op, to be called", f"write {name}(...)")
        if missing:
            what = "a number" if len(missing) == 1 else "numbers"
            missing = missing[:8]
            examples = " ".join(f"{name}=2" for name in missing)
            self._refuse(f"{what} for {', '.join(missing)}", f"add {examples}")
        for name in given:
            if name not in names:
                self._refuse(f"numbers for names in {self.text!r:.60}, got {name}", "leave it out")

    def _value(self, node: ast.expr) -> Any:
        y = self._computed(node)
        text = " ".join((ast.get_source_segment(self.text, node) or "").split())
        if isinstance(y, Value) and not y.label and len(text) <= LONGEST_LABEL:
            y.label = text
        return y

    def _computed(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=x):
                return number(x, self.who)
            case ast.Name(id=name):
                return self.values[name] if name in self.values else CONSTANTS[name]
            case ast.UnaryOp(op=ast.UAdd(), operand=x):
                return self._value(x)
            case ast.UnaryOp(op=sign, operand=x):
                return OPS[OPERATORS[type(sign)]].on(self._value(x))
            case ast.BinOp(left=a, op=sign, right=b):
                return OPS[OPERATORS[type(sign)]].on(self._value(a), self._value(b))
            case ast.Call(func=ast.Name(id=name)):
                return self._called(node, name)
            case _:
                self._refuse_node(node)

    def _called(self, node: ast.Call, name: str) -> Any:
        if name not in OPS:
            near = [op for op in OPS if op.startswith(name)] or get_close_matches(name, OPS, 3)
            hint = f"there is {', '.join(near[:3])}" if near else "autograd.OPS lists all"
            self._refuse(f"the name of an op, got {name!r:.40}", hint)
        op = OPS[name]
        if isinstance(op, SequenceOp):
            if node.keywords:
                self._refuse(f"lists alone, got {self._piece(node)}", f"write {name}([a, b])")
            return op(*map(self._sequence, node.args))
        return op.on(*map(self._value, node.args), **self._named(node))

    def _sequence(self, node: ast.expr) -> Any:
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._value(x) for x in node.elts]
        return self._value(node)

    def _named(self, node: ast.Call) -> dict[str, Any]:
        if any(keyword.arg is None for keyword in node.keywords):
            self._refuse(f"arithmetic, got ** before an argument in {self._piece(node)}", ALLOWED)
        return {str(keyword.arg): self._value(keyword.value) for keyword in node.keywords}

    def _refuse_node(self, node: ast.AST) -> NoReturn:
        what, advice = REFUSED.get(type(node), f"a {type(node).__name__.lower()}"), ALLOWED
        match node:
            case ast.Attribute(attr=name) if name in OPS:
                advice = f"write {name}(x), with no dot"
            case ast.Constant(value=x):
                what = f"a {type(x).__name__}"
            case ast.BinOp(op=ast.BitXor()):
                what, advice = "^", "a power is written **"
            case ast.UnaryOp() | ast.BinOp():
                what = "another operator"
        self._refuse(f"arithmetic, got {what}: {self._piece(node)}", advice)

    def _refuse(self, expected: str, what_to_do: str) -> NoReturn:
        raise Refused(f"{self.who}: expected {expected}; {what_to_do}")

    def _piece(self, node: ast.AST) -> str:
        return f"{ast.get_source_segment(self.text, node)!r:.60}"


def _is_arithmetic(node: ast.expr) -> bool:
    """Say whether this may stand in an expression; where lists may is seen when it is computed."""
    match node:
        case ast.Constant(value=x):
            return type(x) in (int, float)
        case ast.UnaryOp(op=sign) | ast.BinOp(op=sign):
            return type(sign) in OPERATORS
    return isinstance(node, (ast.Name, ast.Call, ast.List, ast.Tuple))
