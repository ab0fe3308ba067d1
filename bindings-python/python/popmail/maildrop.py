"""What a server serves: messages with numbers, sizes and unique ids."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from ._native import Maildir, MemoryMaildrop

__all__ = ["Account", "Maildir", "Maildrop", "MaildropReader", "MemoryMaildrop"]


class MaildropReader(Protocol):
    """A message that is being read."""

    def read(self, size: int, /) -> bytes:
        """Returns up to ``size`` octets as they are stored; ``b""`` at the end."""
        ...

    def close(self) -> None:
        """Ends the reading."""
        ...


class Maildrop(Protocol):
    """Where a server takes messages from.

    :class:`popmail.MemoryMaildrop` and :class:`popmail.Maildir` are two; any
    object with these methods is one. They are called in a thread, one at a
    time, and may block. What they raise is logged, and the client is told
    that it may try again later.
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

    def open(self, number: int, /) -> MaildropReader:
        """Opens a message; ``FileNotFoundError`` says that it is gone."""
        ...

    def commit(self, deleted: Sequence[int], /) -> None:
        """Removes messages for good; this ends the session."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """A user of a server.

    Attributes:
        password: The password; APOP digests are made from it too.
        maildrop: The messages. Several accounts may share one.
    """

    password: str = dataclasses.field(repr=False)
    maildrop: Maildrop
