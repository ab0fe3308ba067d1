"""A server in a process of its own, which a test can measure and kill. Run: serving.py KIND PLACE [OPTIONS]."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import popmail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType


class ServerProcess:
    """Starts this file and waits until it listens."""

    def __init__(self, **options: Any) -> None:
        command = [sys.executable, __file__, json.dumps(options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server did not start"
        self.address = ("127.0.0.1", int(line))

    def memory(self) -> int:
        """Return the octets that the process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Long:
    """One message of any length, which is never in memory."""

    def __init__(self, octets: int) -> None:
        self.octets = octets

    def refresh(self) -> None:
        pass

    def entries(self) -> Sequence[tuple[str, int]]:
        return [("long", self.octets)]

    def open(self, number: int, /) -> Iterator[bytes]:
        return (b"0123456789abcdefghijklmnopqrst\r\n" * 2_048 for _ in range(self.octets // 65_536))

    def commit(self, deleted: Sequence[int], /) -> None:
        raise AssertionError("nothing is deleted here")


def main(
    *,
    memory: list[tuple[int, int]] | None = None,
    long: int | None = None,
    accounts: int = 1,
    maildir: str | None = None,
    mbox: str | None = None,
    largest_file: int | None = None,
) -> None:
    """Serve until standard input ends.

    Either `accounts` with `memory` (count and octets of messages) or a `long` message each, or one with files.
    """
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    drops: list[Any] = []
    if long is not None:
        drops = [Long(long) for _ in range(accounts)]
    elif maildir is not None:
        drops.append(popmail.Maildir(maildir))
    elif mbox is not None:
        drops.append(popmail.Mbox(mbox))
    else:
        mail = [message(octets) for count, octets in memory or [] for _ in range(count)]
        drops = [popmail.MemoryMaildrop(mail) for _ in range(accounts)]
    users = {f"user{number}": popmail.Account("secret", drop) for number, drop in enumerate(drops)}
    with popmail.Server(users, allow_cleartext=True, max_connections_per_address=5_000) as server:
        print(server.port, flush=True)
        sys.stdin.read()


def message(octets: int) -> bytes:
    """Return a message of about that size."""
    return b"Subject: load\r\n\r\n" + b"0123456789abcdefghijklmnopqrstuvwxyz\r\n" * (octets // 38)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
