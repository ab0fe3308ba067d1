"""The Python examples of the README, run as they stand there.

The conventions:

* Every block marked `python` is a program of its own. What it needs and the page need not show stands in a comment
  above it (see `scripts/readme_blocks.py`, which the type checkers use as well).
* `pop.example.com` is a server of this machine for as long as the example runs: name look-ups lead to it, on port 995
  (TLS from the first byte) and on port 110 (STLS), and its certificate, good for that name, is trusted by default. Its
  user is `me`, the password is the one character `…`, and it holds the sample mail.
* The example runs in a folder of its own that holds the sample mail as `.eml` files and, under `Maildir`, as a Maildir.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from readme_blocks import python_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Certificates

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
HOST = "pop.example.com"
PASSWORD = "…"
BLOCKS = python_blocks(README.read_text("utf-8"))
SAMPLES = sorted((ROOT / "examples" / "mail").glob("*.eml"))


@pytest.fixture
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tmp", "new", "cur"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    for number, sample in enumerate(SAMPLES, 1):
        shutil.copy(sample, tmp_path)
        shutil.copy(sample, tmp_path / "Maildir" / "new" / f"{1_000_000_000 + number}.M{number}P1.loopback")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _pop_example_com(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the name `pop.example.com` lead to two servers here: one for port 995, one for port 110."""
    mail = [sample.read_bytes() for sample in SAMPLES]
    look_up = socket.getaddrinfo
    ports: dict[int, int] = {}

    def look_up_here(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host in (HOST, HOST.encode()):
            host, port = "127.0.0.1", ports[int(port)]
        return look_up(host, port, *arguments, **options)

    # OpenSSL's own default, which ssl.create_default_context() reads
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    with ExitStack() as stack:
        for port, implicit in ((995, True), (110, False)):
            accounts = {"me": popmail.Account(PASSWORD, popmail.MemoryMaildrop(mail))}
            server = popmail.Server(accounts, tls=certificates.server_context(), implicit_tls=implicit)
            ports[port] = stack.enter_context(server).port
        yield


@pytest.mark.usefixtures("_workplace", "_pop_example_com")
@pytest.mark.parametrize("code", [pytest.param(block.code, id=f"line {block.line}") for block in BLOCKS])
def test_readme_example_runs(code: str, tmp_path: Path) -> None:
    if "def test_" in code:
        (tmp_path / "test_example.py").write_text(code, "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "test_example.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout
        return
    exec(compile(code, str(README), "exec"), {"__name__": "__main__"})


def test_readme_has_examples() -> None:
    assert BLOCKS
