"""Tables of messages for data frames, Parquet and clusters, through the Arrow PyCapsule interface.

::

    import polars, popmail

    frame = polars.DataFrame(popmail.arrow.parse(messages, columns=["subject", "from", "date", "text"]))

Which columns there are, `COLUMNS` tells; each holds what the attribute of `popmail.Message` with its name gives.

* Texts are ``large_string``, octets ``large_binary``, ``size`` is ``int64``.
* ``date`` is the instant, ``timestamp[us, UTC]``; ``date_offset`` the writer's zone in minutes from UTC, ``int16``.
* ``from to cc bcc reply_to`` are lists of ``{name, address, group}``, ``sender`` one ``{name, address}``.
* ``in_reply_to references`` are lists of texts, ``headers`` is a list of ``{name, value}``, decoded.
* ``attachments inline`` are lists of ``{index, filename, safe_filename, content_type, disposition, content_id, size}``;
  ``attachment_contents`` and ``attachment_sha256`` (hexadecimal) are in the order of ``attachments``.
* ``defects`` is a list of ``{code, severity, part, start, end}``.
* ``uid`` is what names the message in its place: that of `popmail.RemoteMessage`, the unique part of a file's name in a
  Maildir, the path of an ``.eml`` file below its folder, the position of its separator in an mbox file.
* ``error`` is null, or says why a file could not be read; all else but ``uid`` is null then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ._native import (
    ARROW_COLUMNS,
    ARROW_USUAL_COLUMNS,
    Batch,
    BatchReader,
    Message,
    arrow_parse,
    arrow_read,
    arrow_read_files,
    arrow_read_mbox,
)
from ._readers import MaildirReader, MboxReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from mmap import mmap

__all__ = ["BATCH_SIZE", "COLUMNS", "USUAL_COLUMNS", "Batch", "BatchReader", "Messages", "parse", "read"]

COLUMNS = ARROW_COLUMNS
"""The name of every column."""

USUAL_COLUMNS = ARROW_USUAL_COLUMNS
"""The columns of a table that asks for none by name: all but ``preview attachment_contents attachment_sha256 json
raw``, which are large or repeat what the others hold."""

BATCH_SIZE = 4096
"""Rows of a batch, at most, of a source that is read in batches."""


class _Remote(Protocol):
    @property
    def raw(self) -> bytes: ...
    @property
    def uid(self) -> str | None: ...


class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...


class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Messages: TypeAlias = "Iterable[bytes | bytearray | memoryview | mmap | Message | _Remote] | _ArrowArray | _ArrowStream"
"""Messages as octets or parsed, or with ``raw`` and ``uid``, as a mailbox gives them; or an Arrow array of binary, with
a message in each cell. ``bytes``, arrays and parsed messages are not copied."""


def parse(messages: Messages, columns: Iterable[str] | None = None, *, threads: int | None = None) -> Batch:
    """Parse messages into one table in memory, a row for each.

    No message fails: what is wrong with it is in its row's ``defects``. The rows are the same with any number of
    threads; while they are made, other threads of Python run.

    Parameters:
        columns: the names of the columns in the order that the table shall have; `USUAL_COLUMNS` if none are given.
        threads: how many threads work on it; as many as there are processors if none is given.

    Raises:
        ValueError: there is no column of that name, which says what there is; or one is named twice.
        TypeError: an item is no message.
    """
    return arrow_parse(messages, _names(columns), threads)


def read(
    source: str | os.PathLike[str] | MboxReader | MaildirReader | Messages,
    columns: Iterable[str] | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    threads: int | None = None,
    format: str = "auto",
) -> BatchReader:
    """Read messages as tables one after the other, in memory that does not grow with the mailbox.

    Of the names of a Maildir's or a folder's files a list is made first.

    Parameters:
        source: the path of an mbox file, of a Maildir or of a folder of ``.eml`` files (those in folders below it too,
            by their paths in order), a reader of one of these, or messages as `parse` takes them.
        columns, threads: see `parse`.
        batch_size: rows of a batch, at most; it ends earlier where its messages have 8 MiB.
        format: see `popmail.read_mbox`.

    Raises:
        ValueError: see `parse`; or a file is no mbox file, or a folder holds no mail.
        OSError: the source cannot be opened.
    """
    names = _names(columns)
    if isinstance(source, MboxReader):
        return arrow_read_mbox(source.path, source.format, names, batch_size, threads)
    if isinstance(source, MaildirReader):
        return arrow_read_files(source.paths, None, names, batch_size, threads)
    if not isinstance(source, str | os.PathLike):
        return arrow_read(source, names, batch_size, threads)
    place = Path(source)
    if not place.is_dir():
        with place.open("rb"):
            pass  # an error names the file
        return arrow_read_mbox(place, format, names, batch_size, threads)
    if (place / "cur").is_dir() and (place / "new").is_dir():
        return arrow_read_files(MaildirReader(place).paths, None, names, batch_size, threads)
    files = sorted(
        os.path.join(folder, name)  # noqa: PTH118, a million objects less
        for folder, _, inside in os.walk(place)
        for name in inside
        if name.endswith(".eml")
    )
    if not files:
        raise ValueError(f"{place}: expected cur and new in it (a Maildir), or .eml files")
    return arrow_read_files(files, place, names, batch_size, threads)


def _names(columns: Iterable[str] | None) -> list[str] | None:
    if isinstance(columns, str):
        raise TypeError(f"columns are a list of names, got the text {columns!r}")
    return None if columns is None else list(columns)
