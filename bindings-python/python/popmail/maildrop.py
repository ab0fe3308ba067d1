"""What a server serves: messages with numbers, sizes and unique ids."""

import dataclasses
from collections.abc import AsyncIterable, Awaitable, Iterable, Sequence
from typing import Protocol

from ._native import Maildir, Mbox, MemoryMaildrop

__all__ = ["Account", "AsyncMaildrop", "Content", "Maildir", "Maildrop", "MaildropReader", "Mbox", "MemoryMaildrop"]


class MaildropReader(Protocol):
    """A message that is being read."""

    def read(self, size: int, /) -> bytes:
        """Returns up to ``size`` octets as they are stored; ``b""`` at the end."""
        ...

    def close(self) -> None:
        """Ends the reading."""
        ...


class _AsyncReader(Protocol):
    """A message that is being read, by coroutines."""

    def read(self, size: int, /) -> Awaitable[bytes]: ...
    def close(self) -> Awaitable[None] | None: ...


Content = bytes | MaildropReader | Iterable[bytes] | AsyncIterable[bytes] | _AsyncReader
"""A message: whole, a file that is open, or pieces of any size, which a generator may yield."""


class Maildrop(Protocol):
    """Where a server takes messages from.

    :class:`popmail.MemoryMaildrop`, :class:`popmail.Maildir` and
    :class:`popmail.Mbox` are some; any object with these methods is one. They
    are called in a thread, one at a time, and may block. What they raise is
    logged, and the client is told that it may try again later; for
    ``BlockingIOError`` out of ``refresh``, that another has the maildrop.

    A method ``release()``, where there is one, is called when the session ends.
    """

    def refresh(self) -> None:
        """Looks again at what there is, at the start of a session."""
        ...

    def entries(self) -> Sequence[tuple[str, int]]:
        """Returns ``(uid, octets)`` of each message; the first has number 1.

        A uid is 1 to 70 characters of printable ASCII without space, stays
        with its message and occurs once (RFC 1939 section 7). ``octets`` is
        the size with every line end counted as CRLF.
        """
        ...

    def open(self, number: int, /) -> Content:
        """Opens a message; ``FileNotFoundError`` says that it is gone."""
        ...

    def commit(self, deleted: Sequence[int], /) -> None:
        """Removes messages for good: all of them, or it raises."""
        ...


class AsyncMaildrop(Protocol):
    """The same with coroutines, which run in the server's event loop."""

    def refresh(self) -> Awaitable[None]: ...
    def entries(self) -> Awaitable[Sequence[tuple[str, int]]]: ...
    def open(self, number: int, /) -> Awaitable[Content] | AsyncIterable[bytes]: ...
    def commit(self, deleted: Sequence[int], /) -> Awaitable[None]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """A user of a server.

    Attributes:
        password: The password; APOP and SCRAM are checked with it too. None
            for a user that has a token only.
        maildrop: The messages. Several accounts may share one.
    """

    password: str | None = dataclasses.field(repr=False)
    maildrop: Maildrop | AsyncMaildrop
