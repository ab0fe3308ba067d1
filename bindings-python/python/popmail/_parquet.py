"""Messages into a Parquet file, for `popmail to-parquet`: in memory that does not grow with the mailbox.

The rows come from `popmail.arrow.read`; the file is pyarrow's work, the extra `popmail[parquet]`. It is written beside
its place and gets its name in one step when it is complete: an interrupted run leaves what was there before.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from popmail._terminal import CommandFailedError
from popmail.sync import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from popmail.arrow import BatchReader

COMPRESSIONS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")

ROW_GROUP_SIZE = 65_536
"""Rows of a row group, at most."""

ROW_GROUP_OCTETS = 64 << 20
"""A row group ends earlier when its rows have so many octets: it stands in memory until it is written."""

BODIES = frozenset({"text", "html", "json", "raw"})
"""Columns in which hardly a value comes twice and no value is looked for by its bounds."""


def write(
    reader: BatchReader,
    file: Path,
    *,
    compression: str = "zstd",
    row_group_size: int = ROW_GROUP_SIZE,
    progress: Callable[[BatchReader], object] = lambda _: None,
) -> None:
    """Write all that a reader gives into a Parquet file, which is replaced if it exists.

    Parameters:
        compression: one of `COMPRESSIONS`.
        progress: called after each batch.

    Raises:
        CommandFailedError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    pyarrow = _library("pyarrow")
    parquet = _library("pyarrow.parquet")
    schema = pyarrow.schema(reader)
    plain = [name for name in reader.column_names if name not in BODIES]
    with _replaced(file) as sink:
        # Leaves are named by their path: a list has its values in `list.element`.
        leaves = [path for path in _leaves(schema) if path.split(".")[0] in plain]
        writer = parquet.ParquetWriter(
            sink, schema, compression=compression, use_dictionary=leaves, write_statistics=leaves
        )
        with writer:
            group: list[Any] = []
            rows = octets = 0
            for batch in reader:
                made = pyarrow.record_batch(batch)
                group.append(made)
                rows += made.num_rows
                octets += made.nbytes
                if rows >= row_group_size or octets >= ROW_GROUP_OCTETS:
                    _write_group(pyarrow, writer, group, row_group_size)
                    rows = octets = 0
                progress(reader)
            _write_group(pyarrow, writer, group, row_group_size)


def _write_group(pyarrow: Any, writer: Any, group: list[Any], row_group_size: int) -> None:
    if group:
        writer.write_table(pyarrow.Table.from_batches(group), row_group_size)
        group.clear()


def _leaves(schema: Any) -> Sequence[str]:
    """Return the path of each leaf column as Parquet names it."""
    types = _library("pyarrow.types")

    def below(kind: Any, path: str) -> Generator[str]:
        if types.is_struct(kind):
            for field in kind:
                yield from below(field.type, f"{path}.{field.name}")
        elif types.is_list(kind):
            yield from below(kind.value_type, f"{path}.list.element")
        else:
            yield path

    return [leaf for field in schema for leaf in below(field.type, field.name)]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CommandFailedError(
            f"Parquet needs pyarrow, which cannot be loaded ({error}): pip install 'popmail[parquet]'"
        ) from error


@contextlib.contextmanager
def _replaced(file: Path) -> Generator[Any]:
    """Give a file to write to that takes the place of `file` when the block ends without an exception."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as sink:  # noqa: PTH123
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(file)
        sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Return the mask of new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
