"""Parses a folder of .eml files into Parquet with Ray Data, on one machine or on a cluster.

pip install 'popmail[parquet]' 'ray[data]'
python mail_to_parquet.py MAIL OUT [--columns subject,from,date,text] [--address auto]

MAIL and OUT may be anywhere that Ray reads and writes: a folder that every node has, or s3://bucket/mail.
"""

from __future__ import annotations

import argparse
from functools import partial

import pyarrow as pa
import ray

import popmail


def parsed(files: pa.Table, columns: list[str]) -> pa.Table:
    """Return the rows of the messages in a block of files: one row for each, in their order."""
    # Ray runs as many of these at once as there are processors: one thread is enough for each.
    rows = pa.record_batch(popmail.arrow.parse(files["bytes"], columns, threads=1))
    return pa.Table.from_batches([rows]).append_column("path", files["path"])


def messages(folder: str, columns: list[str] | None = None) -> ray.data.Dataset:
    """Return the messages of a folder as a dataset: nothing is read before it is asked for."""
    columns = columns or [name for name in popmail.arrow.USUAL_COLUMNS if name not in ("uid", "error")]
    # Ray makes 200 tasks at least, each of which costs some tenths of a second: for a small folder that is too many.
    processors = int(ray.cluster_resources().get("CPU", 1))
    ray.data.DataContext.get_current().read_op_min_num_blocks = 4 * processors
    files = ray.data.read_binary_files(folder, include_paths=True, file_extensions=["eml"])
    return files.map_batches(partial(parsed, columns=columns), batch_format="pyarrow", batch_size=1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mail")
    parser.add_argument("out")
    parser.add_argument("--columns", type=lambda text: text.split(","), help=", ".join(popmail.arrow.COLUMNS))
    parser.add_argument("--address", help="cluster, such as auto; without it Ray starts here")
    arguments = parser.parse_args()
    ray.init(arguments.address)
    messages(arguments.mail, arguments.columns).write_parquet(arguments.out)


if __name__ == "__main__":
    main()
