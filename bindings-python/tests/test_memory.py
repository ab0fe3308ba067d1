"""What a client takes in memory, measured from outside: in a process of its own, above what it takes when idle."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
HEAD = b"Subject: large\r\n\r\n"
LINE = b"..a line of 64 octets, whose first one is a dot that is doubled.\r\n"
BLOCK = LINE * 16384

CLIENT = """
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
    done = subprocess.run(
        [sys.executable, "-c", CLIENT.replace("{work}", work), str(port)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    above, result = json.loads(done.stdout)
    print(f"{above / MIB:.1f} MiB above idle")
    return above, result


def test_a_message_of_1_gib_streams_within_16_mib() -> None:
    capa = [b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"]
    message = [b"+OK\r\n", HEAD, *[BLOCK] * 1024, b".\r\n"]
    work = "sink = Sink(); result = [box.retr(1, into=sink), sink.octets]"
    octets = len(HEAD) + 1024 * 16384 * (len(LINE) - 1)
    assert octets > 1 << 30
    with serving({b"CAPA": capa, b"RETR": message}) as port:
        above, result = measured(port, work)
    assert result == [octets, octets]
    assert above <= 16 * MIB


@pytest.mark.parametrize("length", [20, 70], ids="{} octets each".format)
def test_list_and_uidl_of_a_million_messages_take_100_mib(length: int) -> None:
    count = 1_000_000
    capa = [b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"]
    sizes = b"".join(b"%d %d\r\n" % (number, number * 7) for number in range(1, count + 1))
    uids = b"".join(b"%d %0*d\r\n" % (number, length, number) for number in range(1, count + 1))
    work = (
        "sizes = box.list(); uids = box.uidl();"
        "result = [len(sizes), len(uids), sizes[-1], uids[999_999], sum(entry.octets for entry in sizes)]"
    )
    contents = {b"CAPA": capa, b"LIST": [b"+OK\r\n", sizes, b".\r\n"], b"UIDL": [b"+OK\r\n", uids, b".\r\n"]}
    with serving(contents) as port:
        above, result = measured(port, work)
    last = [count, count * 7]
    assert result == [count, count, last, [count, f"{count:0{length}d}"], 7 * count * (count + 1) // 2]
    assert above <= 100 * MIB
