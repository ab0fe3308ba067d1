"""A link with a delay: a proxy on loopback that holds every octet back for a while, in each direction.

It counts the turns too: how often octets of the client followed octets of the server. That number, times the delay, is
what a dialogue waits for, whatever the machine.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import Self


class SlowLink:
    """Passes connections on to a server; `delay` is in seconds, each way."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self._server = (host, port)
        self._delay = delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1"
        self.port: int = self._listener.getsockname()[1]
        self.turns = 0
        self._server_spoke = True
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):  # closed already
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
        for one in [self._listener, *self._open]:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            self._open += [client, server]
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._pass_on, client, server, True)
            self._start(self._pass_on, server, client, False)

    def _pass_on(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._start(self._deliver, under_way, sink)
        octets = b"first"
        while octets:
            try:
                octets = source.recv(1 << 18)
            except OSError:
                octets = b""
            if octets and from_client and self._server_spoke:
                self.turns += 1
            if octets:
                self._server_spoke = not from_client
            under_way.put((time.monotonic() + self._delay, octets))

    @staticmethod
    def _deliver(under_way: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
        while True:
            due, octets = under_way.get()
            time.sleep(max(due - time.monotonic(), 0))
            try:
                if not octets:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(octets)
            except OSError:
                return

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
