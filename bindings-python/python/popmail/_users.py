"""Many accounts for `popmail serve`: a file of names and salted hashes, and a folder with the mail of each.

The file is what Apache's `htpasswd -B` writes: a line `name:hash` for each user, the hash by bcrypt. It is read again
when it changes. Only names that stand in it are looked for in the folder.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ._native import Maildir, Mbox
from ._terminal import CommandFailedError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    from .server import Login

    class _Bcrypt(Protocol):
        def hashpw(self, password: bytes, salt: bytes) -> bytes: ...
        def gensalt(self, rounds: int = 12) -> bytes: ...
        def checkpw(self, password: bytes, hashed_password: bytes) -> bool: ...


class UserFile:
    """Names and hashes, as the file has them now."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._hashes: dict[str, bytes] = {}
        self._nobody = b""
        self._lock = threading.Lock()
        self.hashes()

    def hashes(self) -> dict[str, bytes]:
        """Return the hash of each user; read anew if the file has changed."""
        with self._lock:
            state = self._file.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                self._hashes = _read(self._file)
                self._seen = seen
                # What an unknown name is checked against: as slow as the first that is known.
                bcrypt = _bcrypt()
                rounds = int(next(iter(self._hashes.values())).split(b"$")[2]) if self._hashes else _ROUNDS
                self._nobody = bcrypt.hashpw(os.urandom(16).hex().encode(), bcrypt.gensalt(rounds))
            return self._hashes

    def knows(self, user: str, password: str) -> bool:
        """Return whether this is the password of that user, after the same work for a name that does not exist."""
        known = self.hashes().get(user)
        octets = password.encode("utf-8", "surrogateescape")
        # bcrypt looks at no more than 72 octets, and newer versions refuse more.
        right: bool = _bcrypt().checkpw(octets[:72], self._nobody if known is None else known)
        return right and known is not None


class Folder:
    """A folder with a Maildir or an mbox file for each user, under the user's name."""

    def __init__(self, folder: Path, users: UserFile) -> None:
        self._folder = folder
        self._users = users
        self._maildrops: dict[str, Maildir | Mbox] = {}

    def log_in(self, login: Login) -> Maildir | Mbox | None:
        """Return the mail of a user whose password is right."""
        if login.password is None or not self._users.knows(login.user, login.password):
            return None
        maildrop = self._maildrops.get(login.user)
        if maildrop is None:
            path = self._folder / login.user
            maildrop = Mbox(path) if path.is_file() else Maildir(path)
            self._maildrops[login.user] = maildrop
        return maildrop


def write_user(file: Path, user: str, password: str) -> None:
    """Put a user into the file, or a new password in place of the old one; the file is replaced as a whole."""
    problem = _problem(user)
    if problem:
        raise CommandFailedError(f"{user!r} cannot be a user here: {problem}")
    bcrypt = _bcrypt()
    octets = password.encode()
    if len(octets) > 72:
        raise CommandFailedError("bcrypt takes passwords of 72 octets at most")
    line = f"{user}:{bcrypt.hashpw(octets, bcrypt.gensalt(_ROUNDS)).decode()}\n"
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    kept = [old if old.endswith("\n") else old + "\n" for old in lines if old.split(":")[0].strip() != user]
    new = file.with_name(f".{file.name}.new")
    new.touch(0o600)
    with new.open("w", encoding="utf-8") as out:
        out.writelines([*kept, line])
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def _read(file: Path) -> dict[str, bytes]:
    hashes: dict[str, bytes] = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, rest = line.strip().partition(":")
        hashed = rest.split(":")[0]
        problem = _problem(user) if colon else "no colon"
        if not problem and not hashed.startswith(("$2a$", "$2b$", "$2y$")):
            problem = "the hash is not by bcrypt (htpasswd -B makes one, and so does popmail passwd)"
        if problem:
            raise CommandFailedError(f"{file}, line {number}: {problem}")
        hashes[user] = hashed.encode()
    return hashes


def _problem(user: str) -> str | None:
    """Return why a name cannot be that of a folder beside others, or None."""
    if not user or user.startswith(".") or any(char in user for char in "/\\:\0") or not user.isprintable():
        return "expected a name without a slash, a colon, and a dot in front"
    return None


def _bcrypt() -> _Bcrypt:
    try:
        import bcrypt
    except ImportError as error:
        raise CommandFailedError("a file of users needs bcrypt: pip install 'popmail[serve]'") from error
    return bcrypt


# About a fifth of a second.
_ROUNDS = 12
