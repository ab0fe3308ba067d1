"""The POP3 client: :class:`Pop3`, one connection to one mailbox.

What POP3 demands is decided by the engine below; this module gives it a
socket and gives its results the shapes that Python users expect.
"""

import builtins
import urllib.parse
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeVar, overload

from ._dialogue import (
    Fetch,
    Language,
    ListEntry,
    Need,
    Read,
    Reconnect,
    RemoteMessage,
    StartTls,
    Stat,
    Steps,
    Store,
    UidlEntry,
    Write,
    argument,
    run,
)
from ._mailbox import Auth, Mailbox, Tls, default_port
from .capabilities import Capabilities
from .entries import Entries
from .summary import Summaries, Summary
from .sync import FetchNew, NewMessage, SyncRules, SyncState
from .transport import SocketTransport, Transport, channel_bindings

__all__ = [
    "Auth",
    "Language",
    "ListEntry",
    "Pop3",
    "Pop3Url",
    "RemoteMessage",
    "Stat",
    "Tls",
    "UidlEntry",
    "Writable",
    "connect",
    "parse_url",
]

_Result = TypeVar("_Result")
_List = builtins.list  # `Pop3.list` takes the name inside the class.


class Writable(Protocol):
    """What a message can be written to: a binary file, or anything with its ``write``."""

    def write(self, octets: bytes, /) -> object:
        """Takes all of the octets."""
        ...


class Pop3Url(NamedTuple):
    """Where a mailbox is."""

    host: str
    port: int
    user: str | None
    tls: Tls


class Pop3(Mailbox[Transport]):
    """One POP3 session, logged in.

    In a ``with`` block the session ends with QUIT when the block ends, which
    deletes what was marked; when the block ends by an exception the connection
    is dropped and nothing is deleted (RFC 1939 section 6).

    Args:
        host: The server's name or address.
        port: The port; by default 995 for implicit TLS, else 110.
        user: The name to log in with.
        password: The password; ``str`` is sent as UTF-8.
        token: In place of a password an OAuth access token, or a function
            that gets one.
        tls: ``"implicit"`` from the first octet (RFC 8314), ``"starttls"``
            with the command STLS, which the server must accept (RFC 2595
            section 4), or ``"none"``.
        ssl_context: For TLS; by default certificates are checked against the
            system's authorities.
        auth: ``"auto"`` takes the strongest that server and policy allow:
            SCRAM, else PLAIN, USER and PASS or LOGIN; with a token OAUTHBEARER
            or XOAUTH2. Or one of ``"user-pass"``, ``"apop"``, ``"plain"``,
            ``"login"``, ``"cram-md5"``, ``"scram-sha-1"``, ``"scram-sha-256"``,
            ``"oauthbearer"``, ``"xoauth2"``, ``"external"``. After a refusal
            nothing weaker is tried.
        authzid: Whom to act for, if not for ``user`` (RFC 4422 section 2).
        initial_response: Saves a round trip where the first message of the
            mechanism fits the command; some servers refuse that.
        utf8: Asks for texts and header fields in UTF-8 where the server
            offers them (RFC 6856); a name or a password beyond ASCII asks by
            itself.
        allow_cleartext: Allows a password to cross the network without TLS.
        timeout: Seconds that the server may be silent while an answer is due;
            ``None`` waits without end.
        transport: The caller's own connection in place of a socket; ``host``
            and ``port`` then only name it.
        pipelining: Sends commands before earlier ones are answered, where the
            server offers it (RFC 2449 section 6.6).
        strict: Ends the connection where a server's oddity would be forgiven.
        limits: Bounds on what the server may send.
        trace: Called with ``"sent"`` or ``"received"`` and a line of the
            dialogue; secrets are replaced, messages are one line with their
            size.

    Raises:
        AuthenticationError: The login was refused.
        InsecureError: The password would cross the network without TLS.
        ConnectionLostError: No connection, no TLS, or it ended.
        Pop3Error: The other errors, as their classes say.
    """

    def _begin(self) -> None:
        self._transport = self._given_transport or self._connect()
        self._dialogue.transport = self._transport
        self._dialogue.engine.set_channel_bindings(channel_bindings(self._transport))
        try:
            self._run(self._dialogue.log_in(self._login))
        except BaseException:
            self.close()
            raise

    def _connect(self) -> SocketTransport:
        return SocketTransport(
            self.host,
            self.port,
            implicit_tls=self._tls == "implicit",
            ssl_context=self._ssl_context,
            timeout=self._timeout,
        )

    def _run(self, steps: Steps[_Result]) -> _Result:
        return run(steps, self._perform)

    def _perform(self, need: Need) -> object:
        match need:
            case Read(timeout):
                return self._transport.read(timeout)
            case Write(octets):
                self._transport.write(octets)
            case StartTls():
                self._transport.start_tls()
                return channel_bindings(self._transport)
            case Reconnect():
                self._transport.close()
                self._dialogue.transport = self._transport = self._connect()
                return channel_bindings(self._transport)
            case Store(sink, octets):
                return sink.write(octets)
        return None

    # The session.

    @property
    def capabilities(self) -> Capabilities | None:
        """What the server said it can do, by tag in upper case; ``None`` if it has no CAPA.

        Waits for the answer to the login's CAPA if no command has been answered since.

        Raises:
            ConnectionLostError: The connection ended meanwhile.
        """
        self._run(self._dialogue.settle())
        return super().capabilities

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._dialogue.closed:
                self.quit()
        finally:
            self.close()

    def quit(self) -> None:
        """QUIT: has the marked messages deleted and ends the session.

        Raises:
            CommandError: A mark was refused (nothing was deleted then), or
                the server could not delete all that was marked.
        """
        self._run(self._dialogue.quit())

    # Commands.

    def stat(self) -> Stat:
        """STAT: how many messages there are and their size together, in octets."""
        return self._run(self._dialogue.stat())

    @overload
    def list(self, number: None = None) -> Entries[ListEntry]: ...
    @overload
    def list(self, number: int) -> ListEntry: ...
    def list(self, number: int | None = None) -> Entries[ListEntry] | ListEntry:
        """LIST: the sizes of all messages, or of one."""
        entries = self._run(self._dialogue.list(number))
        return entries if number is None else entries[0]

    @overload
    def uidl(self, number: None = None) -> Entries[UidlEntry]: ...
    @overload
    def uidl(self, number: int) -> UidlEntry: ...
    def uidl(self, number: int | None = None) -> Entries[UidlEntry] | UidlEntry:
        """UIDL: the unique ids of all messages, or of one.

        Raises:
            CommandError: The server has no such message, or no UIDL.
        """
        entries = self._run(self._dialogue.uidl(number))
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
        if into is None:
            return self._run(self._dialogue.retr(number))
        return self._run(self._dialogue.retr_into(number, into))

    def top(self, number: int, lines: int = 0) -> bytes:
        """TOP: fetches the header and the first lines of the body (RFC 1939 section 7).

        Args:
            number: The message number, 1 or more.
            lines: How many lines of the body, 0 or more.
        """
        return self._run(self._dialogue.top(number, lines))

    def dele(self, number: int) -> None:
        """DELE: marks a message; it goes when the session ends with QUIT."""
        self._run(self._dialogue.dele(number))

    def rset(self) -> None:
        """RSET: takes all marks back."""
        self._run(self._dialogue.rset())

    def noop(self) -> None:
        """NOOP: asks for an answer and nothing else."""
        self._run(self._dialogue.noop())

    def capa(self) -> Capabilities:
        """CAPA: asks the server what it can do, by tag in upper case (RFC 2449 section 5)."""
        return self._run(self._dialogue.capa())

    @overload
    def lang(self, language: None = None) -> _List[Language]: ...
    @overload
    def lang(self, language: str) -> str: ...
    def lang(self, language: str | None = None) -> _List[Language] | str:
        """LANG: the languages of the server's texts, or the choice of one (RFC 6856 section 3).

        Args:
            language: A tag such as ``"de-AT"``, or ``"*"`` for the server's own choice.

        Returns:
            All languages, or what the server answers in the one that was chosen.
        """
        return self._run(self._dialogue.lang(language))

    # Whole messages.

    def __iter__(self) -> Iterator[RemoteMessage]:
        return self.fetch()

    def fetch(self, numbers: Iterable[int] | None = None) -> Iterator[RemoteMessage]:
        """Fetches messages in order, pipelined, with a bounded number of octets ahead of the reader.

        Args:
            numbers: Which ones; ``None`` is all.
        """
        fetch = Fetch(self._dialogue, numbers)
        try:
            self._run(fetch.begin())
            while (mail := self._run(fetch.next())) is not None:
                yield mail
                yield from fetch.arrived()
        finally:
            fetch.stop()

    def summaries(self, numbers: Iterable[int] | None = None, *, retr: bool = False) -> Iterator[Summary]:
        """Fetches headers in order, pipelined (TOP), so that a program can choose before it fetches.

        Args:
            numbers: Which ones; ``None`` is all.
            retr: Fetches the whole message where the server refuses TOP.

        Raises:
            CommandError: The server has no such message, or no TOP.
        """
        summaries = Summaries(self._dialogue, numbers, retr=retr)
        try:
            self._run(summaries.begin())
            while (summary := self._run(summaries.next())) is not None:
                yield summary
        finally:
            summaries.stop()

    def fetch_new(self, state: SyncState, rules: SyncRules | None = None) -> Iterator[NewMessage]:
        """Fetches what was not delivered before, pipelined, and deletes by the rules after the last message.

        A message counts as delivered when the loop asks for the next one, or
        when its ``done()`` is called; it is noted in the state at once. Left
        by ``break`` or by an exception, the loop deletes nothing, and the
        message that it was at comes again. What is found about the server
        stands in ``state.warnings``.

        Args:
            state: What is known of this mailbox; see :class:`SyncState`.
            rules: What to fetch and to delete; by default all that is new,
                and nothing.

        Raises:
            UsageError: It is the state of another mailbox.
            OSError: The state cannot be written.
        """
        fetch = FetchNew(self._dialogue, state, rules, self.name)
        try:
            self._run(fetch.begin())
            while (mail := self._run(fetch.next())) is not None:
                yield mail
        finally:
            fetch.stop()


def connect(
    url: str,
    *,
    user: str | None = None,
    password: str | bytes | None = None,
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
        raise argument(f"no user is named: expected pops://user@{place.host} or user=")
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
        raise argument(f"{expected}: {error}") from None
    if parts.password is not None:
        raise argument(f"a password must not stand in a URL: {expected}")
    if parts.scheme not in ("pops", "pop"):
        raise argument(f"{expected}, got the scheme {parts.scheme!r}")
    if not parts.hostname:
        raise argument(f"{expected}, got no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise argument(f"{expected}, got more after the host")
    tls: Tls = "implicit" if parts.scheme == "pops" else "starttls"
    user = None if parts.username is None else urllib.parse.unquote(parts.username)
    # RFC 2384 writes the mechanism into the name: pop://user;AUTH=+APOP@host.
    if user is not None and ";auth=" in user.lower():
        raise argument("a mechanism in the URL is not read: give auth= instead")
    return Pop3Url(parts.hostname, port if port is not None else default_port(tls), user or None, tls)
