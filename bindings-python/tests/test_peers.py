"""`popmail.Server` with the mail programs of other people: mpop, fetchmail and getmail, over TLS and STLS.

curl and poplib are in `test_interop.py`. Every byte must arrive, and what was fetched must be deleted.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from samples import awkward_messages, large_message, plain_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Certificates

WAYS = ["implicit TLS", "STLS"]
SECONDS = 60


@contextmanager
def serving(certificates: Certificates, way: str, messages: list[bytes]) -> Iterator[popmail.Server]:
    """Serve one account `me`, password `secret`."""
    accounts = {"me": popmail.Account("secret", popmail.MemoryMaildrop(messages))}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # fetchmail looks for the common name before it looks at the other ones.
    certificates.authority.issue_cert("localhost", common_name="localhost").configure_cert(context)
    with popmail.Server(accounts, tls=context, implicit_tls=way == "implicit TLS") as server:
        yield server


def delivered(folder: Path) -> list[bytes]:
    """Return what a program put into a Maildir, with CRLF line ends."""
    files = [file for name in ("new", "cur") for file in (folder / name).iterdir()]
    messages = [file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for file in files]
    # getmail writes the envelope in front, as whoever delivers does.
    return sorted(re.sub(rb"\AReturn-Path: [^\r]*\r\n", b"", message) for message in messages)


def maildir(folder: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True)
    return folder


def run(*command: str | Path, home: Path, user: str | None = None) -> None:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    # A user without privileges has no group of root either.
    identity: dict[str, Any] = {} if user is None else {"user": user, "group": "nogroup", "extra_groups": []}
    done = subprocess.run(
        command, capture_output=True, timeout=SECONDS, check=False, env=environment, cwd=home, **identity
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def check_all_came(server: popmail.Server, folder: Path, messages: list[bytes]) -> None:
    assert delivered(folder) == sorted(messages)
    assert server.metrics()["messages_deleted"] == len(messages)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("auth", ["user", "plain", "login", "cram-md5", "scram-sha-256", "apop"])
def test_mpop_fetches_every_byte_and_deletes(certificates: Certificates, tmp_path: Path, way: str, auth: str) -> None:
    messages = [*awkward_messages(), *plain_messages(30), large_message(1_000_000)]
    # mpop tells lines apart at every CR and writes LF.
    messages = [message for message in messages if b"\r" not in message.replace(b"\r\n", b"")]
    folder = maildir(tmp_path / "mail")
    accounts = {"me": popmail.Account("secret", popmail.MemoryMaildrop(messages))}
    mechanisms = ["scram-sha-256", "cram-md5", "plain", "login", "apop"]
    with popmail.Server(
        accounts, tls=certificates.server_context(), implicit_tls=way == "implicit TLS", mechanisms=mechanisms
    ) as server:
        (tmp_path / "password").write_text("secret\n")
        settings = f"""
            account test
            host localhost
            port {server.port}
            user me
            passwordeval cat {tmp_path / "password"}
            auth {auth}
            tls on
            tls_starttls {"off" if way == "implicit TLS" else "on"}
            tls_trust_file {certificates.ca_file}
            received_header off
            keep off
            uidls_file {tmp_path / "uids"}
            delivery maildir {folder}
            account default : test
        """
        config = tmp_path / "mpoprc"
        config.write_text(settings)
        config.chmod(0o600)
        run("mpop", f"--file={config}", home=tmp_path)
        check_all_came(server, folder, messages)


@pytest.mark.parametrize("way", WAYS)
def test_fetchmail_fetches_every_byte_and_deletes(certificates: Certificates, tmp_path: Path, way: str) -> None:
    # fetchmail rewrites headers that are odd: these messages are ordinary, their bodies are not.
    messages = [*plain_messages(20), large_message(500_000), b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n"]
    folder = maildir(tmp_path / "mail")
    store = tmp_path / "store"
    store.write_text(
        f'#!/bin/sh\nf=$(mktemp -u XXXXXXXXXXXX)\ncat >"{folder}/tmp/$f" && mv "{folder}/tmp/$f" "{folder}/new/$f"\n'
    )
    store.chmod(0o700)
    with serving(certificates, way, messages) as server:
        protocol = "ssl" if way == "implicit TLS" else 'sslproto "auto"'
        config = tmp_path / "fetchmailrc"
        config.write_text(
            f"""
            set no bouncemail
            poll localhost service {server.port} protocol pop3 user me password secret
              {protocol} sslcertck sslcertfile {certificates.ca_file} sslcommonname localhost
              no rewrite nokeep fetchall mda "{store}"
            """
        )
        config.chmod(0o600)
        run("fetchmail", "--fetchmailrc", config, "--idfile", tmp_path / "ids", "--invisible", home=tmp_path)
        check_all_came(server, folder, messages)


@pytest.fixture
def unprivileged() -> Iterator[tuple[Path, str | None]]:
    """Make a folder, and name the user whose it is: getmail delivers nothing as root."""
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="popmail-peer-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        yield folder, user
    finally:
        shutil.rmtree(folder)


def test_getmail_fetches_every_byte_and_deletes(
    certificates: Certificates, unprivileged: tuple[Path, str | None]
) -> None:
    # Over TLS from the first octet alone: getmail knows no STLS.
    home, user = unprivileged
    authority = home / "ca.pem"
    authority.write_bytes(certificates.ca_file.read_bytes())
    messages = [*plain_messages(20), large_message(500_000), b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n"]
    folder = maildir(home / "mail")
    for part in [folder, *folder.iterdir()]:
        shutil.chown(part, user) if user is not None else None
    with serving(certificates, "implicit TLS", messages) as server:
        settings = f"""
            [retriever]
            type = SimplePOP3SSLRetriever
            server = localhost
            port = {server.port}
            username = me
            password = secret
            ca_certs = {authority}
            [destination]
            type = Maildir
            path = {folder}/
            [options]
            delete = true
            delivered_to = false
            received = false
            verbose = 0
        """
        config = home / "getmailrc"
        config.write_text("\n".join(line.strip() for line in settings.splitlines()))
        run("getmail", f"--getmaildir={home}", f"--rcfile={config}", home=home, user=user)
        check_all_came(server, folder, messages)
