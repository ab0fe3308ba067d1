"""What `popmail serve` is made of, beside its options: the mail, the users, systemd, the log."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import signal
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import popmail
from popmail._terminal import CommandFailedError
from popmail._users import Folder, UserFile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


def maildrop(folder: Path) -> tuple[popmail.Maildir | popmail.Mbox | popmail.MemoryMaildrop, str]:
    """Return the mail of one account, and what it is in words."""
    if folder.is_file():
        return popmail.Mbox(folder), "the mbox file"
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        return popmail.Maildir(folder), "the Maildir"
    if not folder.is_dir():
        raise CommandFailedError(f"{folder}: expected a Maildir or a folder of .eml files")
    files = sorted(folder.glob("*.eml"))
    if not files:
        raise CommandFailedError(f"{folder}: expected cur and new in it (a Maildir), or .eml files")
    return popmail.MemoryMaildrop([file.read_bytes() for file in files]), f"{_count(len(files), 'message')} of"


def server_context(cert: Path, key: Path | None) -> ssl.SSLContext:
    """Return the context of a server with this certificate; clients that name protocols must name ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["pop3"])
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise CommandFailedError(
            f"{cert}: expected a certificate and its private key in PEM form ({error.reason})"
        ) from error
    except OSError as error:
        raise CommandFailedError(f"{cert if key is None else f'{cert} or {key}'}: {error.strerror}") from error
    return context


def accounts(folder: Path, users: Path) -> tuple[Callable[[popmail.Login], popmail.Maildrop | None], str]:
    """Return what lets the users of a file in, each to the mail under their name."""
    if not folder.is_dir():
        raise CommandFailedError(f"{folder}: expected a folder with a Maildir or an mbox file for each user")
    file = UserFile(users)
    return Folder(folder, file).log_in, f"{_count(len(file.hashes()), 'account')} of"


@contextlib.contextmanager
def until_terminated() -> Generator[threading.Event]:
    """Give an event that SIGTERM sets, so that the sessions are ended in order."""
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended  # where no handler can be set, as in a test
        return

    def end(number: int, frame: object) -> None:
        ended.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield ended
    finally:
        signal.signal(signal.SIGTERM, before)


def socket_of_systemd() -> socket.socket | None:
    """Return the socket that systemd listens on for us (sd_listen_fds(3)), or None."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = os.environ.get("LISTEN_FDS", "0")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    if count != "1":
        raise CommandFailedError(f"expected one socket from systemd, got {count}")
    return socket.socket(fileno=3)


def log_to_stderr(kind: str) -> None:
    """Tell what happens on standard error: `warnings`, or everything as `text` or `json`."""
    handler = logging.StreamHandler()
    if kind == "json":
        handler.setFormatter(_JsonFormatter())
    elif kind == "text":
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("popmail.server")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.WARNING if kind == "warnings" else logging.INFO)


class _JsonFormatter(logging.Formatter):
    """One JSON object for each event: `time`, `level`, `message`, and what the server tells of it."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "popmail", {}),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
