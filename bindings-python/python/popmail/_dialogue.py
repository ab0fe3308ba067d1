"""A client's session without its I/O: what `Pop3`, `AsyncPop3` and `popmail.poplib` share.

The engine decides what POP3 demands; this file pairs its events with the
commands of the caller. Each command is a generator that yields what it needs
done (:data:`Need`), is sent the outcome, and returns the result: the host's
loop is written once, and whoever runs it only reads and writes.

The rule that it guards: a command that ends by anything but an answer leaves
the stream at an unknown place, so the connection is closed.
"""

import asyncio
import builtins
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from functools import cached_property
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar

from . import event as ev
from ._native import ClientEngine, Message, Prefetch, parse
from .capabilities import Capabilities
from .entries import Entries
from .error import CommandError, Pop3Error, UsageError

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
_Number = TypeVar("_Number", int, int | None)
_List = builtins.list  # `Dialogue.list` takes the name inside the class.


class Read(NamedTuple):
    """Octets are awaited: send them, ``b""`` at the end, or throw what `Transport.read` raises."""

    timeout: float | None


class Write(NamedTuple):
    """These are to be written."""

    octets: bytes


class StartTls(NamedTuple):
    """The TLS handshake is to be run now; send what ties a login to the channel (`channel_bindings`)."""


class Reconnect(NamedTuple):
    """A second connection is to take the place of the first, TLS included; send the same as for `StartTls`."""


class Store(NamedTuple):
    """A piece of a message for the caller's file: send what its ``write`` returned."""

    sink: Any
    octets: bytes


_LastEvent: TypeAlias = (
    ev.LoginFinished
    | ev.CommandFinished
    | ev.CommandFailed
    | ev.CapabilitiesReceived
    | ev.StatReceived
    | ev.ListReceived
    | ev.UidlReceived
    | ev.ContentFinished
    | ev.LanguagesReceived
)
Need: TypeAlias = Read | Write | StartTls | Reconnect | Store
Steps: TypeAlias = Generator[Need, Any, _Result]


def run(steps: Steps[_Result], perform: Callable[[Need], object]) -> _Result:
    """Runs a command to its end, with I/O that blocks."""
    try:
        need = next(steps)
        while True:
            try:
                outcome = perform(need)
            except BaseException as error:
                need = steps.throw(error)
            else:
                need = steps.send(outcome)
    except StopIteration as end:
        result: _Result = end.value
        return result


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None: ...


class Stat(NamedTuple):
    """The answer to STAT (RFC 1939 section 5)."""

    # The RFC's word, in place of the method of tuples that counts values.
    count: int  # type: ignore[assignment]
    octets: int


class ListEntry(NamedTuple):
    """A line of LIST: message number and size (RFC 1939 section 5)."""

    number: int
    octets: int


class UidlEntry(NamedTuple):
    """A line of UIDL: message number and unique id (RFC 1939 section 7)."""

    number: int
    uid: str


class Language(NamedTuple):
    """A language of a server's texts: its tag and its name in that language (RFC 6856 section 3)."""

    tag: str
    name: str


class RemoteMessage:
    """A message of a mailbox, fetched.

    Attributes:
        number: The message number, 1 or more, in this session.
        uid: The unique id, ``None`` if the server has none.
        octets: The size as the server lists it, ``None`` if it does not.
        raw: The message, byte for byte as the server sent it.
    """

    def __init__(self, dialogue: "Dialogue", number: int, uid: str | None, octets: int | None, raw: bytes) -> None:
        self._dialogue = dialogue
        self.number = number
        self.uid = uid
        self.octets = octets
        self.raw = raw

    @cached_property
    def message(self) -> Message:
        """The decoded message."""
        return parse(self.raw)

    def delete(self) -> None:
        """Marks the message; it goes when the session ends with QUIT.

        Nothing is waited for, with :class:`AsyncPop3` neither: the command
        joins those under way. A refusal is raised by a later command, at the
        latest by ``quit``, and then nothing is deleted.
        """
        self._dialogue.dele_later(self.number)

    def __repr__(self) -> str:
        return f"<RemoteMessage number={self.number} uid={self.uid!r} octets={self.octets}>"


class Dialogue:
    """One connection: the engine, and what belongs to it and not to the way of doing I/O.

    Args:
        engine: The engine, before its first octet.
        place: Where the server is, for messages: ``host port 995``.
        trace: Told every line of the dialogue, without secrets.
    """

    def __init__(self, engine: ClientEngine, place: str, trace: Callable[[str, str], object] | None = None) -> None:
        self.engine = engine
        self.place = place
        self._trace = trace
        self.transport: Closable | None = None
        self.closed = False
        self.greeting = b""
        self.deviations: dict[str, bytes] = {}
        self._results: dict[int, ev.ClientEvent] = {}
        self._unwanted: set[int] = set()
        self._deferred: deque[int] = deque()
        self._sinks: dict[int, object] = {}
        self._cause: OSError | None = None
        self._closed_by = ""
        self._stls: int | None = None
        self._login: int | None = None
        self.after_quit: _List[Callable[[], None]] = []
        """What is to be done when QUIT was answered ``+OK``."""

    @property
    def state(self) -> str:
        return "closed" if self.closed and self.engine.state != "failed" else self.engine.state

    def close(self) -> None:
        self.closed = True
        self._sinks.clear()
        if self.transport is not None:
            self.transport.close()

    def break_off(self, what: str, when: str, error: BaseException) -> None:
        """Closes, and remembers why where the error is none that says so itself."""
        if not self.closed and not isinstance(error, Pop3Error):
            how = "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "broken off"
            self._closed_by = f": {what} {how} {when}"
        self.close()

    def check_open(self) -> None:
        if self.closed:
            raise UsageError(
                f"the connection to {self.place} is closed{self._closed_by}",
                code="POP3_ERR_USAGE_CLOSED",
                fatal=True,
            )

    # Steps that `popmail.poplib` takes by themselves; a login takes them as the engine plans.

    def greet(self) -> Steps[bytes]:
        """Waits for the server's first line."""
        return self._until("the greeting", lambda: self.greeting or None)

    def stls(self) -> Steps[None]:
        """STLS and the TLS handshake."""
        self.check_open()
        self._stls = self.engine.stls()
        yield from self.finish("STLS", self._stls)

    def log_in(self, handle: int) -> Steps[None]:
        """Waits until the server has let the client in. What it can do then is asked together with the next command."""
        self._login = handle
        yield from self._until(
            "the login", lambda: handle in self._results or self.engine.state == "transaction" or None
        )
        if handle in self._results:
            yield from self.settle()

    def settle(self) -> Steps[None]:
        """Waits until a login is over with all that it asks."""
        if self._login is not None and not self.closed:
            handle, self._login = self._login, None
            yield from self.finish("the login", handle)

    # Commands.

    def stat(self) -> Steps[Stat]:
        result = yield from self._ask("STAT", self.engine.stat)
        assert isinstance(result, ev.StatReceived)
        return Stat(result.count, result.octets)

    def list(self, number: int | None) -> Steps[Entries[ListEntry]]:
        result = yield from self._ask("LIST", self.engine.list, checked(number))
        assert isinstance(result, ev.ListReceived)
        return Entries(result.entries, ListEntry)

    def uidl(self, number: int | None) -> Steps[Entries[UidlEntry]]:
        result = yield from self._ask("UIDL", self.engine.uidl, checked(number))
        assert isinstance(result, ev.UidlReceived)
        return Entries(result.entries, UidlEntry)

    def retr(self, number: int) -> Steps[bytes]:
        result = yield from self._ask("RETR", self.engine.retr, checked(number))
        assert isinstance(result, ev.ContentFinished)
        return result.content

    def retr_into(self, number: int, sink: object) -> Steps[int]:
        checked(number)
        self.check_open()
        handle = self.engine.retr(number, chunks=True)
        self._sinks[handle] = sink
        try:
            result = yield from self.finish("RETR", handle)
        finally:
            self._sinks.pop(handle, None)
        assert isinstance(result, ev.ContentFinished)
        return result.octets

    def top(self, number: int, lines: int) -> Steps[bytes]:
        if isinstance(lines, bool) or lines < 0:
            raise argument(f"lines must be 0 or more, got {lines!r}")
        result = yield from self._ask("TOP", self.engine.top, checked(number), lines)
        assert isinstance(result, ev.ContentFinished)
        return result.content

    def dele(self, number: int) -> Steps[None]:
        yield from self._ask("DELE", self.engine.dele, checked(number))

    def rset(self) -> Steps[None]:
        yield from self._ask("RSET", self.engine.rset)

    def noop(self) -> Steps[None]:
        yield from self._ask("NOOP", self.engine.noop)

    def capa(self) -> Steps[Capabilities]:
        result = yield from self._ask("CAPA", self.engine.capa)
        assert isinstance(result, ev.CapabilitiesReceived)
        return result.capabilities

    def lang(self, language: str | None) -> Steps[_List[Language] | str]:
        result = yield from self._ask("LANG", self.engine.lang, language)
        if isinstance(result, ev.LanguagesReceived):
            return [Language(*entry) for entry in result.languages]
        assert isinstance(result, ev.CommandFinished)
        return result.line.removeprefix(b"+OK").strip().decode("utf-8", "replace")

    def quit(self) -> Steps[None]:
        """Waits for the marks that were set in passing, then ends the session."""
        self.check_open()
        while self._deferred:
            yield from self.finish("DELE", self._deferred.popleft())
        handle = self.engine.quit()
        try:
            yield from self.finish("QUIT", handle)
        finally:
            self.close()
        for note in self.after_quit:
            note()

    def dele_later(self, number: int) -> None:
        self.check_open()
        self._deferred.append(self.engine.dele(number))

    def discard(self, handles: Iterable[int]) -> None:
        """What these commands still bring arrives and is let go."""
        for handle in handles:
            if self._results.pop(handle, None) is None:
                self._unwanted.add(handle)

    # The host's loop.

    def _ask(
        self, verb: str, command: Callable[_Arguments, int], *arguments: _Arguments.args, **options: _Arguments.kwargs
    ) -> Steps[ev.ClientEvent]:
        self.check_open()
        return self.finish(verb, command(*arguments, **options))

    def finish(self, what: str, handle: int) -> Steps[ev.ClientEvent]:
        """Turns the loop until a command has its last event; ``what`` names it where it is broken off."""

        def answer() -> ev.ClientEvent | None:
            return self._results.pop(handle, None)

        steps: Steps[ev.ClientEvent] = self._until(what, answer)
        result = yield from steps
        if isinstance(result, ev.CommandFailed):
            raise result.error
        while self._deferred and (marked := self._results.pop(self._deferred[0], None)) is not None:
            self._deferred.popleft()
            if isinstance(marked, ev.CommandFailed):
                raise marked.error
        return result

    def arrived(self, prefetch: Prefetch) -> _List[tuple[int, bytes]]:
        """Messages that are here already, with their numbers: without the cost of steps that await nothing."""
        # A mark's refusal goes first, and what came while another command was waited for.
        return [] if self._deferred or prefetch.oldest in self._results else self.engine.arrived(prefetch)

    def _until(self, what: str, outcome: Callable[[], _Result | None]) -> Steps[_Result]:
        try:
            while (result := outcome()) is None:
                event = self.engine.next_event()
                if event is None:
                    yield from self._turn()
                else:
                    yield from self._handle(event)
        except BaseException as error:
            # The stream stands somewhere in an answer: nobody can go on.
            self.break_off(f"{what} was", "before its answer was complete", error)
            raise
        return result

    def _turn(self) -> Steps[None]:
        """Writes what is due, waits for octets and hands them to the engine."""
        engine = self.engine
        try:
            if octets := engine.take_output():
                yield Write(octets)
        except OSError as error:
            # The server may have said why before it closed: read on.
            self._cause = error
        engine.handle_timeout(time.monotonic())
        if engine.state == "failed":
            return
        timeout = engine.timeout()
        try:
            # Never 0, which would mean: do not wait at all.
            received: bytes = yield Read(None if timeout is None else max(timeout, 0.001))
        except builtins.TimeoutError as error:
            self._cause = error
            engine.handle_timeout(time.monotonic())
        except OSError as error:
            self._cause = error
            engine.receive_eof()
        else:
            if received:
                engine.receive(received)
            else:
                engine.receive_eof()

    def _handle(self, event: ev.ClientEvent) -> Steps[None]:
        match event:
            case ev.ContentReceived():
                if (sink := self._sinks.get(event.handle)) is not None:
                    yield from _store(sink, event.chunk)
            case ev.GreetingReceived():
                self.greeting = event.line
            case ev.TlsReady():
                # Octets after the server's answer to STLS have ended it: the next event says so.
                if self.engine.state != "failed":
                    bindings: _List[tuple[str, bytes]] = yield StartTls()
                    self.engine.set_channel_bindings(bindings)
                    self.engine.tls_established()
                    if event.handle == self._stls:
                        self._results[event.handle] = event
            case ev.ReconnectRequested():
                self._cause = None
                bindings = yield Reconnect()
                self.engine.set_channel_bindings(bindings)
            case ev.LineTraced():
                if self._trace is not None:
                    self._trace(event.direction, event.line)
            case ev.DeviationObserved():
                self.deviations.setdefault(event.deviation, event.octets)
            case ev.ConnectionClosed():
                self.close()
                if event.error is not None:
                    raise event.error from self._cause
            case _:
                self._keep(event)

    def _keep(self, event: _LastEvent) -> None:
        if event.handle in self._unwanted:
            self._unwanted.discard(event.handle)
        else:
            self._results[event.handle] = event


class Fetch:
    """Whole messages in order, with a bounded number of octets under way.

    Call :meth:`next` until it gives ``None``, and :meth:`stop` at the end in
    any case.
    """

    def __init__(self, dialogue: Dialogue, numbers: Iterable[int] | None) -> None:
        dialogue.check_open()
        self._dialogue = dialogue
        self._wanted = None if numbers is None else [checked(number) for number in numbers]
        self._prefetch = dialogue.engine.prefetch([])
        self._octets: dict[int, int] = {}
        self._uids: dict[int, str] = {}

    def begin(self) -> Steps[None]:
        """Asks what there is. Comes before the first message."""
        dialogue = self._dialogue
        dialogue.check_open()
        list_handle = dialogue.engine.list()
        uidl_handle = dialogue.engine.uidl()
        listed = yield from dialogue.finish("LIST", list_handle)
        assert isinstance(listed, ev.ListReceived)
        self._octets = listed.entries.table()
        wanted = list(self._octets) if self._wanted is None else self._wanted
        self._prefetch = dialogue.engine.prefetch([(number, self._octets.get(number, 0)) for number in wanted])
        # The server need not wait until its unique ids are read.
        dialogue.engine.ask_ahead(self._prefetch)
        try:
            uids = yield from dialogue.finish("UIDL", uidl_handle)
            assert isinstance(uids, ev.UidlReceived)
            self._uids = uids.entries.table()
        except CommandError:
            self._uids = {}

    def arrived(self) -> _List[RemoteMessage]:
        """The next messages, as far as they are here; after the last of them call :meth:`next`."""
        self._dialogue.check_open()
        arrived = self._dialogue.arrived(self._prefetch)
        return [self._message(number, content) for number, content in arrived]

    def next(self) -> Steps[RemoteMessage | None]:
        """The next message, ``None`` after the last."""
        dialogue = self._dialogue
        dialogue.check_open()
        dialogue.engine.ask_ahead(self._prefetch)
        asked = self._prefetch.take()
        if asked is None:
            return None
        handle, number = asked
        result = yield from dialogue.finish("RETR", handle)
        assert isinstance(result, ev.ContentFinished)
        return self._message(number, result.content)

    def _message(self, number: int, content: bytes) -> RemoteMessage:
        return RemoteMessage(self._dialogue, number, self._uids.get(number), self._octets.get(number), content)

    def stop(self) -> None:
        """The reader wants no more."""
        while (asked := self._prefetch.take()) is not None:
            self._dialogue.discard([asked[0]])


def checked(number: _Number) -> _Number:
    """A message number, refused with words where the engine would say ``OverflowError``."""
    if number is None:
        return number
    if isinstance(number, bool) or not isinstance(number, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"message number must be an int, got {type(number).__name__}")
    if not 1 <= number <= 0xFFFFFFFF:
        raise argument(f"message number must be 1 to 4294967295, got {number}")
    return number


def argument(message: str) -> UsageError:
    """The error for an argument that cannot be."""
    return UsageError(message, code="POP3_ERR_USAGE_ARGUMENT")


def _store(sink: object, octets: bytes) -> Steps[None]:
    """Unbuffered files may take less than all."""
    written = yield Store(sink, octets)
    while isinstance(written, int) and 0 < written < len(octets):
        octets = octets[written:]
        written = yield Store(sink, octets)
