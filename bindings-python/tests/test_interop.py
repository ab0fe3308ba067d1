"""`popmail.Server` with the clients of other people: the standard library's `poplib`, and `curl`."""

from __future__ import annotations

import poplib
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

import popmail
from samples import awkward_messages, large_message, plain_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conftest import Certificates

WAYS = ["implicit TLS", "STLS", "APOP in clear"]
USER = "me"
PASSWORD = "open sesame"


@contextmanager
def serving(
    certificates: Certificates, maildrop: popmail.MemoryMaildrop | popmail.Maildir, way: str
) -> Iterator[popmail.Server]:
    """Serve one account in one of `WAYS`."""
    accounts = {USER: popmail.Account(PASSWORD, maildrop)}
    if way == "APOP in clear":
        server = popmail.Server(accounts, implicit_tls=False, allow_cleartext=True)
    else:
        server = popmail.Server(accounts, tls=certificates.server_context(), implicit_tls=way == "implicit TLS")
    with server:
        yield server


def open_poplib(certificates: Certificates, server: popmail.Server, way: str) -> poplib.POP3:
    """Log in with the standard library in one of `WAYS`."""
    if way == "implicit TLS":
        context = certificates.client_context()
        client: poplib.POP3 = poplib.POP3_SSL(server.host, server.port, context=context, timeout=30)
    else:
        client = poplib.POP3(server.host, server.port, timeout=30)
    if way == "STLS":
        client.stls(certificates.client_context())
    if way == "APOP in clear":
        client.apop(USER, PASSWORD)
    else:
        client.user(USER)
        client.pass_(PASSWORD)
    return client


def drop(client: poplib.POP3) -> None:
    """Close the connection without QUIT."""
    client.close()


def poplib_message(client: poplib.POP3, number: int) -> bytes:
    return b"".join(line + b"\r\n" for line in client.retr(number)[1])


def make_maildir(folder: Path, messages: Sequence[bytes]) -> Path:
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True)
    for number, message in enumerate(messages, 1):
        (folder / "new" / f"{1_000_000_000 + number}.M{number}P1.loopback").write_bytes(message)
    return folder


@pytest.fixture(autouse=True)
def _long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    # poplib refuses message lines longer than 2,048 octets; mail has them.
    monkeypatch.setattr(poplib, "_MAXLINE", 10_000_000)


@pytest.mark.parametrize("way", WAYS)
def test_poplib_gets_every_byte(certificates: Certificates, way: str) -> None:
    messages = awkward_messages()
    with (
        serving(certificates, popmail.MemoryMaildrop(messages), way) as server,
        closing(open_poplib(certificates, server, way)) as client,
    ):
        assert client.stat() == (len(messages), sum(map(len, messages)))
        assert client.list()[1] == [f"{number} {len(message)}".encode() for number, message in enumerate(messages, 1)]
        assert [poplib_message(client, number) for number in range(1, len(messages) + 1)] == messages
        client.quit()


@pytest.mark.parametrize("way", WAYS)
def test_poplib_gets_500_messages_one_of_them_of_30_mib(certificates: Certificates, tmp_path: Path, way: str) -> None:
    messages = plain_messages(499)
    messages.insert(250, large_message(30 * 1024 * 1024))
    folder = make_maildir(tmp_path / "maildir", messages)
    with (
        serving(certificates, popmail.Maildir(folder), way) as server,
        closing(open_poplib(certificates, server, way)) as client,
    ):
        for number, message in enumerate(messages, 1):
            assert poplib_message(client, number) == message, f"message {number} differs"
        client.quit()


@pytest.mark.parametrize("way", WAYS)
def test_poplib_deletes_at_quit_and_only_then(certificates: Certificates, tmp_path: Path, way: str) -> None:
    messages = plain_messages(3)
    folder = make_maildir(tmp_path / "maildir", messages)

    def stored() -> list[bytes]:
        files = [file for name in ("new", "cur") for file in (folder / name).iterdir()]
        return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]

    with serving(certificates, popmail.Maildir(folder), way) as server:
        client = open_poplib(certificates, server, way)
        uids = client.uidl()[1]
        client.dele(2)
        assert client.stat()[0] == 2
        drop(client)
        assert stored() == messages

        client = open_poplib(certificates, server, way)
        assert client.uidl()[1] == uids, "the uids changed between sessions"
        client.dele(2)
        assert stored() == messages
        client.quit()
        assert stored() == [messages[0], messages[2]]

        client = open_poplib(certificates, server, way)
        assert [line.split()[1] for line in client.uidl()[1]] == [uids[0].split()[1], uids[2].split()[1]]
        client.quit()


def test_poplib_with_the_wrong_password_is_refused(certificates: Certificates) -> None:
    with serving(certificates, popmail.MemoryMaildrop([]), "implicit TLS") as server:
        with closing(poplib.POP3_SSL(server.host, server.port, context=certificates.client_context())) as client:
            client.user(USER)
            with pytest.raises(poplib.error_proto, match="-ERR"):
                client.pass_("wrong")
        client = open_poplib(certificates, server, "implicit TLS")
        client.quit()


def test_poplib_sees_no_password_command_in_clear(certificates: Certificates) -> None:
    with (
        serving(certificates, popmail.MemoryMaildrop([]), "STLS") as server,
        closing(poplib.POP3(server.host, server.port, timeout=30)) as client,
    ):
        assert "USER" not in client.capa()
        assert "STLS" in client.capa()
        with pytest.raises(poplib.error_proto, match="-ERR"):
            client.user(USER)
            client.pass_(PASSWORD)


def curl(certificates: Certificates, server: popmail.Server, way: str, path: str, *options: str) -> bytes:
    """Run curl against the server in one of `WAYS` and return what it wrote."""
    scheme, flags = {
        "implicit TLS": ("pop3s", []),
        "STLS": ("pop3", ["--ssl-reqd"]),
        "APOP in clear": ("pop3", ["--login-options", "AUTH=+APOP"]),
    }[way]
    url = f"{scheme}://{server.host}:{server.port}/{path}"
    command = ["curl", "--silent", "--show-error", "--cacert", certificates.ca_file, "--user", f"{USER}:{PASSWORD}"]
    done = subprocess.run([*command, *flags, *options, url], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_curl_gets_every_byte(certificates: Certificates, way: str) -> None:
    messages = [*awkward_messages(), large_message(2_000_000)]
    with serving(certificates, popmail.MemoryMaildrop(messages), way) as server:
        listing = [f"{number} {len(message)}\r\n".encode() for number, message in enumerate(messages, 1)]
        assert curl(certificates, server, way, "") == b"".join(listing)
        assert [curl(certificates, server, way, str(number)) for number in range(1, len(messages) + 1)] == messages


@pytest.mark.parametrize("way", WAYS)
def test_curl_deletes(certificates: Certificates, way: str) -> None:
    messages = plain_messages(2)
    with serving(certificates, popmail.MemoryMaildrop(messages), way) as server:
        curl(certificates, server, way, "1", "--request", "DELE", "--head")
        assert curl(certificates, server, way, "1") == messages[1]
        assert curl(certificates, server, way, "") == f"1 {len(messages[1])}\r\n".encode()
