"""The answers to LIST and UIDL as sequences: :class:`Entries`."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast, overload

__all__ = ["Entries"]

_Entry = TypeVar("_Entry", bound=tuple[Any, ...], covariant=True)


class _Pairs(Protocol):
    """What the native module gives."""

    def __len__(self) -> int: ...
    def __getitem__(self, at: int, /) -> tuple[Any, ...]: ...
    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...


class Entries(Sequence[_Entry], Generic[_Entry]):
    """The entries of a listing in the server's order, equal to a list of the same entries.

    An entry becomes an object when it is asked for, so that a listing of a
    million messages takes a few dozen megabytes; ``list(…)`` makes them all.
    """

    __slots__ = ("_make", "_pairs")

    def __init__(self, pairs: Any, make: type[_Entry]) -> None:
        self._pairs: _Pairs = pairs
        self._make = make

    @property
    def pairs(self) -> Any:
        """What the native module gave: a sequence of plain tuples."""
        return self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, at: int) -> _Entry: ...
    @overload
    def __getitem__(self, at: slice) -> list[_Entry]: ...
    def __getitem__(self, at: int | slice) -> _Entry | list[_Entry]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        return self._make(*self._pairs[at + len(self) if at < 0 else at])

    def __iter__(self) -> Iterator[_Entry]:
        make = self._make
        return (make(*pair) for pair in self._pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entries | list):
            return NotImplemented
        others = cast("Sequence[object]", other)
        return len(self) == len(others) and all(one == two for one, two in zip(self, others, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:_SHOWN]))
        more = ", …" if len(self) > _SHOWN else ""
        return f"[{shown}{more}]"


_SHOWN = 10
