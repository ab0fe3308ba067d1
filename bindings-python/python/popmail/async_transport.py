"""The octets' way to the server under asyncio: a connection with TLS, or the caller's own."""

import asyncio
import builtins
import socket
import ssl
from collections import deque
from typing import Protocol, Self, cast

from ._native import accepts_alpn
from .error import ConnectionLostError
from .error import make as _make_error
from .transport import (
    NO_TLS_THERE,
    binding_of,
    connect_failed,
    connect_timed_out,
    default_context,
    other_protocol,
    tls_failed,
    tls_timed_out,
)

__all__ = ["AsyncSocketTransport", "AsyncTransport"]


class AsyncTransport(Protocol):
    """What :class:`popmail.AsyncPop3` needs of a connection.

    A proxy, a tunnel or a test gives its own and passes it as ``transport=``.
    The methods raise ``OSError`` when the connection fails. A method
    ``channel_binding`` may be there, as in :class:`popmail.Transport`.
    """

    async def read(self, timeout: float | None) -> bytes:
        """Waits for octets and returns them; ``b""`` at the end.

        Raises ``TimeoutError`` when ``timeout`` seconds pass without any.
        """
        ...

    async def write(self, octets: bytes) -> None:
        """Writes all of them, and waits where the connection is full."""
        ...

    async def start_tls(self) -> None:
        """Begins TLS and checks the server's certificate.

        Octets that came before it and were not read must end the connection
        (RFC 2595 section 4).
        """
        ...

    def close(self) -> None:
        """Closes the connection at once; more than once does no harm."""
        ...


class AsyncSocketTransport(asyncio.Protocol):
    """A TCP connection of the running loop, with TLS from the start or later.

    :meth:`open` makes one; its arguments are those of
    :class:`popmail.SocketTransport`.
    """

    def __init__(self, host: str, port: int, ssl_context: ssl.SSLContext | None, timeout: float | None) -> None:
        self._host = host
        self._port = port
        self._context = ssl_context
        self._timeout = timeout
        self._transport: asyncio.Transport | None = None
        self._arrived: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._ended = False
        self._cause: Exception | None = None
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        implicit_tls: bool,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float | None = 60.0,
        sock: socket.socket | None = None,
    ) -> Self:
        """Connects.

        Args:
            host: The server's name or address; its certificate must be for it.
            port: The port.
            implicit_tls: True for TLS from the first octet.
            ssl_context: For TLS; ``None`` is one that checks certificates
                against the system's authorities and offers the protocol name
                ``pop3`` (RFC 7301).
            timeout: Seconds for the connection, for the TLS handshake and for
                each write; ``None`` waits without end.
            sock: A socket that is connected already, through a proxy for
                instance, in place of a new connection.

        Raises:
            ConnectionLostError: No connection, or no TLS.
            TimeoutError: No connection within ``timeout``.
        """
        loop = asyncio.get_running_loop()
        connection = cls(host, port, ssl_context, timeout)
        try:
            async with asyncio.timeout(timeout):
                if sock is None:
                    await loop.create_connection(lambda: connection, host, port)
                else:
                    sock.setblocking(False)
                    await loop.create_connection(lambda: connection, sock=sock)
        except builtins.TimeoutError as error:
            raise connect_timed_out(host, port, timeout) from error
        except OSError as error:
            raise connect_failed(host, port, error) from error
        if implicit_tls:
            if connection._arrived:
                connection.close()
                raise ConnectionLostError(
                    f"no TLS with {host} port {port}: {NO_TLS_THERE}", code="POP3_ERR_TLS", fatal=True
                )
            await connection.start_tls()
        return connection

    async def read(self, timeout: float | None) -> bytes:
        while not self._arrived:
            if self._ended:
                if isinstance(self._cause, OSError):
                    raise self._cause
                return b""
            self._readable.clear()
            async with asyncio.timeout(timeout):
                await self._readable.wait()
        octets = self._arrived.popleft()
        self._waiting -= len(octets)
        if self._paused and not self._arrived and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return octets

    async def write(self, octets: bytes) -> None:
        if self._transport is None or self._ended:
            raise self._cause if isinstance(self._cause, OSError) else ConnectionResetError("the connection is closed")
        self._transport.write(octets)
        async with asyncio.timeout(self._timeout):
            await self._writable.wait()

    async def start_tls(self) -> None:
        # The loop reads by itself: what came before the handshake is here, and the handshake would not see it.
        if self._arrived:
            self.close()
            raise _make_error(
                "POP3_ERR_STLS_INJECTION",
                "the server sent octets between its answer to STLS and the TLS handshake",
                fatal=True,
            )
        transport = self._transport
        if transport is None or self._ended:
            raise tls_failed(self._host, self._port, self._cause or ConnectionResetError())
        try:
            async with asyncio.timeout(self._timeout):
                secured = await asyncio.get_running_loop().start_tls(
                    transport,
                    self,
                    self._context or default_context(),
                    server_hostname=self._host,
                    ssl_handshake_timeout=_FOREVER_SECONDS,  # the one above counts
                )
        except builtins.TimeoutError as error:
            self.close()
            raise tls_timed_out(self._host, self._port, self._timeout) from error
        except (OSError, ValueError) as error:
            self.close()
            raise tls_failed(self._host, self._port, error) from error
        except BaseException:
            self.close()
            raise
        if secured is None:
            self.close()
            raise tls_failed(self._host, self._port, ConnectionResetError())
        self._transport = secured
        tls = self.ssl_object
        selected = None if tls is None else tls.selected_alpn_protocol()
        if not accepts_alpn(selected):
            self.close()
            raise tls_failed(self._host, self._port, other_protocol(selected))
        secured.set_write_buffer_limits(0)

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS in force, ``None`` without it."""
        tls: ssl.SSLObject | None = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return tls

    def channel_binding(self, name: str) -> bytes | None:
        """What both ends of the TLS channel know (RFC 5929), as :meth:`popmail.SocketTransport.channel_binding`."""
        return binding_of(self.ssl_object, name)

    def close(self) -> None:
        transport, self._transport = self._transport, None
        self._end(None)
        if transport is not None:
            transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # What was written is the kernel's when `write` returns, as with a blocking socket.
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self._arrived.append(data)
        self._waiting += len(data)
        if self._waiting > _READ_AHEAD_OCTETS and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._readable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def _end(self, cause: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self._cause = cause
        self._readable.set()
        self._writable.set()


_READ_AHEAD_OCTETS = 1024 * 1024
_FOREVER_SECONDS = 86_400.0
