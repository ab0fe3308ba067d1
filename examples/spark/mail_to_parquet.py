"""Parses a folder of .eml files into Parquet with Spark, on one machine or on a cluster.

pip install 'popmail[parquet]' pyspark
python mail_to_parquet.py MAIL OUT [--columns subject,from,date,text] [--master spark://host:7077]

MAIL and OUT may be anywhere that Spark reads and writes. popmail must be installed on every worker. Spark leaves empty
files out.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame


def parser(columns: list[str]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: a row for each file, in their order."""

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for files in batches:
            # Spark runs as many of these at once as there are processors: one thread is enough for each.
            rows = pa.record_batch(popmail.arrow.parse(files["content"], columns, threads=1))
            yield rows.append_column("path", files["path"])

    return parse


def messages(spark: SparkSession, folder: str, columns: list[str] | None = None) -> DataFrame:
    """Return the messages of a folder as a data frame: nothing is read before it is asked for."""
    columns = columns or [name for name in popmail.arrow.USUAL_COLUMNS if name not in ("uid", "error")]
    schema = pa.schema(popmail.arrow.parse([], columns)).append(pa.field("path", pa.string()))
    files = spark.read.format("binaryFile").option("pathGlobFilter", "*.eml").load(folder)
    return files.select("path", "content").mapInArrow(parser(columns), from_arrow_schema(schema))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("mail")
    arguments.add_argument("out")
    arguments.add_argument("--columns", type=lambda text: text.split(","), help=", ".join(popmail.arrow.COLUMNS))
    arguments.add_argument("--master", default="local[*]", help="cluster; without it Spark runs here")
    given = arguments.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python, which must have popmail too
    builder = SparkSession.builder.master(given.master).appName("popmail")
    # Spark's own default is a type that Parquet has given up and that loses the zone.
    builder = builder.config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    # It reckons that a file costs as much to open as 4 MB to read, and would make a task of thirty messages.
    builder = builder.config("spark.sql.files.openCostInBytes", 65_536)
    spark = builder.getOrCreate()
    messages(spark, given.mail, given.columns).write.parquet(given.out)
    spark.stop()


if __name__ == "__main__":
    main()
