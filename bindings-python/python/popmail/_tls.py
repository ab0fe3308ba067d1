"""TLS over a blocking socket by way of memory: :class:`TlsStream`.

A socket of ``ssl`` asks the kernel twice for each record, and servers send a
record for each message. Here one read of the socket brings all records that
have arrived, and one read of the stream their octets.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


class TlsStream:
    """TLS in force on a socket that stays the caller's.

    Args:
        connection: The socket, connected.
        context: How certificates are checked.
        host: The name that the server's certificate must be for.
        timeout: Seconds for the handshake; ``None`` is without end.
        buffer: Where the octets of the socket arrive.

    Raises:
        OSError: No handshake: an ``ssl.SSLError``, or what the socket raises.
        ValueError: ``host`` cannot be a server's name.
    """

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, host: str, timeout: float | None, buffer: memoryview
    ) -> None:
        self._socket = connection
        self._buffer = buffer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._failure: OSError | None = None
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        try:
            self._run(timeout, self.object.do_handshake)
        except ssl.SSLError:
            # The server is told why; if it does not listen any more, the reason is still this one.
            with contextlib.suppress(OSError):
                self._flush(None if timeout is None else time.monotonic() + timeout)
            raise

    def read(self, timeout: float | None, most: int) -> bytes:
        """Waits for octets and returns up to ``most``, ``b""`` at the end, as `Transport.read`."""
        if self._failure is not None:
            raise self._failure
        records: list[bytes] = []
        octets = 0
        try:
            record = self._run(timeout, self.object.read, most)
            while record:
                records.append(record)
                octets += len(record)
                record = self.object.read(most - octets) if octets < most else b""
        except (ssl.SSLWantReadError, ssl.SSLEOFError):
            # Nothing more is here, or the connection ended as if it were cut off, which POP3 does not rely on.
            pass
        except OSError as error:
            if not records:
                raise
            self._failure = error
        return b"".join(records)

    def write(self, timeout: float | None, octets: bytes) -> None:
        """Writes all of them."""
        self._run(timeout, self.object.write, octets)

    def _run(
        self,
        timeout: float | None,
        operation: Callable[_Arguments, _Result],
        *arguments: _Arguments.args,
        **options: _Arguments.kwargs,
    ) -> _Result:
        """Performs an operation, with as many reads and writes of the socket as it needs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                result = operation(*arguments, **options)
            except ssl.SSLWantReadError:
                self._flush(deadline)
                self._socket.settimeout(_left(deadline))
                if octets := self._socket.recv_into(self._buffer):
                    self._incoming.write(self._buffer[:octets])
                else:
                    self._incoming.write_eof()
            else:
                self._flush(deadline)
                return result

    def _flush(self, deadline: float | None) -> None:
        if octets := self._outgoing.read():
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(octets)


def _left(deadline: float | None) -> float | None:
    # Never 0, which would mean: do not wait at all.
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)
