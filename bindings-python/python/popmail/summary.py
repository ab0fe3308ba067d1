"""Summaries: what stands in the headers of messages, before they are fetched.

Here is also :class:`Ahead`, which asks for several contents in order with a
bounded number of octets under way; fetching by state uses it too.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from . import event as ev
from ._dialogue import Dialogue, Steps, checked
from ._native import Address, Headers, parse
from .error import CommandError

__all__ = ["Summary"]


class Summary(NamedTuple):
    """What a message is, from its header alone.

    Attributes:
        number: The message number, 1 or more, in this session.
        uid: The unique id, ``None`` if the server has none.
        octets: The size as the server lists it, ``None`` if it does not.
        subject: The subject, decoded.
        from_: The authors.
        to: The primary recipients.
        date: When it was written, with the writer's zone.
        message_id: Its identifier, without angle brackets.
        headers: Every header field.
    """

    number: int
    uid: str | None
    octets: int | None
    subject: str | None
    from_: list[Address]
    to: list[Address]
    date: datetime | None
    message_id: str | None
    headers: Headers


class Listing(NamedTuple):
    """The answers to LIST and to UIDL; without UIDL there are no uids."""

    sizes: list[tuple[int, int]]
    uids: list[tuple[int, str]]


def listing(dialogue: Dialogue) -> Steps[Listing]:
    """Asks for sizes and uids, both at once."""
    dialogue.check_open()
    list_handle = dialogue.engine.list()
    uidl_handle = dialogue.engine.uidl()
    sizes = yield from dialogue.finish("LIST", list_handle)
    assert isinstance(sizes, ev.ListReceived)
    try:
        uids = yield from dialogue.finish("UIDL", uidl_handle)
    except CommandError as error:
        if error.fatal:
            raise
        return Listing(list(sizes.entries), [])
    assert isinstance(uids, ev.UidlReceived)
    return Listing(list(sizes.entries), list(uids.entries))


class Ahead:
    """Contents in order, with a bounded number of octets under way.

    Call :meth:`next` until it gives ``None``, and :meth:`stop` at the end in
    any case.

    Args:
        dialogue: The connection.
        wanted: Message numbers and about how many octets each will bring.
        ask: Sends the command for a number and returns its handle.
        verb: The command's name, for messages.
    """

    def __init__(
        self, dialogue: Dialogue, wanted: Iterable[tuple[int, int]], ask: Callable[[int], int], verb: str
    ) -> None:
        self._dialogue = dialogue
        self._prefetch = dialogue.engine.prefetch(list(wanted))
        self._ask = ask
        self._verb = verb
        self._asked: deque[tuple[int, int]] = deque()

    def next(self) -> Steps[tuple[int, bytes | CommandError] | None]:
        """A message number with its content, or with the server's refusal; ``None`` after the last."""
        dialogue = self._dialogue
        dialogue.check_open()
        while (ahead := self._prefetch.ask()) is not None:
            self._asked.append((self._ask(ahead), ahead))
        if not self._asked:
            return None
        handle, number = self._asked.popleft()
        try:
            result = yield from dialogue.finish(self._verb, handle)
        except CommandError as error:
            if error.fatal:
                raise
            self._prefetch.handed_out()
            return number, error
        self._prefetch.handed_out()
        assert isinstance(result, ev.ContentFinished)
        return number, result.content

    @property
    def is_waiting(self) -> bool:
        """True if something was asked for that was not handed out."""
        return bool(self._asked)

    def stop(self) -> None:
        """The reader wants no more: what is under way arrives and is let go."""
        self._dialogue.discard(handle for handle, _ in self._asked)
        self._asked.clear()


class Summaries:
    """Summaries in order. Call :meth:`begin`, then :meth:`next` until it gives ``None``, and :meth:`stop`."""

    def __init__(self, dialogue: Dialogue, numbers: Iterable[int] | None, *, retr: bool) -> None:
        dialogue.check_open()
        self._dialogue = dialogue
        self._wanted = None if numbers is None else [checked(number) for number in numbers]
        self._retr = retr
        self._tops: Ahead | None = None

    def begin(self) -> Steps[None]:
        """Asks what there is. Comes before the first summary."""
        dialogue = self._dialogue
        sizes, uids = yield from listing(dialogue)
        self._octets = dict(sizes)
        self._uids = dict(uids)
        wanted = list(self._octets) if self._wanted is None else self._wanted
        self._tops = Ahead(
            dialogue,
            [(number, HEADER_OCTETS) for number in wanted],
            lambda number: dialogue.engine.top(number, 0),
            "TOP",
        )

    def next(self) -> Steps[Summary | None]:
        """The next summary, ``None`` after the last."""
        assert self._tops is not None
        answer = yield from self._tops.next()
        if answer is None:
            return None
        number, content = answer
        if isinstance(content, CommandError):
            if not self._retr:
                raise content
            content = yield from self._dialogue.retr(number)
        message = parse(content)
        return Summary(
            number,
            self._uids.get(number),
            self._octets.get(number),
            message.subject,
            message.from_,
            message.to,
            message.date,
            message.message_id,
            message.headers,
        )

    def stop(self) -> None:
        """The reader wants no more."""
        if self._tops is not None:
            self._tops.stop()


HEADER_OCTETS = 4096
"""What a header is taken to bring, for the bound on what is under way. Some servers send the whole message."""
