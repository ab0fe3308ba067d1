"""The names of the standard library's ``poplib`` over this package's engine.

::

    import popmail.poplib as poplib

and a script that was written for ``poplib`` goes on: the same classes,
methods, arguments, results and exceptions (of Python 3.11 to 3.14), without
the limit of 2,048 octets on a line of a message.

What drop-in means: like ``poplib``, :class:`POP3` sends a password over a
connection without TLS when the script says so, and :class:`POP3_SSL` and
:meth:`POP3.stls` check the server's certificate only if they are given a
``context`` that does, such as ``ssl.create_default_context()``.
:class:`popmail.Pop3` is the client that is safe without being told.

What differs:

* ``set_debuglevel`` prints ``****`` in place of a password or a digest, and
  the audit event ``poplib.putline``, which would hold them, is not raised.
* ``rpop``, ``utf8`` and the private ``_shortcmd`` and ``_longcmd`` raise
  :class:`error_proto`: the engine sends no command that it does not know.
  There is no attribute ``file``.
* A command in the wrong state, such as ``stat`` before the login, or with a
  message number that cannot be, is an :class:`error_proto` without being sent.
* A control character in a name or a password is a ``ValueError``, as in the
  newest Python, and never sent.
* ``apop`` needs a stamp ``<…@…>`` in the greeting, and is refused after
  ``stls``, when the stamp was not protected (RFC 2595 section 4).
* After a timeout, or an answer that breaks the protocol, the connection is
  closed; octets that a server sends between STLS and the handshake end it.
"""

import builtins
import contextlib
import poplib as _standard
import re
import socket
import ssl
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias, TypeVar, overload

from . import event as ev
from ._dialogue import Dialogue, Need, Read, Reconnect, StartTls, Steps, Store, Write, run
from ._native import ClientEngine, Limits
from .error import ConnectionLostError, Pop3Error, TimeoutError

__all__ = ["CR", "CRLF", "LF", "POP3", "POP3_PORT", "POP3_SSL", "POP3_SSL_PORT", "error_proto"]

error_proto = _standard.error_proto
"""The standard class itself, so that whoever catches that one catches this."""

POP3_PORT = 110
POP3_SSL_PORT = 995
CR = b"\r"
LF = b"\n"
CRLF = CR + LF

_Result = TypeVar("_Result")
_List = builtins.list  # `POP3.list` takes the name inside the class.
_LongResponse: TypeAlias = tuple[bytes, _List[bytes], int]
_DEFAULT_TIMEOUT: Any = getattr(socket, "_GLOBAL_DEFAULT_TIMEOUT", None)


class POP3:
    """A POP3 connection, one command at a time: see ``poplib.POP3``.

    Args:
        host: The server's name or address.
        port: The port.
        timeout: Seconds for each wait; by default that of
            ``socket.setdefaulttimeout``.

    Raises:
        error_proto: The server refused the connection.
        OSError: There is no connection.
    """

    encoding = "UTF-8"
    _tls = "none"

    def __init__(self, host: str, port: int = POP3_PORT, timeout: float | None = _DEFAULT_TIMEOUT) -> None:
        self.host = host
        self.port = port
        self.sock: socket.socket | None = None
        self._debugging = 0
        self._recorder = _Recorder()
        self._secret = b""
        self._tls_established = self._tls == "implicit"
        self._context: ssl.SSLContext | None = None
        # The socket has its own clock, which scripts may change.
        engine = ClientEngine(
            tls=self._tls, allow_cleartext=True, pipelining=False, strict=False, timeout=None, limits=_LIMITS
        )
        self._dialogue = Dialogue(engine, f"{host} port {port}")
        self._dialogue.transport = self
        sys.audit("poplib.connect", self, host, port)
        self.sock = self._create_socket(timeout)
        self.welcome = self._run(self._dialogue.greet())

    def _create_socket(self, timeout: float | None) -> socket.socket:
        """What connects; classes above this one may have their own, through a proxy for instance."""
        if timeout is not None and not timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        return socket.create_connection((self.host, self.port), timeout)

    def getwelcome(self) -> bytes:
        """The server's first line."""
        return self.welcome

    def set_debuglevel(self, level: int) -> None:
        """What is printed: nothing for 0, commands for 1, lines for 2. Never a password."""
        self._debugging = level

    # Logging in.

    def user(self, user: str) -> bytes:
        """USER; returns the server's line, as all commands do that have no other result."""
        return self._short(f"USER {user}", lambda: self._dialogue.engine.user(f"{user}"))

    def pass_(self, pswd: str) -> bytes:
        """PASS: the mailbox is locked from here to :meth:`quit`."""
        secret = bytes(f"{pswd}", self.encoding)
        return self._short("PASS", lambda: self._dialogue.engine.pass_(secret), secret=secret)

    def apop(self, user: str, password: str) -> bytes:
        """APOP: logs in with a digest, if the greeting has a stamp."""
        secret = bytes(password, self.encoding)
        return self._short(f"APOP {user}", lambda: self._dialogue.engine.apop(f"{user}", secret), secret=secret)

    def rpop(self, user: str) -> NoReturn:
        """RPOP cannot be sent: it is in no standard.

        Raises:
            error_proto: Always.
        """
        raise error_proto(f"-ERR RPOP is not supported by popmail, user {user!r} is not logged in")

    def utf8(self) -> NoReturn:
        """UTF8 (RFC 6856) cannot be sent.

        Raises:
            error_proto: Always.
        """
        raise error_proto("-ERR UTF8 is not supported by popmail")

    def stls(self, context: ssl.SSLContext | None = None) -> bytes:
        """STLS: begins TLS (RFC 2595 section 4).

        Args:
            context: For TLS; without one certificates are not checked.

        Raises:
            error_proto: The server has no STLS, or TLS is in force.
            ssl.SSLError: There is no TLS with it.
        """
        if self._tls_established:
            raise error_proto("-ERR TLS session already established")
        if "STLS" not in self.capa():
            raise error_proto("-ERR STLS not supported by server")
        self._context = context or _unchecked()
        self._begin("STLS")
        self._run(self._dialogue.stls())
        self._tls_established = True
        return self._status()

    # The mailbox.

    def capa(self) -> dict[str, _List[str]]:
        """CAPA: what the server can do, as it writes it.

        Raises:
            error_proto: The server has no CAPA.
        """
        try:
            _, lines, _ = self._listing("CAPA", self._dialogue.engine.capa)
        except error_proto:
            raise error_proto("-ERR CAPA not supported by server") from None
        words = [line.decode("ascii", "replace").split() for line in lines]
        return {tag: arguments for tag, *arguments in filter(None, words)}

    def stat(self) -> tuple[int, int]:
        """STAT: how many messages, and their octets together."""
        self._begin("STAT")
        result = self._finish("STAT", self._dialogue.engine.stat)
        assert isinstance(result, ev.StatReceived)
        if self._debugging:
            print("*stat*", repr(self._status().split()))
        return result.count, result.octets

    @overload
    def list(self, which: None = None) -> _LongResponse: ...
    @overload
    def list(self, which: int | str) -> bytes: ...
    def list(self, which: int | str | None = None) -> _LongResponse | bytes:
        """LIST: ``(response, [b"number octets", …], octets)``, or for one message the response."""
        if which is None:
            return self._listing("LIST", self._dialogue.engine.list)
        number = _number(which)
        return self._short(f"LIST {number}", lambda: self._dialogue.engine.list(number))

    @overload
    def uidl(self, which: None = None) -> _LongResponse: ...
    @overload
    def uidl(self, which: int | str) -> bytes: ...
    def uidl(self, which: int | str | None = None) -> _LongResponse | bytes:
        """UIDL: ``(response, [b"number uid", …], octets)``, or for one message the response."""
        if which is None:
            return self._listing("UIDL", self._dialogue.engine.uidl)
        number = _number(which)
        return self._short(f"UIDL {number}", lambda: self._dialogue.engine.uidl(number))

    def retr(self, which: int | str) -> _LongResponse:
        """RETR: a message, as ``(response, [line, …], octets)``."""
        number = _number(which)
        return self._content(f"RETR {number}", lambda: self._dialogue.engine.retr(number))

    def top(self, which: int | str, howmuch: int | str) -> _LongResponse:
        """TOP: the header and the first lines of the body, as ``(response, [line, …], octets)``."""
        number, lines = _number(which), _number(howmuch, "count of lines", least=0)
        return self._content(f"TOP {number} {lines}", lambda: self._dialogue.engine.top(number, lines))

    def dele(self, which: int | str) -> bytes:
        """DELE: marks a message; it goes with :meth:`quit`."""
        number = _number(which)
        return self._short(f"DELE {number}", lambda: self._dialogue.engine.dele(number))

    def noop(self) -> bytes:
        """NOOP: asks for an answer."""
        return self._short("NOOP", self._dialogue.engine.noop)

    def rset(self) -> bytes:
        """RSET: takes all marks back."""
        return self._short("RSET", self._dialogue.engine.rset)

    # The end.

    def quit(self) -> bytes:
        """QUIT: has the marked messages deleted, and closes the connection."""
        response = self._short("QUIT", self._dialogue.engine.quit)
        self.close()
        return response

    def close(self) -> None:
        """Closes the connection without QUIT: nothing is deleted."""
        connection, self.sock = self.sock, None
        if connection is not None:
            # The server may have closed it already.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        if not self._dialogue.closed:
            self._dialogue.close()

    # Commands.

    def _short(self, line: str, command: Callable[[], int], *, secret: bytes = b"") -> bytes:
        self._begin(line, secret=secret)
        self._finish(line.partition(" ")[0], command)
        return self._status()

    def _listing(self, verb: str, command: Callable[[], int]) -> _LongResponse:
        self._begin(verb, whole=True)
        self._finish(verb, command)
        lines, octets = _split(self._recorder.after_status(), stuffed=True)
        return self._status(lines), lines, octets

    def _content(self, line: str, command: Callable[[], int]) -> _LongResponse:
        self._begin(line)
        result = self._finish(line.partition(" ")[0], command)
        assert isinstance(result, ev.ContentFinished)
        lines, octets = _split(result.content, stuffed=False)
        return self._status(lines), lines, octets

    def _begin(self, line: str, *, secret: bytes = b"", whole: bool = False) -> None:
        if _CONTROL.search(line.encode(self.encoding)) or _CONTROL.search(secret):
            raise ValueError("control characters not allowed in commands")
        self._recorder.begin(whole=whole)
        self._secret = secret
        if self._debugging:
            shown = f"{line} ****" if secret or line == "PASS" else line
            print("*cmd*", repr(shown))
            if self._debugging > 1:
                print("*put*", repr(shown.encode(self.encoding)))

    def _status(self, lines: _List[bytes] | None = None) -> bytes:
        """The server's line in answer to the last command."""
        line = self._recorder.status()
        if self._debugging > 1:
            # A server may repeat what it was told.
            shown = line.replace(self._secret, b"****") if self._secret else line
            print("*get*", repr(shown + CRLF))
            print("*resp*", repr(shown))
            for one in lines or ():
                print("*get*", repr(one + CRLF))
        return line

    def _shortcmd(self, line: str) -> NoReturn:
        """The standard class's way to a command that it has no method for, such as AUTH."""
        raise error_proto(
            f"-ERR {line.partition(' ')[0]} is not sent: popmail sends no raw command, "
            "use the methods, or popmail.Pop3 for other ways to log in"
        )

    _longcmd = _shortcmd

    # The host's loop.

    def _finish(self, verb: str, command: Callable[[], int]) -> ev.ClientEvent:
        def steps() -> Steps[ev.ClientEvent]:
            self._dialogue.check_open()
            return (yield from self._dialogue.finish(verb, command()))

        return self._run(steps())

    def _run(self, steps: Steps[_Result]) -> _Result:
        try:
            return run(steps, self._perform)
        except _TimedOut as error:
            raise error.cause from None
        except Pop3Error as error:
            if self._debugging > 1 and error.response is not None:
                self._status()
            raise _as_poplib(error) from error

    def _perform(self, need: Need) -> object:
        assert self.sock is not None, "an open dialogue has a socket"
        match need:
            case Read():
                try:
                    octets = self.sock.recv(_READ_OCTETS)
                except builtins.TimeoutError as error:
                    raise _TimedOut(error) from None
                self._recorder.record(octets)
                return octets
            case Write(octets):
                self.sock.sendall(octets)
            case StartTls():
                assert self._context is not None, "stls sets it"
                self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
                return []
            case Store() | Reconnect():
                raise AssertionError("nothing is asked for in chunks, and no login is planned")
        return None


class POP3_SSL(POP3):
    """A POP3 connection with TLS from the first octet: see ``poplib.POP3_SSL``.

    Args:
        host: The server's name or address.
        port: The port.
        keyfile: With ``certfile``, the client's certificate, as in Python 3.11.
        certfile: See ``keyfile``.
        timeout: As for :class:`POP3`.
        context: For TLS; without one certificates are not checked.
    """

    _tls = "implicit"

    def __init__(
        self,
        host: str,
        port: int = POP3_SSL_PORT,
        keyfile: str | None = None,
        certfile: str | None = None,
        timeout: float | None = _DEFAULT_TIMEOUT,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if keyfile is not None or certfile is not None:
            if context is not None:
                raise ValueError("context and keyfile or certfile are mutually exclusive")
            warnings.warn("keyfile and certfile are deprecated, use a context instead", DeprecationWarning, 2)
        self.keyfile = keyfile
        self.certfile = certfile
        self.context = context or _unchecked()
        if certfile is not None:
            self.context.load_cert_chain(certfile, keyfile)
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self.context.wrap_socket(super()._create_socket(timeout), server_hostname=self.host)

    def stls(self, context: ssl.SSLContext | None = None) -> NoReturn:
        """STLS makes no sense with TLS in force.

        Raises:
            error_proto: Always.
        """
        raise error_proto("-ERR TLS session already established")


class _Recorder:
    """What a server answers to one command, as it came: for results that hold the server's own lines."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._whole = False

    def begin(self, *, whole: bool) -> None:
        self._octets.clear()
        self._whole = whole

    def record(self, octets: bytes) -> None:
        # Of a message the engine keeps the lines.
        if self._whole or LF not in self._octets.lstrip(CRLF):
            self._octets += octets

    def status(self) -> bytes:
        return bytes(self._octets.lstrip(CRLF).partition(LF)[0]).removesuffix(CR)

    def after_status(self) -> bytes:
        return bytes(self._octets.lstrip(CRLF).partition(LF)[2])


class _TimedOut(Exception):
    """The socket's clock ran out: not for the engine, which would wait on."""

    def __init__(self, cause: builtins.TimeoutError) -> None:
        super().__init__()
        self.cause = cause


def _as_poplib(error: Pop3Error) -> BaseException:
    """What ``poplib`` would raise."""
    if error.response is not None:
        return error_proto(error.response)
    if isinstance(error, ConnectionLostError):
        return error.__cause__ if isinstance(error.__cause__, OSError) else error_proto("-ERR EOF")
    if isinstance(error, TimeoutError):
        return error
    if error.code == "POP3_ERR_MECHANISM_UNAVAILABLE":
        return error_proto("-ERR APOP not supported by server")
    return error_proto(f"-ERR {error}")


def _split(octets: bytes, *, stuffed: bool) -> tuple[_List[bytes], int]:
    """The lines as ``poplib`` gives them, and how many octets they had, line ends included."""
    lines: _List[bytes] = []
    count = 0
    for line in octets.split(LF)[:-1]:
        if stuffed and line in (b".", b".\r"):
            break
        if stuffed and line.startswith(b".."):
            line = line[1:]
        count += len(line) + 1
        lines.append(line[:-1] if line.endswith(CR) else line.removeprefix(CR))
    return lines, count


def _number(which: int | str, what: str = "message number", *, least: int = 1) -> int:
    try:
        number = int(f"{which}")
    except ValueError:
        number = -1
    if not least <= number <= 0xFFFFFFFF:
        raise error_proto(f"-ERR not a {what}: {which!r}")
    return number


def _unchecked() -> ssl.SSLContext:
    """The context that ``poplib`` takes where it is given none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_READ_OCTETS = 256 * 1024

# A script that takes a message as lines in memory has always been trusted to know what it does.
_LIMITS = Limits(buffered_content=1 << 62)
