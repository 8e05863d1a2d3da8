"""foldgrad: automatic differentiation of ordinary scalar Python code.

`Value` records what is computed with it; `backward()` is the chain rule over that record.

>>> from autograd import Value
>>> a, b = Value(-4.0), Value(2.0)
>>> c = a * b + b**3
>>> c.backward()
>>> a.grad, b.grad
(2.0, 8.0)
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from .check import gradcheck
from .conventions import CONVENTIONS
from .engine import ParameterPath, Value
from .functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .modes import detect_anomaly, no_grad
from .ops import OPS, TABLE, Op, op, softmax

__all__ = [
    "CONVENTIONS", "OPS", "Op", "ParameterPath", "Value", "detect_anomaly", "draw", "explain",
    "grad",
    "gradcheck", "hessian", "hvp", "jacobian", "jit", "jvp", "no_grad", "op", "softmax",
    "value_and_grad", "tree", "vjp",
]  # fmt: skip

globals().update({row.name: row for row in TABLE})  # exp, log, sin, ...: every op is a function
# ... which a star import brings too, but for those named like Python's own: abs, pow, round, sum.
__all__ += [row.name for row in TABLE if not hasattr(builtins, row.name)]

if TYPE_CHECKING:
    from .compiler.dispatch import jit
    from .drawing import draw, explain, tree
    from .ops import SequenceOp

    sum: SequenceOp
    prod: SequenceOp
    dot: SequenceOp
    mean: SequenceOp
    norm: SequenceOp
    logsumexp: SequenceOp

    def __getattr__(name: str) -> Op: ...  # the other ops of the table

else:
    _WHEN_USED = dict.fromkeys(("draw", "explain", "tree"), ".drawing")
    _WHEN_USED["jit"] = ".compiler.dispatch"

    def __getattr__(name: str) -> Any:
        if name in _WHEN_USED:
            from importlib import import_module

            globals()[name] = getattr(import_module(_WHEN_USED[name], __name__), name)
            return globals()[name]
        raise AttributeError(
            f"module 'autograd' has no attribute {name!r}; its ops: see autograd.OPS"
        )

    def __dir__() -> list[str]:
        return sorted({*__all__, *OPS})
