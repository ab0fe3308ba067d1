"""An mbox file of small messages as a table: messages a second for each core, and memory at two sizes.

`python benchmarks/batches.py` measures 100,000 and 1,000,000 messages (3 GB in the folder for temporary files), with
`--quick` 20,000 and 100,000. Every run is a process of its own, which tells its peak of resident memory and the time of
its processors; the standard library makes the same columns of fewer messages, since it takes so much longer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from email import message_from_bytes, policy
from email.utils import getaddresses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import small_messages
from measure import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

COLUMNS = ["subject", "from", "to", "cc", "date", "date_offset", "message_id", "text", "html", "attachments", "size"]
"""What both make: header fields, addresses, dates, bodies, and attachments by name, type and size."""

SEPARATOR = b"From ann@example.com Mon May  4 09:30:00 2026\n"
SIZES = (100_000, 1_000_000)
QUICK_SIZES = (20_000, 100_000)
FEW = 2_000
"""Messages that the standard library gets."""


def mbox(path: Path, count: int) -> Path:
    """Write an mbox file of so many messages of 3 kB."""
    block = [SEPARATOR + raw.replace(b"\r\n", b"\n") + b"\n" for raw in small_messages(1_000)]
    with path.open("wb") as file:
        for number in range(count):
            file.write(block[number % len(block)])
    return path


# What is measured; each runs in a process of its own.


def read(box: Path, out: Path, threads: int) -> None:
    import popmail

    for _ in popmail.arrow.read(box, COLUMNS, threads=threads):
        pass


def read_usual(box: Path, out: Path, threads: int) -> None:
    import popmail

    for _ in popmail.arrow.read(box, threads=threads):
        pass


def to_parquet(box: Path, out: Path, threads: int) -> None:
    from popmail.cli import run

    options = ["--columns", ",".join(COLUMNS), "--threads", str(threads)]
    if run(["to-parquet", str(box), "-o", str(out), *options]):
        raise SystemExit("popmail to-parquet failed")


def standard_library(box: Path, out: Path, threads: int) -> None:
    import mailbox

    for message in mailbox.mbox(box, factory=lambda file: message_from_bytes(file.read(), policy=policy.default)):
        standard_row(message)  # type: ignore[arg-type]


def standard_row(message: EmailMessage) -> dict[str, Any]:
    """Return the columns as the standard library reads them."""
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    date = message["date"].datetime
    offset = date.utcoffset()
    return {
        "subject": str(message["subject"]),
        **{name: getaddresses(message.get_all(name, [])) for name in ("from", "to", "cc")},
        "date": date.timestamp(),
        "date_offset": None if offset is None else offset.total_seconds() // 60,
        "message_id": str(message["message-id"]).strip("<>"),
        "text": None if plain is None else plain.get_content(),
        "html": None if html is None else html.get_content(),
        "attachments": [
            (part.get_filename(), part.get_content_type(), len(part.get_payload(decode=True) or b""))
            for part in message.iter_attachments()
        ],
        "size": len(message.as_bytes()),
    }


TASKS: dict[str, Callable[[Path, Path, int], None]] = {
    work.__name__: work for work in (read, read_usual, to_parquet, standard_library)
}


def run_task(name: str, box: Path, out: Path, threads: int) -> None:
    """Do one task in this process and print what it took, without the time to load the libraries."""
    import time

    if TASKS[name] is not standard_library:
        import popmail.cli  # noqa: F401
    if TASKS[name] is to_parquet:
        import pyarrow.parquet  # noqa: F401
    started, processors = time.perf_counter(), time.process_time()
    TASKS[name](box, out, threads)
    took = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - processors}
    with Path("/proc/self/status").open() as status:
        took["peak"] = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps(took))


def measured(name: str, box: Path, threads: int) -> dict[str, float]:
    """Do one task in a process of its own and return what it took: seconds, seconds of all processors, octets."""
    command = [sys.executable, __file__, "--task", name, str(box), str(box.with_suffix(".parquet")), str(threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return took


def check(box: Path) -> None:
    """Stop unless both read the same of the first message."""
    import mailbox

    import pyarrow

    import popmail

    [first, *_] = popmail.arrow.read(box, COLUMNS, batch_size=1)
    [mine] = pyarrow.record_batch(first).to_pylist()
    theirs = standard_row(message_from_bytes(mailbox.mbox(box).get_bytes(0), policy=policy.default))  # type: ignore[arg-type]
    same = {
        "subject": mine["subject"] == theirs["subject"],
        "to": [(one["name"] or "", one["address"]) for one in mine["to"]] == theirs["to"],
        "date": mine["date"].timestamp() == theirs["date"],
        "date_offset": mine["date_offset"] == theirs["date_offset"],
        "message_id": mine["message_id"] == theirs["message_id"],
        "text": mine["text"] == theirs["text"],
    }
    if not all(same.values()):
        raise SystemExit(f"popmail and the standard library differ: {same}")


def report(sizes: tuple[int, ...] = QUICK_SIZES) -> str:
    """Measure and return the table."""
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        few = mbox(Path(folder, "few"), FEW)
        check(few)
        slow = measured("standard_library", few, 1)
        slow_rate = FEW / slow["processor_seconds"]

        def add(what: str, count: int, took: dict[str, float]) -> None:
            rate = count / took["processor_seconds"]
            rows.append(
                [
                    what,
                    f"{count:,}",
                    f"{took['seconds']:.2f} s",
                    f"{count / took['seconds']:,.0f}",
                    f"{rate:,.0f}",
                    f"{rate / slow_rate:,.0f} x",
                    f"{took['peak'] / (1 << 20):,.0f} MiB",
                ]
            )

        add("mailbox and email", FEW, slow)
        for count in sizes:
            box = mbox(Path(folder, "box"), count)
            for what, task, threads in (
                ("popmail.arrow.read", "read", 1),
                ("the same, 2 threads", "read", 2),
                ("the same, every usual column", "read_usual", 1),
                ("popmail to-parquet", "to_parquet", 1),
                ("the same, 2 threads", "to_parquet", 2),
            ):
                add(what, count, measured(task, box, threads))
    head = [
        "Python: an mbox file of 3 kB messages",
        "messages",
        "time",
        "a second",
        "a second and core",
        "against email",
    ]
    return table([*head, "peak memory"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 and 100,000 messages")
    parser.add_argument("--task", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        name, box, out, threads = arguments.task
        run_task(name, Path(box), Path(out), int(threads))
    else:
        print(report(QUICK_SIZES if arguments.quick else SIZES))


if __name__ == "__main__":
    main()
