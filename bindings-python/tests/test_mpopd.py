"""mpopd, the server of the package `mpop`: no CAPA of note, no pipelining, USER and PASS alone."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from dovecot import free_port
from samples import awkward_messages, plain_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PASSWORD = "open sesame"


@contextlib.contextmanager
def mpopd(folder: Path, messages: Sequence[bytes]) -> Iterator[int]:
    """Serve these messages, whose line ends are LF in a Maildir."""
    program = shutil.which("mpopd")
    assert program is not None, "mpopd is missing: apt-get install mpop"
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, message in enumerate(messages, 1):
        (folder / "new" / f"{1_000_000_000 + number}.M{number}.host").write_bytes(message.replace(b"\r\n", b"\n"))
    port = free_port()
    arguments = [program, f"--port={port}", f"--auth=me,echo '{PASSWORD}'", f"--maildir={folder}"]
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "mpopd does not answer"
                assert process.poll() is None, "mpopd has ended"
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def connect(port: int, **options: Any) -> popmail.Pop3:
    return popmail.Pop3(
        "127.0.0.1", port, user="me", password=PASSWORD, tls="none", allow_cleartext=True, timeout=30, **options
    )


def test_every_message_arrives(tmp_path: Path) -> None:
    # Lone carriage returns and NULs are not what a Maildir of LF lines is for.
    messages = [*plain_messages(20), *awkward_messages()[:5]]
    with mpopd(tmp_path, messages) as port, connect(port) as box:
        assert box.stat().count == len(messages)
        uids = dict(box.uidl())
        assert sorted(mail.raw for mail in box) == sorted(messages)
        assert [summary.uid for summary in box.summaries(retr=True)] == list(uids.values())
        assert set(box.deviations) <= {"odd-size", "short-message", "unnamed-capability"}


def test_deletions_take_effect_at_quit(tmp_path: Path) -> None:
    with mpopd(tmp_path, plain_messages(3)) as port:
        with connect(port) as box:
            box.dele(2)
            box.rset()
            box.dele(1)
        with connect(port) as box:
            assert box.stat().count == 2
        with pytest.raises(popmail.CommandError), connect(port) as box:
            box.retr(3)
        with connect(port) as box:
            assert box.stat().count == 2


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with mpopd(tmp_path, []) as port, pytest.raises((popmail.AuthenticationError, popmail.ConnectionLostError)):
        popmail.Pop3("127.0.0.1", port, user="me", password="wrong", tls="none", allow_cleartext=True, timeout=30)
