"""Putting fetched messages into a folder, so that none is lost, none is half there and none comes twice.

A message is written to a temporary file, synced to the disk and then, in one step, given its name; so whatever is in
the folder is complete. Before that step the name goes to the caller as a receipt; after a crash `Delivery.arrived` says
whether the step was taken. The bytes are those of the server: line ends are CRLF.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import socket
import time
import urllib.parse
from typing import TYPE_CHECKING, BinaryIO, Literal

from popmail.sync import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

Layout = Literal["maildir", "eml"]

STATE_PREFIX = ".popmail-"
"""How the names of the files of the state begin."""
_counter = itertools.count(1)


class DeliveryError(Exception):
    """The folder cannot take mail; the message says why, and what was expected."""


class Delivery:
    """A folder that takes messages: a Maildir, or a folder of `.eml` files. Several may deliver into one at a time.

    Raises:
        DeliveryError: The folder cannot be made or written, or is something else.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout: Layout = layout
        self._present: set[str] | None = None
        try:
            self._prepare()
        except OSError as error:
            raise DeliveryError(f"cannot write to {folder}: {error.strerror or error}") from error

    def state_file(self, account: str) -> Path:
        """Return where the state of an account stands, such as `me@pop.example.com:995`."""
        return self.folder / f"{STATE_PREFIX}{urllib.parse.quote(account, safe='@')}.json"

    @contextlib.contextmanager
    def message(self, name: str, note: Callable[[str], object] = lambda _: None) -> Generator[BinaryIO]:
        """Give a file to write one message to; it appears in the folder when the block ends without an exception.

        `name` is the beginning of the file's name in a folder of `.eml` files; a Maildir has its own names. `note` is
        called with a receipt right before the message appears.
        """
        unique = _unique_name()
        temporary = self.folder / "tmp" / unique if self.layout == "maildir" else self.folder / f".{unique}.part"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123
                yield file
                file.flush()
                os.fsync(descriptor)
            if self.layout == "maildir":
                note(unique)
                temporary.rename(self.folder / "new" / unique)
            else:
                _publish(temporary, self.folder, _safe_name(name), note)
        finally:
            temporary.unlink(missing_ok=True)

    def arrived(self, receipt: str) -> bool:
        """Return whether the message of a receipt has appeared, though a mail reader may have moved it to `cur`."""
        if self.layout == "eml":
            inode, _, name = receipt.partition("/")
            with contextlib.suppress(OSError):
                return str((self.folder / name).lstat().st_ino) == inode
            return False
        if self._present is None:
            files = itertools.chain.from_iterable((self.folder / part).iterdir() for part in ("new", "cur"))
            self._present = {file.name.partition(":")[0] for file in files}
        return receipt in self._present

    def sync(self) -> None:
        """Bring the names of everything that has arrived safely to the disk."""
        sync_folder(self.folder / "new" if self.layout == "maildir" else self.folder)

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.layout == "maildir":
            parts = [self.folder / name for name in ("tmp", "new", "cur")]
            foreign = (
                entry.name
                for entry in self.folder.iterdir()
                if entry.name not in ("tmp", "new", "cur") and not entry.name.startswith(STATE_PREFIX)
            )
            if not all(part.is_dir() for part in parts) and any(foreign):
                raise DeliveryError(
                    f"{self.folder} is not a Maildir: expected an empty folder or one with cur, new and tmp in it "
                    "(or --eml, for a folder of .eml files)"
                )
            for part in parts:
                part.mkdir(mode=0o700, exist_ok=True)
        # Its name tells another delivery, which may look at this moment, that it is ours.
        probe = self.folder / f"{STATE_PREFIX}{_unique_name()}.part"
        probe.touch(exist_ok=False)
        probe.unlink()


def _unique_name() -> str:
    """Return a name by the rules of Maildir: time, process, count and host."""
    now = time.time()
    host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")
    return f"{int(now)}.M{int(now % 1 * 1e6)}P{os.getpid()}Q{next(_counter)}.{host}"


def _safe_name(name: str) -> str:
    """Return the name with everything replaced that a file system may refuse or understand in its own way."""
    return re.sub(r"[^A-Za-z0-9._=+-]", "_", name).lstrip(".")[:100] or "message"


def _publish(temporary: Path, folder: Path, name: str, note: Callable[[str], object]) -> None:
    """Give the file a name that no other file has: `name.eml`, `name-2.eml` and so on."""
    inode = temporary.stat().st_ino
    for attempt in itertools.count(1):
        target = folder / (f"{name}.eml" if attempt == 1 else f"{name}-{attempt}.eml")
        if target.exists():
            continue
        note(f"{inode}/{target.name}")
        try:
            os.link(temporary, target)  # unlike a rename it never overwrites
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            if target.exists():
                continue
            temporary.rename(target)  # a file system without links
        return
