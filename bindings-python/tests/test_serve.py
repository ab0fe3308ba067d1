"""`popmail serve` for many users, a socket of systemd, its log and its end; `popmail passwd`."""

from __future__ import annotations

import json
import os
import poplib
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from popmail._users import UserFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Certificates

# Of `htpasswd -bnBC 4 cy secret` and of another maker of bcrypt hashes, cheap for tests.
HASHED = {"ann": b"open sesame", "bob": b"p:w", "cy": b"secret"}
SECONDS = 60


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Make a folder with a Maildir, an mbox file, and somebody's who is no user."""
    import bcrypt

    for user in ("ann", "cy", "eve"):
        for name in ("new", "cur", "tmp"):
            (tmp_path / "mail" / user / name).mkdir(parents=True)
        (tmp_path / "mail" / user / "new" / "1.M.host").write_bytes(f"Subject: for {user}\r\n\r\n".encode())
    (tmp_path / "mail" / "bob").write_bytes(b"From a Mon May  4 09:30:00 2026\nSubject: for bob\n\n")
    lines = ["# users\n", "\n"]
    for user, password in HASHED.items():
        hashed = bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()
        # Apache's htpasswd writes 2y for the same.
        lines.append(f"{user}:{hashed.replace('$2b$', '$2y$') if user == 'cy' else hashed}\n")
    (tmp_path / "users").write_text("".join(lines))
    return tmp_path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "popmail", *map(str, arguments)]


@contextmanager
def serving(certificates: Certificates, mail: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    arguments = ["serve", mail / "mail", "--users", mail / "users", "--cert", certificates.cert_file]
    process = subprocess.Popen(
        command(*arguments, "--key", certificates.key_file, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"serving 3 accounts of .* at pops://127\.0\.0\.1:(\d+) ", line)
        assert found, line + (process.communicate()[1] if not line else "")
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


def subject(certificates: Certificates, port: int, user: str, password: str) -> bytes:
    client = poplib.POP3_SSL("localhost", port, context=certificates.client_context(), timeout=SECONDS)
    try:
        client.user(user)
        client.pass_(password)
        line: bytes = client.retr(1)[1][0]
        client.dele(1)
        client.quit()
        return line
    finally:
        client.close()


def test_each_user_gets_their_own_mail_and_others_none(certificates: Certificates, mail: Path) -> None:
    with serving(certificates, mail, "--log", "json") as (process, port):
        for user, password in HASHED.items():
            assert subject(certificates, port, user, password.decode()) == f"Subject: for {user}".encode()
        for user, password in (("ann", "wrong"), ("eve", "open sesame"), ("..", "x"), ("ann/new", "open sesame")):
            with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
                subject(certificates, port, user, password)
        # A user who is added is let in, without a new start.
        done = subprocess.run(
            command("passwd", mail / "users", "eve"),
            env={**os.environ, "POPMAIL_PASSWORD": "new here"},
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr
        assert subject(certificates, port, "eve", "new here") == b"Subject: for eve"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
    events: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    assert [event["user"] for event in events if event["event"] == "login"] == [*HASHED, "eve"]
    assert [event["user"] for event in events if event["event"] == "login_failed"] == ["ann", "eve", "..", "ann/new"]
    assert not any(password.decode() in log for password in HASHED.values())
    assert (mail / "mail" / "bob").read_bytes() == b""


def test_a_socket_that_systemd_opened_is_used(mail: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # As sd_listen_fds(3) has it: descriptor 3, and the number of the process that is meant.
        program = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3);"
            "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            "os.execv(sys.executable, [sys.executable, '-m', 'popmail', *sys.argv[2:]])"
        )
        arguments = ["serve", str(mail / "mail"), "--users", str(mail / "users"), "--allow-cleartext"]
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(listener.fileno()), *arguments],
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert f"pop://127.0.0.1:{port} " in process.stdout.readline()
            client = poplib.POP3("127.0.0.1", port, timeout=SECONDS)
            client.user("ann")
            client.pass_("open sesame")
            assert client.stat()[0] == 1
            client.quit()
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ann", "line 2: no colon"),
        ("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "not by bcrypt"),
        ("../ann:$2b$04$abc", "expected a name without"),
        (".ann:$2b$04$abc", "expected a name without"),
    ],
)
def test_a_file_of_users_that_cannot_be_used_is_told(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "users").write_text(f"# users\n{line}\n")
    (tmp_path / "mail").mkdir()
    done = subprocess.run(
        command("serve", tmp_path / "mail", "--users", tmp_path / "users", "--allow-cleartext"),
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_mbox_file_is_served_as_one_account(mail: Path) -> None:
    password = mail / "password"
    password.write_text("secret\n")
    process = subprocess.Popen(
        command("serve", mail / "mail" / "bob", "--password-file", password, "--allow-cleartext"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"serving the mbox file .*:(\d+) ", process.stdout.readline())
        assert found
        with popmail.Pop3(
            "127.0.0.1", int(found[1]), user="me", password="secret", tls="none", allow_cleartext=True
        ) as box:
            assert [mail.message.subject for mail in box] == ["for bob"]
    finally:
        process.kill()
        process.communicate()


def test_a_name_that_does_not_exist_costs_the_same_check(mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bcrypt

    checked = []
    check = bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed[:7])
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    users = UserFile(mail / "users")
    assert not users.knows("ann", "wrong")
    assert not users.knows("nobody", "wrong")
    assert users.knows("bob", "p:w")
    assert checked == [b"$2b$04$"] * 3
