"""The POP3 client: :class:`Pop3`, one connection to one mailbox.

What POP3 demands is decided by the engine below; this module gives it a
socket and gives its results the shapes that Python users expect.
"""

import builtins
import time
import urllib.parse
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, TypeVar, overload

from . import event as ev
from ._native import ClientEngine, Limits, Message, parse
from .error import CommandError, Pop3Error, UsageError
from .transport import SocketTransport, Transport

if TYPE_CHECKING:
    import ssl

__all__ = ["ListEntry", "Pop3", "Pop3Url", "RemoteMessage", "Stat", "UidlEntry", "connect", "parse_url"]

Tls = Literal["implicit", "starttls", "none"]
Auth = Literal["auto", "user-pass", "plain", "apop"]
_N = TypeVar("_N", int, int | None)
_List = builtins.list  # `Pop3.list` takes the name inside the class.


class Writable(Protocol):
    """What a message can be written to: a binary file, or anything with its ``write``."""

    def write(self, octets: bytes, /) -> object:
        """Takes all of the octets."""
        ...


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


class Pop3Url(NamedTuple):
    """Where a mailbox is."""

    host: str
    port: int
    user: str | None
    tls: Tls


class RemoteMessage:
    """A message of a mailbox, fetched.

    Attributes:
        number: The message number, 1 or more, in this session.
        uid: The unique id, ``None`` if the server has none.
        octets: The size as the server lists it, ``None`` if it does not.
        raw: The message, byte for byte as the server sent it.
    """

    def __init__(self, box: "Pop3", number: int, uid: str | None, octets: int | None, raw: bytes) -> None:
        self._box = box
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

        The command joins those under way: a refusal is raised by a later
        command, at the latest by :meth:`Pop3.quit`, and then nothing is
        deleted.
        """
        self._box._dele_later(self.number)  # pyright: ignore[reportPrivateUsage]

    def __repr__(self) -> str:
        return f"<RemoteMessage number={self.number} uid={self.uid!r} octets={self.octets}>"


class Pop3:
    """One POP3 session, logged in.

    In a ``with`` block the session ends with QUIT when the block ends, which
    deletes what was marked; when the block ends by an exception the connection
    is dropped and nothing is deleted (RFC 1939 section 6).

    Args:
        host: The server's name or address.
        port: The port; by default 995 for implicit TLS, else 110.
        user: The name to log in with.
        password: The password; ``str`` is sent as UTF-8.
        tls: ``"implicit"`` from the first octet (RFC 8314), ``"starttls"``
            with the command STLS, which the server must accept (RFC 2595
            section 4), or ``"none"``.
        ssl_context: For TLS; by default certificates are checked against the
            system's authorities.
        auth: ``"auto"`` takes what server and policy allow, never APOP; or
            ``"user-pass"``, ``"plain"`` (RFC 4616), ``"apop"``.
        allow_cleartext: Allows a password to cross the network without TLS.
        timeout: Seconds that the server may be silent while an answer is due;
            ``None`` waits without end.
        transport: The caller's own connection in place of a socket; ``host``
            and ``port`` then only name it.
        pipelining: Sends commands before earlier ones are answered, where the
            server offers it (RFC 2449 section 6.6).
        strict: Ends the connection where a server's oddity would be forgiven.
        limits: Bounds on what the server may send.

    Raises:
        AuthenticationError: The login was refused.
        InsecureError: The password would cross the network without TLS.
        ConnectionLostError: No connection, no TLS, or it ended.
        Pop3Error: The other errors, as their classes say.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        user: str,
        password: str | bytes,
        tls: Tls = "implicit",
        ssl_context: "ssl.SSLContext | None" = None,
        auth: Auth = "auto",
        allow_cleartext: bool = False,
        timeout: float | None = 60.0,
        transport: Transport | None = None,
        pipelining: bool = True,
        strict: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = port if port is not None else _default_port(tls)
        self.deviations: dict[str, bytes] = {}
        """The server's oddities that were forgiven: name and the first octets that showed it."""
        self.greeting = b""
        """The server's first line."""
        self._results: dict[int, ev.ClientEvent] = {}
        self._unwanted: set[int] = set()
        self._deferred: deque[int] = deque()
        self._sinks: dict[int, Writable] = {}
        self._closed = False
        self._cause: OSError | None = None
        self._engine = ClientEngine(
            tls=tls,
            allow_cleartext=allow_cleartext,
            pipelining=pipelining,
            strict=strict,
            timeout=timeout,
            limits=limits,
        )
        # Before the connection: what cannot be sent is refused without one.
        secret = password.encode() if isinstance(password, str) else password
        if not isinstance(secret, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"password must be str or bytes, got {type(password).__name__}")
        login = self._engine.login(user, secret, auth)
        self._transport = transport or SocketTransport(
            host,
            self.port,
            implicit_tls=tls == "implicit",
            ssl_context=ssl_context,
            timeout=timeout,
        )
        try:
            self._result(login)
        except BaseException:
            self.close()
            raise

    # The session.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._closed:
                self.quit()
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<Pop3 {self.host}:{self.port} {self.state}>"

    @property
    def state(self) -> str:
        """Where the session stands: ``"transaction"`` after the login, ``"closed"`` or ``"failed"`` at its end."""
        return "closed" if self._closed and self._engine.state != "failed" else self._engine.state

    @property
    def capabilities(self) -> dict[str, _List[str]] | None:
        """What the server said it can do, by tag in upper case; ``None`` if it has no CAPA."""
        return self._engine.capabilities

    def quit(self) -> None:
        """QUIT: has the marked messages deleted and ends the session.

        Raises:
            CommandError: A mark was refused (nothing was deleted then), or
                the server could not delete all that was marked.
        """
        self._settle()
        handle = self._engine.quit()
        try:
            self._result(handle)
        finally:
            self.close()

    def close(self) -> None:
        """Drops the connection without QUIT: nothing is deleted. More than once does no harm."""
        self._closed = True
        self._sinks.clear()
        transport = getattr(self, "_transport", None)
        if transport is not None:
            transport.close()

    # Commands.

    def stat(self) -> Stat:
        """STAT: how many messages there are and their size together, in octets."""
        result = self._run(self._engine.stat)
        assert isinstance(result, ev.StatReceived)
        return Stat(result.count, result.octets)

    @overload
    def list(self, number: None = None) -> _List[ListEntry]: ...
    @overload
    def list(self, number: int) -> ListEntry: ...
    def list(self, number: int | None = None) -> _List[ListEntry] | ListEntry:
        """LIST: the sizes of all messages, or of one."""
        result = self._run(self._engine.list, _checked(number))
        assert isinstance(result, ev.ListReceived)
        entries = [ListEntry(*entry) for entry in result.entries]
        return entries if number is None else entries[0]

    @overload
    def uidl(self, number: None = None) -> _List[UidlEntry]: ...
    @overload
    def uidl(self, number: int) -> UidlEntry: ...
    def uidl(self, number: int | None = None) -> _List[UidlEntry] | UidlEntry:
        """UIDL: the unique ids of all messages, or of one.

        Raises:
            CommandError: The server has no such message, or no UIDL.
        """
        result = self._run(self._engine.uidl, _checked(number))
        assert isinstance(result, ev.UidlReceived)
        entries = [UidlEntry(*entry) for entry in result.entries]
        return entries if number is None else entries[0]

    @overload
    def retr(self, number: int) -> bytes: ...
    @overload
    def retr(self, number: int, *, into: Writable) -> int: ...
    def retr(self, number: int, *, into: Writable | None = None) -> bytes | int:
        """RETR: fetches a message, byte for byte.

        Args:
            number: The message number, 1 or more.
            into: A binary file that the message is written to as it arrives,
                in constant memory and without a limit on its size.

        Returns:
            The message, or how many octets were written.

        Raises:
            CommandError: The server has no such message.
            ConnectionLostError: The connection ended inside the message. What
                was written until then is no message.
        """
        _checked(number)
        if into is None:
            result = self._run(self._engine.retr, number)
            assert isinstance(result, ev.ContentFinished)
            return result.content
        self._check_open()
        handle = self._engine.retr(number, chunks=True)
        self._sinks[handle] = into
        try:
            result = self._result(handle)
        finally:
            self._sinks.pop(handle, None)
        assert isinstance(result, ev.ContentFinished)
        return result.octets

    def top(self, number: int, lines: int = 0) -> bytes:
        """TOP: fetches the header and the first lines of the body (RFC 1939 section 7).

        Args:
            number: The message number, 1 or more.
            lines: How many lines of the body, 0 or more.
        """
        if isinstance(lines, bool) or lines < 0:
            raise _argument(f"lines must be 0 or more, got {lines!r}")
        result = self._run(self._engine.top, _checked(number), lines)
        assert isinstance(result, ev.ContentFinished)
        return result.content

    def dele(self, number: int) -> None:
        """DELE: marks a message; it goes when the session ends with QUIT."""
        self._run(self._engine.dele, _checked(number))

    def rset(self) -> None:
        """RSET: takes all marks back."""
        self._run(self._engine.rset)

    def noop(self) -> None:
        """NOOP: asks for an answer and nothing else."""
        self._run(self._engine.noop)

    def capa(self) -> dict[str, _List[str]]:
        """CAPA: asks the server what it can do, by tag in upper case (RFC 2449 section 5)."""
        result = self._run(self._engine.capa)
        assert isinstance(result, ev.CapabilitiesReceived)
        return result.capabilities

    # Whole messages.

    def __iter__(self) -> Iterator[RemoteMessage]:
        return self.fetch()

    def fetch(self, numbers: Iterable[int] | None = None) -> Iterator[RemoteMessage]:
        """Fetches messages in order, pipelined, with a bounded number of octets ahead of the reader.

        Args:
            numbers: Which ones; ``None`` is all.
        """
        self._check_open()
        wanted = None if numbers is None else [_checked(number) for number in numbers]
        list_handle = self._engine.list()
        uidl_handle = self._engine.uidl()
        listed = self._result(list_handle)
        assert isinstance(listed, ev.ListReceived)
        octets = dict(listed.entries)
        try:
            uids = dict(self._uidl_entries(uidl_handle))
        except CommandError:
            uids = {}
        if wanted is None:
            wanted = list(octets)
        prefetch = self._engine.prefetch([(number, octets.get(number, 0)) for number in wanted])
        asked: deque[tuple[int, int]] = deque()
        try:
            while True:
                self._check_open()
                while (number := prefetch.ask()) is not None:
                    asked.append((self._engine.retr(number), number))
                if not asked:
                    return
                handle, number = asked.popleft()
                result = self._result(handle)
                prefetch.handed_out()
                assert isinstance(result, ev.ContentFinished)
                yield RemoteMessage(self, number, uids.get(number), octets.get(number), result.content)
        finally:
            # The reader stopped early: what is under way arrives and is let go.
            for handle, _ in asked:
                if self._results.pop(handle, None) is None:
                    self._unwanted.add(handle)

    def _uidl_entries(self, handle: int) -> _List[tuple[int, str]]:
        result = self._result(handle)
        assert isinstance(result, ev.UidlReceived)
        return result.entries

    def _dele_later(self, number: int) -> None:
        self._check_open()
        self._deferred.append(self._engine.dele(number))

    # The host's loop.

    def _run(self, command: Any, *arguments: Any) -> ev.ClientEvent:
        self._check_open()
        return self._result(command(*arguments))

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError(
                f"the connection to {self.host} port {self.port} is closed",
                code="POP3_ERR_USAGE_CLOSED",
                fatal=True,
            )

    def _settle(self) -> None:
        """Waits for the marks that were set in passing."""
        self._check_open()
        while self._deferred:
            self._result(self._deferred.popleft())

    def _result(self, handle: int) -> ev.ClientEvent:
        """Turns the loop until a command has its last event."""
        try:
            while (result := self._results.pop(handle, None)) is None:
                self._handle(self._next_event())
        except BaseException:
            # The stream stands somewhere in an answer: nobody can go on.
            self.close()
            raise
        if isinstance(result, ev.CommandFailed):
            raise result.error
        while self._deferred and (marked := self._results.pop(self._deferred[0], None)) is not None:
            self._deferred.popleft()
            if isinstance(marked, ev.CommandFailed):
                raise marked.error
        return result

    def _next_event(self) -> ev.ClientEvent:
        while (event := self._engine.next_event()) is None:
            self._turn()
        return event

    def _turn(self) -> None:
        """Writes what is due, waits for octets and hands them to the engine."""
        engine = self._engine
        try:
            if octets := engine.take_output():
                self._transport.write(octets)
        except OSError as error:
            # The server may have said why before it closed: read on.
            self._cause = error
        engine.handle_timeout(time.monotonic())
        if engine.state == "failed":
            return
        timeout = engine.timeout()
        try:
            # Never 0, which would mean: do not wait at all.
            received = self._transport.read(None if timeout is None else max(timeout, 0.001))
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

    def _handle(self, event: ev.ClientEvent) -> None:
        match event:
            case ev.ContentReceived():
                if (sink := self._sinks.get(event.handle)) is not None:
                    _write_all(sink, event.chunk)
            case ev.GreetingReceived():
                self.greeting = event.line
            case ev.TlsReady():
                self._transport.start_tls()
                self._engine.tls_established()
            case ev.DeviationObserved():
                self.deviations.setdefault(event.deviation, event.octets)
            case ev.ConnectionClosed():
                self._end(event.error)
            case _:
                if event.handle in self._unwanted:
                    self._unwanted.discard(event.handle)
                else:
                    self._results[event.handle] = event

    def _end(self, error: Pop3Error | None) -> None:
        self.close()
        if error is not None:
            raise error from self._cause


def connect(
    url: str,
    *,
    user: str | None = None,
    password: str | bytes,
    **options: Any,
) -> Pop3:
    """Opens the mailbox that a URL names.

    Args:
        url: ``pops://user@host:port`` for implicit TLS, ``pop://user@host:port``
            for TLS with STLS. The user's name may be percent-encoded.
        user: The name, where the URL has none.
        password: The password; never part of the URL.
        options: As for :class:`Pop3`.

    Raises:
        UsageError: The URL is not of this form, or no user is named.
    """
    place = parse_url(url)
    name = user if user is not None else place.user
    if name is None:
        raise _argument(f"no user is named: expected pops://user@{place.host} or user=")
    options.setdefault("tls", place.tls)
    return Pop3(place.host, place.port, user=name, password=password, **options)


def parse_url(url: str) -> Pop3Url:
    """Takes a ``pops://`` or ``pop://`` URL apart (RFC 2384, with ``pops`` for implicit TLS).

    Raises:
        UsageError: It is not of this form, or holds a password.
    """
    expected = "expected pops://user@host[:port] or pop://user@host[:port]"
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _argument(f"{expected}: {error}") from None
    if parts.password is not None:
        raise _argument(f"a password must not stand in a URL: {expected}")
    if parts.scheme not in ("pops", "pop"):
        raise _argument(f"{expected}, got the scheme {parts.scheme!r}")
    if not parts.hostname:
        raise _argument(f"{expected}, got no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _argument(f"{expected}, got more after the host")
    tls: Tls = "implicit" if parts.scheme == "pops" else "starttls"
    user = None if parts.username is None else urllib.parse.unquote(parts.username)
    # RFC 2384 writes the mechanism into the name: pop://user;AUTH=+APOP@host.
    if user is not None and ";auth=" in user.lower():
        raise _argument("a mechanism in the URL is not read: give auth= instead")
    return Pop3Url(parts.hostname, port if port is not None else _default_port(tls), user or None, tls)


def _write_all(sink: Writable, octets: bytes) -> None:
    """Unbuffered files may take less than all."""
    written = sink.write(octets)
    while isinstance(written, int) and 0 < written < len(octets):
        octets = octets[written:]
        written = sink.write(octets)


def _default_port(tls: Tls) -> int:
    return 995 if tls == "implicit" else 110


def _checked(number: _N) -> _N:
    """A message number, refused with words where the engine would say ``OverflowError``."""
    if number is None:
        return number
    if isinstance(number, bool) or not isinstance(number, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"message number must be an int, got {type(number).__name__}")
    if not 1 <= number <= 0xFFFFFFFF:
        raise _argument(f"message number must be 1 to 4294967295, got {number}")
    return number


def _argument(message: str) -> UsageError:
    return UsageError(message, code="POP3_ERR_USAGE_ARGUMENT")
