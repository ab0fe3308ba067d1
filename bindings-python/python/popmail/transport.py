"""The octets' way to the server: a socket with TLS, or the caller's own."""

import builtins
import contextlib
import functools
import os
import socket
import ssl
from typing import Protocol

from ._native import ALPN_PROTOCOL, accepts_alpn, server_end_point
from ._tls import TlsStream
from .error import ConnectionLostError, TimeoutError

__all__ = ["SocketTransport", "Transport"]


class Transport(Protocol):
    """What :class:`popmail.Pop3` needs of a connection.

    A proxy, a tunnel or a test gives its own and passes it as ``transport=``.
    The methods raise ``OSError`` when the connection fails.

    One more may be there: ``channel_binding(name)`` gives the data of a
    channel binding (``"tls-exporter"``, ``"tls-unique"`` or
    ``"tls-server-end-point"``) of the TLS that is in force, or ``None``; SCRAM
    then ties the login to that channel where the server can check it.
    """

    def read(self, timeout: float | None) -> bytes:
        """Waits for octets and returns them; ``b""`` at the end.

        Raises ``TimeoutError`` when ``timeout`` seconds pass without any.
        """
        ...

    def write(self, octets: bytes) -> None:
        """Writes all of them."""
        ...

    def start_tls(self) -> None:
        """Begins TLS and checks the server's certificate."""
        ...

    def close(self) -> None:
        """Closes the connection; more than once does no harm."""
        ...


class SocketTransport:
    """A TCP connection, with TLS from the start or later.

    Args:
        host: The server's name or address; its certificate must be for it.
        port: The port.
        implicit_tls: True for TLS from the first octet.
        ssl_context: For TLS; ``None`` is one that checks certificates against
            the system's authorities and offers the protocol name ``pop3``
            (RFC 7301).
        timeout: Seconds for the connection and for each write; ``None``
            waits without end.
        sock: A socket that is connected already, through a proxy for
            instance, in place of a new connection.

    Raises:
        ConnectionLostError: No connection, or no TLS.
        TimeoutError: No connection within ``timeout``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        implicit_tls: bool,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float | None = 60.0,
        sock: socket.socket | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._context = ssl_context
        self._timeout = timeout
        self._tls: TlsStream | None = None
        # One for all reads, where `recv` makes a new one of this size each time.
        self._buffer = memoryview(bytearray(_READ_OCTETS))
        try:
            self._socket = sock or socket.create_connection((host, port), timeout)
        except builtins.TimeoutError as error:
            raise connect_timed_out(host, port, timeout) from error
        except OSError as error:
            raise connect_failed(host, port, error) from error
        # Commands are small and wait for nothing.
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if implicit_tls:
            self.start_tls()

    def read(self, timeout: float | None) -> bytes:
        if self._tls is not None:
            return self._tls.read(timeout, _READ_OCTETS)
        self._socket.settimeout(timeout)
        octets = self._socket.recv_into(self._buffer)
        return bytes(self._buffer[:octets])

    def write(self, octets: bytes) -> None:
        if self._tls is not None:
            return self._tls.write(self._timeout, octets)
        self._socket.settimeout(self._timeout)
        return self._socket.sendall(octets)

    def start_tls(self) -> None:
        context = self._context or default_context()
        try:
            tls = TlsStream(self._socket, context, self._host, self._timeout, self._buffer)
        except builtins.TimeoutError as error:
            self.close()
            raise tls_timed_out(self._host, self._port, self._timeout) from error
        except (OSError, ValueError) as error:
            self.close()
            raise tls_failed(self._host, self._port, error) from error
        self._tls = tls
        selected = tls.object.selected_alpn_protocol()
        if not accepts_alpn(selected):
            self.close()
            raise tls_failed(self._host, self._port, other_protocol(selected))

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS in force, ``None`` without it."""
        return None if self._tls is None else self._tls.object

    def channel_binding(self, name: str) -> bytes | None:
        """What both ends of the TLS channel know, for SCRAM.

        Args:
            name: ``"tls-exporter"`` (RFC 9266, where Python's ``ssl`` has it),
                ``"tls-unique"`` (up to TLS 1.2) or
                ``"tls-server-end-point"`` (RFC 5929).

        Returns:
            The data, or ``None`` without TLS or where it cannot be had.
        """
        return binding_of(self.ssl_object, name)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


# What the blocking transport and that of asyncio share.


def binding_of(tls: ssl.SSLObject | None, name: str) -> bytes | None:
    """The data of a channel binding, ``None`` if there is none."""
    if tls is None:
        return None
    if name == "tls-server-end-point":
        certificate = tls.getpeercert(binary_form=True)
        return None if certificate is None else server_end_point(certificate)
    # RFC 9266 section 3: tls-unique is not defined for TLS 1.3, though OpenSSL gives something.
    old = tls.version() in ("TLSv1.2", "TLSv1.1", "TLSv1")
    if name not in ssl.CHANNEL_BINDING_TYPES or old != (name == "tls-unique"):
        return None
    return tls.get_channel_binding(name)


def channel_bindings(transport: object) -> list[tuple[str, bytes]]:
    """Every channel binding that a transport can give."""
    give = getattr(transport, "channel_binding", None)
    if give is None:
        return []
    found = ((name, give(name)) for name in ("tls-exporter", "tls-unique", "tls-server-end-point"))
    return [(name, data) for name, data in found if data is not None]


def default_context() -> ssl.SSLContext:
    """For a connection whose caller gave none: checks certificates against the system's authorities."""
    return _context_for(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(maxsize=1)
def _context_for(*_authorities: str | None) -> ssl.SSLContext:
    """Reading the authorities takes longer than a session, and programs open many."""
    context = ssl.create_default_context()
    context.set_alpn_protocols([ALPN_PROTOCOL])
    return context


def connect_timed_out(host: str, port: int, timeout: float | None) -> TimeoutError:
    return TimeoutError(f"{host} port {port} did not answer{_within(timeout)}", code="POP3_ERR_TIMEOUT", fatal=True)


def connect_failed(host: str, port: int, error: OSError) -> ConnectionLostError:
    return ConnectionLostError(
        f"cannot connect to {host} port {port}: {_reason(error)}", code="POP3_ERR_CONNECT", fatal=True
    )


def tls_timed_out(host: str, port: int, timeout: float | None) -> TimeoutError:
    return TimeoutError(
        f"{host} port {port} did not finish the TLS handshake{_within(timeout)}", code="POP3_ERR_TIMEOUT", fatal=True
    )


def tls_failed(host: str, port: int, error: Exception) -> ConnectionLostError:
    return ConnectionLostError(f"no TLS with {host} port {port}: {_reason(error)}", code="POP3_ERR_TLS", fatal=True)


def other_protocol(selected: str | None) -> ConnectionError:
    """The server chose a protocol that is not POP3 (RFC 7301)."""
    return ConnectionError(f"it chose the protocol {selected!r}")


def _within(timeout: float | None) -> str:
    return "" if timeout is None else f" within {timeout:g} s"


def _reason(error: Exception) -> str:
    """One line that a user understands."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return NO_TLS_THERE
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError):
        return "the server closed the connection"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"  # where asyncio repeats the address
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


NO_TLS_THERE = "it does not speak TLS there (port 995 does, port 110 begins TLS with STLS)"

# A reader that is woken seldom: 256 KiB is what loopback and fast links fill.
_READ_OCTETS = 256 * 1024
