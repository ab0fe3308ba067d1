"""Putting fetched messages into a folder, so that none is lost, none is half there and none comes twice.

A message is written to a temporary file, synced to the disk and then renamed into its place; so whatever is in the
folder is complete. Which messages of which account have arrived stands in the file `.popmail-uids.json` beside them.
It is saved once a second and on the way out, whatever the reason for leaving; after a crash of the machine the messages
of the last second may be fetched again. The bytes are those of the server: line ends are CRLF.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, Literal, Self, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

Layout = Literal["maildir", "eml"]

STATE_FILE = ".popmail-uids.json"
_STATE_VERSION = 1
_SAVE_INTERVAL = 1.0
"""Seconds between two savings of the state while messages arrive."""
_counter = itertools.count(1)


class DeliveryError(Exception):
    """The folder cannot take mail; the message says why, and what was expected."""


class Delivery:
    """A folder that takes messages: a Maildir, or a folder of `.eml` files.

    Used in a `with` block: it is locked against a second delivery inside, and its state is saved at the end of it.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout: Layout = layout
        self._lock: int | None = None
        self._accounts: dict[str, Counter[str]] = {}
        self._saved_at = time.monotonic()
        self._changed = False

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self._take_lock()
            self._load()
        except OSError as error:
            self._release_lock()
            raise DeliveryError(f"cannot write to {self.folder}: {error.strerror or error}") from error
        except DeliveryError:
            self._release_lock()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.save()
        finally:
            self._release_lock()

    @contextlib.contextmanager
    def message(self, name: str) -> Generator[BinaryIO]:
        """Give a file to write one message to; it appears in the folder when the block ends without an exception.

        `name` is the beginning of the file's name in a folder of `.eml` files; a Maildir has its own names.
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
                temporary.rename(self.folder / "new" / unique)
            else:
                _publish(temporary, self.folder, _safe_name(name))
        finally:
            temporary.unlink(missing_ok=True)

    def delivered(self, account: str) -> Counter[str]:
        """Return how many messages of each uid this folder has received from the account (uids need not be unique)."""
        return Counter(self._accounts.get(account, ()))

    def record(self, account: str, uid: str) -> None:
        """Note that a message has arrived; call it when the block of `message` is left."""
        self._accounts.setdefault(account, Counter())[uid] += 1
        self._changed = True
        if time.monotonic() - self._saved_at >= _SAVE_INTERVAL:
            self.save()

    def forget_missing(self, account: str, uids: Iterable[str]) -> None:
        """Drop the notes on messages that the server no longer has, so that the state does not grow for ever."""
        known = self._accounts.get(account)
        if known is not None:
            kept = known & Counter(uids)
            self._changed = self._changed or kept != known
            self._accounts[account] = kept

    def save(self) -> None:
        """Bring everything that has arrived, and the state, safely to the disk."""
        _sync_folder(self.folder / "new" if self.layout == "maildir" else self.folder)
        self._saved_at = time.monotonic()
        if not self._changed:
            return
        accounts = {account: sorted(uids.elements()) for account, uids in sorted(self._accounts.items())}
        text = json.dumps({"version": _STATE_VERSION, "accounts": accounts}, indent=1)
        temporary = self.folder / f".{_unique_name()}.part"
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / STATE_FILE)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(self.folder)
        self._changed = False

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.layout == "maildir":
            parts = [self.folder / name for name in ("tmp", "new", "cur")]
            if not all(part.is_dir() for part in parts) and any(
                entry.name not in ("tmp", "new", "cur", STATE_FILE) for entry in self.folder.iterdir()
            ):
                raise DeliveryError(
                    f"{self.folder} is not a Maildir: expected an empty folder or one with cur, new and tmp in it "
                    "(or --eml, for a folder of .eml files)"
                )
            for part in parts:
                part.mkdir(mode=0o700, exist_ok=True)
        probe = self.folder / f".{_unique_name()}.part"
        probe.touch(exist_ok=False)
        probe.unlink()

    def _load(self) -> None:
        file = self.folder / STATE_FILE
        try:
            text = file.read_text("utf-8")
        except FileNotFoundError:
            return
        try:
            state = cast("dict[str, object]", json.loads(text))
            if state["version"] != _STATE_VERSION:
                raise DeliveryError(f"{file} is of version {state['version']}: expected {_STATE_VERSION}")
            accounts = cast("dict[str, list[str]]", state["accounts"])
            self._accounts = {account: Counter(uids) for account, uids in accounts.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeliveryError(
                f"{file} is damaged: expected what an earlier fetch wrote; remove it to fetch everything again"
            ) from error

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeliveryError(f"another fetch is writing to {self.folder}: wait until it has ended") from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _unique_name() -> str:
    """Return a name by the rules of Maildir: time, process, count and host."""
    now = time.time()
    host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")
    return f"{int(now)}.M{int(now % 1 * 1e6)}P{os.getpid()}Q{next(_counter)}.{host}"


def _safe_name(name: str) -> str:
    """Return the name with everything replaced that a file system may refuse or understand in its own way."""
    return re.sub(r"[^A-Za-z0-9._=+-]", "_", name).lstrip(".")[:100] or "message"


def _publish(temporary: Path, folder: Path, name: str) -> None:
    """Give the file a name that no other file has: `name.eml`, `name-2.eml` and so on."""
    for attempt in itertools.count(1):
        target = folder / (f"{name}.eml" if attempt == 1 else f"{name}-{attempt}.eml")
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


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can do this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
