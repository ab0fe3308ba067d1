"""Mailboxes in files as sequences of messages: mbox, in all its variants, and Maildir."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, overload

from ._native import MboxFile, Message, moved_file, parse_file

__all__ = ["MaildirReader", "MboxReader", "read_maildir", "read_mbox"]


class _Messages(Sequence[Message]):
    """What both kinds share: indices and slices over a message that is made when it is asked for."""

    @abstractmethod
    def _message(self, index: int) -> Message | None:
        """The message with this index, which is not negative; ``None`` beyond the last one."""

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        found = self._message(index if index >= 0 else len(self) + index) if index >= -len(self) else None
        if found is None:
            raise IndexError(f"no message with index {index}")
        return found

    def __iter__(self) -> Iterator[Message]:
        index = 0
        while (message := self._message(index)) is not None:
            yield message
            index += 1


class MboxReader(_Messages):
    """The messages of an mbox file in order: a sequence that looks for them as they are asked for.

    The file is mapped into memory and messages are read where they are: it may be larger than memory, but must not be
    cut while the reader or a message of it is in use.
    """

    def __init__(self, path: str | os.PathLike[str], format: str = "auto") -> None:
        self.path = Path(path)
        """The file."""
        self.format = format
        """The variant that the file is read as."""
        self._file = MboxFile(self.path, format)

    def __len__(self) -> int:
        """How many messages there are; the whole file is searched for them, once."""
        return self._file.count()

    def envelope(self, index: int) -> bytes:
        """Return the separator line before a message: ``From``, the return path and a date.

        Raises:
            IndexError: there is no such message.
        """
        line = self._file.envelope(index if index >= 0 else len(self) + index) if index >= -len(self) else None
        if line is None:
            raise IndexError(f"no message with index {index}")
        return line

    def _message(self, index: int) -> Message | None:
        return self._file.message(index)


class MaildirReader(_Messages):
    """The messages of a Maildir, those of ``new`` and of ``cur``, in the order of their arrival.

    The names are listed when the reader is made; each file is mapped into memory when its message is asked for.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        folder = Path(path)
        names: list[tuple[tuple[int, str], str, str]] = []
        for place in ("new", "cur"):
            with os.scandir(folder / place) as entries:
                names += [
                    (_arrival(entry.name), entry.name, place) for entry in entries if not entry.name.startswith(".")
                ]
        self.paths = [folder / place / name for _, name, place in sorted(names)]
        """The files, in the order of the messages."""

    def __len__(self) -> int:
        return len(self.paths)

    def flags(self, index: int) -> frozenset[str]:
        """Return the flags of a message as letters: ``S`` seen, ``R`` answered, ``F`` flagged, ``T`` trashed, ``D``
        draft, ``P`` passed on."""
        _, _, flags = self.paths[index].name.partition(":2,")
        return frozenset(flags)

    def _message(self, index: int) -> Message | None:
        if index >= len(self.paths):
            return None
        path = self.paths[index]
        try:
            return parse_file(path)
        except FileNotFoundError:
            moved = moved_file(path)  # into `cur`, or it has other flags now
            if moved is None:
                raise
            return parse_file(moved)


def _arrival(name: str) -> tuple[int, str]:
    """Return what files are ordered by: the time at the start of the name."""
    seconds = name.partition(".")[0]
    return (int(seconds), name) if seconds.isdecimal() else (0, name)


def read_mbox(
    path: str | os.PathLike[str], format: Literal["auto", "mboxo", "mboxrd", "mboxcl", "mboxcl2"] = "auto"
) -> MboxReader:
    """Read an mbox file as a sequence of messages.

    Parameters:
        format: how its writer told separators from lines of messages that start with ``From ``. ``"auto"`` believes a
            ``Content-Length`` where a separator or the end of the file follows it, and takes such a message as it is;
            in others the quoting of ``mboxrd`` is undone.

    Raises:
        ValueError: the file does not begin with a separator.
        OSError: it cannot be opened.
    """
    return MboxReader(path, format)


def read_maildir(path: str | os.PathLike[str]) -> MaildirReader:
    """Read a Maildir as a sequence of messages.

    Raises:
        OSError: there is no folder, or no ``new`` and ``cur`` in it.
    """
    return MaildirReader(path)
