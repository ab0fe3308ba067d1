"""Saving parts of a message to files, inside one folder and nowhere else; putting pieces of a message together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ._native import Message, numbered_filename
from ._native import join_partial as _join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._native import EmbeddedFile, Part

__all__ = ["join_partial", "save"]

MAX_NUMBER = 10_000
"""Files of one name in one folder before saving gives up."""


def save(part: Part | EmbeddedFile, folder: str | os.PathLike[str]) -> Path:
    """Save the content of a part to a new file in a folder and return its path.

    The folder is made where it is missing. The file has the part's ``safe_filename``; where there
    is one already, whatever it is, a number is put before the extension. An existing file is never
    written to, a symbolic link never followed.

    Raises:
        FileExistsError: ten thousand files have that name.
        OSError: the folder or the file cannot be made or written; no part of the file is left.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    content = part.content
    # The folder is opened once: what is put in its place later changes nothing.
    opened = os.open(target, os.O_RDONLY | os.O_DIRECTORY) if HAS_FOLDERS else None
    try:
        name, descriptor = _create(target, opened, part.safe_filename)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - it is a descriptor
                file.write(content)
        except BaseException:
            os.unlink(name if opened is not None else target / name, dir_fd=opened)
            raise
    finally:
        if opened is not None:
            os.close(opened)
    return target / name


HAS_FOLDERS = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd
"""Whether files can be named by an open folder: on every system but Windows."""


def _create(folder: Path, opened: int | None, name: str) -> tuple[str, int]:
    """Make a new file and return its name and a descriptor open for writing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    # Windows has no O_NOFOLLOW and needs O_BINARY; O_EXCL alone refuses a link that is there already.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    for number in range(1, MAX_NUMBER + 1):
        tried = name if number == 1 else numbered_filename(name, number)
        try:
            return tried, os.open(tried if opened is not None else folder / tried, flags, 0o666, dir_fd=opened)
        except FileExistsError:
            continue
    raise FileExistsError(f"{MAX_NUMBER} files named like {name!r} are in {folder}")


def join_partial(pieces: Iterable[Message | bytes]) -> bytes:
    """Put the pieces of a message together that was sent as several (``message/partial``, RFC 2046 section 5.2.2).

    Parameters:
        pieces: the messages, parsed or not, in whatever order. Of two with one number the first counts.

    Returns:
        The octets of the message as it was before it was cut.

    Raises:
        ValueError: a message is no piece, pieces are of different messages, or some are missing: it says which.
    """
    return _join([piece.raw if isinstance(piece, Message) else bytes(piece) for piece in pieces])
