"""Module: a thing with parameters, made of other Modules.

Nothing is registered: a Module's parameters are the leaf Values found in its attributes, in lists,
tuples, dicts and NumPy arrays of them, and in Modules held so. Constructing a Module labels them by
their paths, which is how pictures know parameters and draw the Modules around them.

    path    where a parameter or Module sits, as in "layers.0.neurons.3.w1"; "" is the root
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, product
from reprlib import recursive_repr
from typing import Any

from autograd import Value
from autograd.engine import ParameterPath
from autograd.ops import number


class _Labelling(ABCMeta):
    """Labels the parameters when the constructor is done, so that it need not call super()."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        for path, parameter in module.named_parameters():
            parameter.label = ParameterPath(path)
        return module

    @property
    def __signature__(cls: Any) -> Any:
        """What help() and editors show: the parameters of the constructor."""
        import inspect

        return inspect.signature(cls.__init__.__get__(cls))


class Module(metaclass=_Labelling):
    """Anything with parameters: assign Values and Modules to attributes, define ``__call__``.

    The Module constructed last labels the parameters under it: those of a Module that is assigned
    inside another get its attribute's name in front.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).data, [name for name, _ in line.named_parameters()]
    (7.0, ['slope', 'offset'])
    """

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output; every Module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__; define what it computes")

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield (path, parameter) in order of assignment; a shared one once, at its first path.

        >>> from nn import MLP
        >>> [path for path, _ in MLP(1, [1]).named_parameters()]
        ['layers.0.neurons.0.w1', 'layers.0.neurons.0.b']
        """
        return ((path, item) for path, item in _walk(self) if isinstance(item, Value))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield (path, Module) for this one, whose path is "", and all inside it.

        >>> from nn import Layer
        >>> [path for path, _ in Layer(1, 2).named_modules()]
        ['', 'neurons.0', 'neurons.1']
        """
        return ((path, item) for path, item in _walk(self) if isinstance(item, Module))

    def parameters(self) -> list[Value]:
        """List the parameters, in the order of `named_parameters`.

        >>> from nn import MLP
        >>> len(MLP(2, [16, 16, 1]).parameters())
        337
        """
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients, before the next backward pass adds to them.

        >>> from nn import Neuron
        >>> neuron = Neuron(1, activation="tanh")
        >>> neuron([0.5]).backward()
        >>> neuron.zero_grad()
        >>> [p.grad for p in neuron.parameters()]
        [0.0, 0.0]
        """
        for parameter in self.parameters():
            parameter.zero_grad()

    def training_record(self, X: Any, y: Any, **options: Any) -> Any:
        """Return what `autograd.explain(model, X, y)` shows: see `nn.explaining.training_record`.

        >>> from nn import Neuron
        >>> record = Neuron(1, activation="tanh", rng=0).training_record([[1.0]], [0.5])
        >>> record.names[-1], record.losses[-1] < record.losses[0]
        ('step 50', True)
        """
        from .explaining import training_record

        return training_record(self, X, y, **options)

    def state_dict(self) -> dict[str, float]:
        """Return a copy of the parameters' numbers by path.

        >>> from nn import Neuron
        >>> sorted(Neuron(2, init=0.0).state_dict().items())
        [('b', 0.0), ('w1', 0.0), ('w2', 0.0)]
        """
        state: dict[str, float] = {}
        for path, parameter in self.named_parameters():
            if path in state:
                raise ValueError(
                    f"{type(self).__name__}: expected one parameter a path, got two at {path!r}; "
                    "rename an attribute or a dictionary's key"
                )
            state[path] = parameter.data
        return state

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set all parameters from what `state_dict` returned; on an error none is changed.

        Args:
            state: one number per path of `named_parameters`, and nothing else.

        Raises:
            ValueError: if a path is missing or unexpected.
            TypeError: if a number is none.

        >>> from nn import Neuron
        >>> neuron = Neuron(1)
        >>> neuron.load_state_dict({"w1": 2.0, "b": -1.0})
        >>> neuron([3.0]).data
        5.0
        """
        here = self.state_dict()
        missing = [path for path in here if path not in state]
        unexpected = [path for path in state if path not in here]
        if missing or unexpected:
            raise ValueError(
                f"{type(self).__name__}: expected a number for each of its {len(here)} parameters, "
                f"got {_some(missing)} missing and {_some(unexpected)} unexpected; "
                "build the model as the one that was saved"
            )
        numbers = [number(state[path], f"the state of {path!r}") for path in here]
        for (_, parameter), x in zip(self.named_parameters(), numbers):
            parameter.data = x

    def kind(self) -> str:
        """Say what this Module is without what is inside it; saved models are checked against it.

        >>> from nn import Neuron
        >>> Neuron(2, activation="tanh").kind()
        'TanhNeuron(2)'
        """
        return type(self).__name__

    def _children(self) -> Iterable[tuple[str, Any]]:
        """The attributes, as (name, value); a Module may name what it holds differently."""
        return vars(self).items()

    @recursive_repr()
    def __repr__(self) -> str:
        shown = [f"{name}={grouped(child)}" for name, child in self._children() if _modules(child)]
        return f"{self.kind()}({', '.join([*shown, f'{len(self.parameters())} parameters'])})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from autograd.drawing import mimebundle

        return mimebundle(self)


def _walk(root: Module) -> Iterator[tuple[str, Any]]:
    """Every Module and leaf Value under ``root`` with its path, depth first, each once."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Value):
            if item.op is None:  # a computed Value is no parameter
                yield path, item
            continue
        if isinstance(item, Module):
            yield path, item
        prefix = f"{path}." if path else ""
        stack.extend([(f"{prefix}{name}", x) for name, x in _inside(path, item)][::-1])


def _inside(path: str, item: Any) -> Iterable[tuple[Any, Any]]:
    """What ``item`` holds, as (name, value)."""
    match item:
        case Module():
            return item._children()
        case dict():
            return item.items()
        case list() | tuple():
            return enumerate(item)
        case set() | frozenset() if any(isinstance(x, (Value, Module)) for x in item):
            raise TypeError(
                f"Module: expected parameters and Modules in lists, tuples, dicts or arrays, got a "
                f"{type(item).__name__} of them at {path!r}, which has no order; make it a list"
            )
    if type(item).__name__ == "ndarray" and item.dtype == object:
        places = product(*map(range, item.shape))
        return [(".".join(map(str, place)) or "0", item[place]) for place in places]
    return ()


def _modules(child: Any) -> list[Module]:
    """The Modules that an attribute is or lists; [] if it is anything else."""
    items = child if isinstance(child, (list, tuple)) else [child]
    return [x for x in items if isinstance(x, Module)]


def grouped(child: Any) -> str:
    """Show a Module, or a list of them with equal neighbours counted: [16 × ReLUNeuron(2)]."""
    if isinstance(child, Module):
        return repr(child)
    counted = [(len(list(same)), text) for text, same in groupby(map(repr, _modules(child)))]
    return f"[{', '.join(text if n == 1 else f'{n} × {text}' for n, text in counted)}]"


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return f"{len(names)} ({shown}{', …' if len(names) > 3 else ''})" if names else "none"
