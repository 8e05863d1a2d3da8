"""What a traced function read from outside, asked for again before each call.

Numbers are inputs of the compiled function; everything else must be as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, NamedTuple

from ..engine import Value
from .reach import MISSING, Place, Reach
from .structure import sameness


def still_there(places: Iterable[Place], counted: Iterable[Any]) -> Callable[[], bool]:
    """Return a function that says whether places still hold the very objects found there.

    It is one expression, with a term for every place: Python has nothing that is quicker.

    Args:
        places: where something was found.
        counted: what must not have got more attributes, for then something else may be found.
    """
    terms, names = ["True"], dict[str, Any]()
    for k, (owner, name, found, _) in enumerate(places):
        if isinstance(owner, type):  # as it stands there: a descriptor, not what it gives
            owner = owner.__dict__
        names |= {f"o{k}": owner, f"f{k}": found}
        if not isinstance(owner, dict | MappingProxyType):
            is_plain = name.isidentifier() and not iskeyword(name)
            now = f"o{k}.{name}" if is_plain else f"getattr(o{k}, {name!r})"
            terms.append(f"{now} is f{k}")
        elif found is MISSING:
            terms.append(f"{name!r} not in o{k}")
        else:
            terms.append(f"o{k}[{name!r}] is f{k}")
    for k, owner in enumerate(counted):
        names[f"n{k}"] = namespace = vars(owner)
        terms.append(f"len(n{k}) == {len(namespace)}" if namespace else f"not n{k}")
        if isinstance(owner, type):
            names |= {f"c{k}": owner, f"m{k}": owner.__mro__}
            terms.append(f"c{k}.__mro__ is m{k}")
    return eval("lambda: " + " and ".join(terms), names)  # type: ignore[no-any-return]


class _State(NamedTuple):
    """What was captured at one time. Threads may call at once, so it is replaced as a whole."""

    reach: Reach
    still_there: Callable[[], bool]
    leaves: list[Any]

    def is_unchanged(self) -> bool:
        """Whether every name still means the same object, and containers hold what they held."""
        reach = self.reach
        try:
            if not self.still_there():
                return False
            if reach.reading.seen and not reach.reading.holds():
                return False
        except (LookupError, AttributeError, ValueError):  # deleted, or a cell that is empty
            return False
        return not reach.arrays or all(x.tobytes() == held for x, held in reach.arrays)


class Captures:
    """What was captured, to be asked for again."""

    def __init__(
        self, reach: Reach, roots: dict[str, Any], is_users: Callable[[str], bool]
    ) -> None:
        self._roots, self._is_users = roots, is_users
        self._adopted: list[Value] = []
        self._now = self._state(reach)
        self._settled: _State | None = None  # for which it is known that `_same` still holds

    def _state(self, reach: Reach) -> _State:
        places = [place for place in reach.places if place.owner is not self._roots]
        leaves = [*reach.reading.leaves, *self._adopted]
        return _State(reach, still_there(places, reach.counted), leaves)

    @property
    def reach(self) -> Reach:
        """Everything that was read."""
        return self._now.reach

    @property
    def leaves(self) -> list[Any]:
        """The numbers, in the order of the inputs."""
        return self._now.leaves

    def start(self, adopted: list[Value], arguments: Sequence[Any]) -> None:
        """Remember which Values are the same one, now that all are known.

        Args:
            adopted: Values that are inputs without a known place: they stay what they are.
            arguments: the leaves of the arguments.
        """
        self._adopted = adopted
        self._now = self._state(self.reach)
        self._same = _sameness(arguments, self.leaves)

    def current(self, arguments: Sequence[Any] = ()) -> list[Any] | None:
        """Return the captured numbers as they are now; None if more than numbers has changed.

        Args:
            arguments: the leaves of the call's arguments: a Value among them may be captured, too.
        """
        now = self._now
        has_values = Value in map(type, arguments)
        if now.is_unchanged():
            if self._settled is now and not has_values:
                return now.leaves  # nothing has changed since this was last asked
        else:
            reach = Reach(self._roots, self._is_users)
            if reach.reading.signature != now.reach.reading.signature:
                return None
            self._now = now = self._state(reach)
        if _sameness(arguments, now.leaves) != self._same:
            return None
        if not has_values:
            self._settled = now
        return now.leaves


def _sameness(arguments: Sequence[Any], leaves: list[Any]) -> tuple[int, ...]:
    """Which Values are the same one, if any is captured."""
    return sameness([*arguments, *leaves]) if Value in map(type, leaves) else ()
