"""The server under load: one process, many sessions at once, and clients that stop reading. Figures of this run."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "bindings-python" / "tests"))

from measure import ms, table
from serving import ServerProcess, message

SESSIONS = 1_000
MESSAGES = 10
OCTETS = 3_000
STOPPED = 200


def report() -> str:
    """Measure, and return a table."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    rows = [_sessions(), *_slow_readers()]
    return table(["the server, one Python process", "figure"], rows)


def _sessions() -> list[str]:
    with ServerProcess(memory=[(MESSAGES, OCTETS)], accounts=SESSIONS) as server:
        before = server.memory()
        seconds, waits = asyncio.run(_fetch_all(server.address))
        grown = max(0, server.memory() - before)
    rate = SESSIONS * MESSAGES / seconds
    text = f"{SESSIONS:,} sessions at once, each fetches {MESSAGES} messages of {OCTETS // 1000} kB"
    slow = quantiles(waits, n=100)[98]
    return [text, f"{ms(seconds)}, {rate:,.0f} messages/s, 99 % within {ms(slow)}, {grown >> 10:,} KiB more memory"]


async def _fetch_all(address: tuple[str, int]) -> tuple[float, list[float]]:
    ready = asyncio.Barrier(SESSIONS + 1)
    answer = b"+OK %d octets\r\n%s.\r\n" % (len(message(OCTETS)), message(OCTETS))
    waits: list[float] = []

    async def fetch(number: int) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(f"USER user{number}\r\nPASS secret\r\n".encode())
        for _ in range(3):
            line = await reader.readline()
            if not line.startswith(b"+OK"):
                raise RuntimeError(f"session {number}: {line!r}")
        await ready.wait()
        started = time.perf_counter()
        writer.write(b"".join(b"RETR %d\r\n" % one for one in range(1, MESSAGES + 1)) + b"QUIT\r\n")
        told = await reader.read()
        waits.append(time.perf_counter() - started)
        if told != answer * MESSAGES + b"+OK bye\r\n":
            raise RuntimeError(f"session {number} got something else")
        writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(SESSIONS):
            group.create_task(fetch(number))
        await ready.wait()
        started = time.perf_counter()
    return time.perf_counter() - started, waits


def _slow_readers() -> list[list[str]]:
    with ServerProcess(long=20 << 20, accounts=STOPPED + 1) as server, ExitStack() as clients:
        alone = _fetch_long(server.address, STOPPED)
        before = server.memory()
        for number in range(STOPPED):
            client = clients.enter_context(closing(socket.socket()))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(server.address)
            client.sendall(f"USER user{number}\r\nPASS secret\r\nRETR 1\r\n".encode())
            told = b""
            while b"octets\r\n" not in told:
                told += client.recv(1_024)
        beside = _fetch_long(server.address, STOPPED)
        grown = max(0, server.memory() - before)
    return [
        [f"memory for each of {STOPPED} clients that stop reading 20 MiB", f"{grown / STOPPED / 1024:.0f} KiB"],
        ["one client fetches 20 MiB, alone", ms(alone)],
        [f"the same beside {STOPPED} that stopped", ms(beside)],
    ]


def _fetch_long(address: tuple[str, int], number: int) -> float:
    started = time.perf_counter()
    with closing(socket.create_connection(address, 60)) as client:
        client.sendall(f"USER user{number}\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n".encode())
        octets = 0
        while chunk := client.recv(1 << 20):
            octets += len(chunk)
            last = chunk
    if octets < 20 << 20 or not last.endswith(b"+OK bye\r\n"):
        raise RuntimeError(f"got {octets} octets")
    return time.perf_counter() - started


if __name__ == "__main__":
    print(report())
