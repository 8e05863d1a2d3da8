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

from typing import TYPE_CHECKING, Any

from .check import gradcheck
from .conventions import CONVENTIONS
from .engine import ParameterPath, Value
from .functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .modes import detect_anomaly, no_grad
from .ops import OPS, TABLE, Op, op, softmax

globals().update({row.name: row for row in TABLE})  # exp, log, sin, ...: every op is a function

__all__ = [
    *("Value", "ParameterPath", "Op", "OPS", "op", "softmax", "no_grad", "detect_anomaly"),
    *("grad", "value_and_grad", "jacobian", "hessian", "hvp", "jvp", "vjp", "gradcheck"),
    *("draw", "CONVENTIONS"),
    *(row.name for row in TABLE),
]

if TYPE_CHECKING:
    from .drawing import draw

    def __getattr__(name: str) -> Op: ...  # the ops of the table

else:

    def __getattr__(name: str) -> Any:
        if name == "draw":  # loads graphviz when used
            from .drawing import draw

            globals()["draw"] = draw
            return draw
        raise AttributeError(f"module 'autograd' has no attribute {name!r}; its ops: see autograd.OPS")
