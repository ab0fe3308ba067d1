"""A private Dovecot on loopback, for the tests and the benchmarks: real server, own folder, own ports, own certificate.

`with Dovecot() as dovecot:` starts it; `dovecot.mailbox(messages)` makes a new account that holds these messages in a
Maildir of its own, so tests never share one. Every account has the same password. Two addresses listen: the certificate
is good for `127.0.0.1` and `localhost`, and not for `127.0.0.2`, which is there to be refused.
"""

from __future__ import annotations

import grp
import itertools
import json
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = "/usr/sbin/dovecot"
PASSWORD = "open-sesame"
HOST = "127.0.0.1"
OTHER_HOST = "127.0.0.2"

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = pop3
listen = {host}, {other_host}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
mail_location = maildir:{folder}/mail/%u
mail_uid = {mail_uid}
mail_gid = {mail_gid}
first_valid_uid = 1
mail_max_userip_connections = 1000
auth_mechanisms = plain login cram-md5 apop scram-sha-1 scram-sha-256 oauthbearer xoauth2
auth_failure_delay = 0
disable_plaintext_auth = yes
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={folder}/home/%u
}}
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  # no growing delay after wrong passwords
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{unprivileged}
"""


_OAUTH = """\
introspection_mode = get
introspection_url = http://{host}:{oauth_port}/
username_attribute = username
active_attribute = active
active_value = yes
"""


class _Introspection(BaseHTTPRequestHandler):
    """Says that `token-of-USER` is a good token of USER."""

    def do_GET(self) -> None:
        token = urllib.parse.unquote(self.path[1:].partition("&")[0])
        user = token.removeprefix("token-of-")
        octets = json.dumps({"active": "yes" if user != token else "no", "username": user}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    """Return a port of loopback that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Mailbox:
    """One account of the server: its name, its password and the Maildir behind it."""

    user: str
    password: str
    folder: Path

    def contents(self) -> list[bytes]:
        """Return every message that is in the Maildir now, in order of arrival."""
        files = [file for name in ("new", "cur") for file in (self.folder / name).iterdir()]
        return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]


class Dovecot:
    """A running server: `port` takes STLS (and clear text), `tls_port` takes TLS from the first byte."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="popmail-dovecot-"))
        self.folder.chmod(0o755)  # the mail processes run as another user
        self.host = HOST
        self.port = free_port()
        self.tls_port = free_port()
        self.ca_file = self.folder / "ca.pem"
        self._numbers = itertools.count(1)
        self._owner = _mail_owner()
        self._write_certificates()
        self._oauth = ThreadingHTTPServer((HOST, 0), _Introspection)
        threading.Thread(target=self._oauth.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        oauth = _OAUTH.format(host=HOST, oauth_port=self._oauth.server_address[1])
        (self.folder / "oauth2.conf").write_text(oauth)
        self._configuration = self.folder / "dovecot.conf"
        self._configuration.write_text(self._configure())
        for name in ("run", "state", "mail", "home"):
            self._make_folder(self.folder / name)
        self._process = subprocess.Popen([PROGRAM, "-F", "-c", self._configuration], stdin=subprocess.DEVNULL)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._process.terminate()
        self._process.wait(30)
        self._oauth.shutdown()
        self._oauth.server_close()
        shutil.rmtree(self.folder)

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts this server's certificate authority and no other."""
        context = ssl.create_default_context()
        context.load_verify_locations(self.ca_file)
        return context

    def mailbox(self, messages: Iterable[bytes] = ()) -> Mailbox:
        """Make a new account that holds these messages, which must have CRLF line ends."""
        user = f"user{next(self._numbers)}"
        folder = self.folder / "mail" / user
        for path in (folder, folder / "tmp", folder / "new", folder / "cur"):
            self._make_folder(path)
        for number, message in enumerate(messages, 1):
            file = (
                folder / "cur" / f"{1_000_000_000 + number}.M{number}P1.loopback,S={len(message)},W={len(message)}:2,"
            )
            file.write_bytes(message)
            os.chown(file, *self._owner)
        return Mailbox(user, PASSWORD, folder)

    def log(self) -> str:
        """Return what the server has written to its log."""
        file = self.folder / "dovecot.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def _make_folder(self, path: Path) -> None:
        path.mkdir()
        if path.name not in ("run", "state"):
            os.chown(path, *self._owner)

    def _write_certificates(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", HOST)
        authority.cert_pem.write_to_path(self.ca_file)
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        for position, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(self.folder / "certificate.pem", append=position > 0)

    def _configure(self) -> str:
        me = pwd.getpwuid(os.getuid()).pw_name
        my_group = grp.getgrgid(os.getgid()).gr_name
        root = os.getuid() == 0
        # Without root every process runs as ourselves, and none can be locked into a folder.
        services = ("anvil", "stats", "ipc", "pop3-login", "auth", "auth-worker", "pop3")
        unprivileged = "".join(f"service {name} {{\n  chroot =\n  user = {me}\n}}\n" for name in services)
        return _CONFIGURATION.format(
            folder=self.folder,
            host=HOST,
            other_host=OTHER_HOST,
            port=self.port,
            tls_port=self.tls_port,
            password=PASSWORD,
            internal_user="dovecot" if root else me,
            internal_group="dovecot" if root else my_group,
            login_user="dovenull" if root else me,
            mail_uid=self._owner[0],
            mail_gid=self._owner[1],
            unprivileged="" if root else unprivileged,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            if self._process.poll() is not None:
                raise RuntimeError(f"dovecot ended with status {self._process.returncode}: {self.log()}")
            try:
                with socket.create_connection((self.host, self.port), timeout=5) as probe:
                    if probe.recv(3) == b"+OK":
                        return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"dovecot does not answer: {self.log()}") from None
            time.sleep(0.02)


def _mail_owner() -> tuple[int, int]:
    """Return the user and group that own the mail: never root, which Dovecot refuses."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
