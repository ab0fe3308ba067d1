"""What a client takes in memory, measured from outside: in a process of its own, above what it takes when idle.

For `test_memory.py` and for the benchmarks.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
HEAD = b"Subject: large\r\n\r\n"
LINE = b"..a line of 64 octets, whose first one is a dot that is doubled.\r\n"
BLOCK = LINE * 16384
GIB_OF_MAIL = len(HEAD) + 1024 * 16384 * (len(LINE) - 1)
"""Octets of the message of `gib_of_mail`, a little more than 1 GiB."""

_CAPA = [b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"]

_CLIENT = """
import json, sys
import popmail

def peak(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

class Sink:
    octets = 0
    def write(self, octets):
        self.octets += len(octets)

box = popmail.Pop3("127.0.0.1", int(sys.argv[1]), user="me", password="x", tls="none", allow_cleartext=True)
box.noop()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak begins anew
idle = peak("VmRSS")
{work}
print(json.dumps([peak("VmHWM") - idle, result]))
box.close()
"""


def gib_of_mail() -> dict[bytes, list[bytes]]:
    """Return what a server answers that has one message of a little more than 1 GiB."""
    return {b"CAPA": _CAPA, b"RETR": [b"+OK\r\n", HEAD, *[BLOCK] * 1024, b".\r\n"]}


def long_listings(count: int, length: int) -> dict[bytes, list[bytes]]:
    """Return what a server answers that has so many messages, with uids of `length` octets."""
    sizes = b"".join(b"%d %d\r\n" % (number, number * 7) for number in range(1, count + 1))
    uids = b"".join(b"%d %0*d\r\n" % (number, length, number) for number in range(1, count + 1))
    return {b"CAPA": _CAPA, b"LIST": [b"+OK\r\n", sizes, b".\r\n"], b"UIDL": [b"+OK\r\n", uids, b".\r\n"]}


@contextlib.contextmanager
def serving(contents: dict[bytes, list[bytes]]) -> Iterator[int]:
    """Serve one client: each verb is answered by pieces, without end bound by memory."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"+OK ready\r\n")
                for line in lines:
                    for piece in contents.get(line.split()[0], [b"+OK\r\n"]):
                        connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(60)


def measured(port: int, work: str) -> tuple[int, object]:
    """Return the octets above idle that a client took for some lines of Python, and their `result`."""
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT.replace("{work}", work), str(port)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    above, result = json.loads(done.stdout)
    return above, result
