"""A POP3 server that says what a test tells it to, to the letter: for the ways in which real servers go wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

CAPABILITIES = b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n"
MAILBOX: dict[str, bytes] = {
    "CAPA": CAPABILITIES,
    "USER": b"+OK\r\n",
    "PASS": b"+OK\r\n",
    "STAT": b"+OK 1 20\r\n",
    "LIST": b"+OK\r\n1 20\r\n.\r\n",
    "UIDL": b"+OK\r\n1 uid1\r\n.\r\n",
    "RETR": b"+OK\r\nSubject: a\r\n\r\nbody\r\n.\r\n",
    "DELE": b"+OK\r\n",
    "QUIT": b"+OK\r\n",
}
"""The replies of a server that works, with one message."""


class Close(bytes):
    """A reply after which the server closes the connection."""


class Stall(bytes):
    """A reply after which the server says nothing more."""


class ScriptedServer:
    """Answers each command by its line or else by its verb, in upper case; one without a reply gets `-ERR`.

    `requests` holds every line received.
    """

    def __init__(
        self, replies: Mapping[str, bytes], *, greeting: bytes = b"+OK ready\r\n", tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[bytes] = []
        self.stalled = threading.Event()
        self._replies = replies
        self._greeting = greeting
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1"
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown, not only close: it wakes the thread that waits in accept
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):  # the peer may have been faster
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            try:
                self._serve(connection)
            except OSError:
                pass  # the client left, as it may
            finally:
                self._open.remove(connection)
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rb") as lines:
            if self._say(connection, self._greeting):
                for line in lines:
                    self.requests.append(line)
                    command = line.strip().decode("latin-1").upper()
                    verb = command.partition(" ")[0]
                    reply = self._replies.get(command, self._replies.get(verb, b"-ERR unknown\r\n"))
                    if not self._say(connection, reply):
                        return
                    if verb == "QUIT":
                        return

    def _say(self, connection: socket.socket, reply: bytes) -> bool:
        connection.sendall(reply)
        if isinstance(reply, Stall):
            self.stalled.set()
            connection.recv(1)
        return not isinstance(reply, Close | Stall)
