"""Prints the figures beside those of the peers, all from this run, as Markdown. `make bench` runs it.

Each table stands in `target/bench.md` too. Medians of several rounds after a warm-up, the peers taking turns. Nothing
is asserted about time here or in any test; what each peer read is compared before it is timed.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "bindings-python" / "tests"))

import batches
import mime
import pop3
import server

from dovecot import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "target" / "bench.md"


def tables() -> Iterator[str]:
    """Run every benchmark: what was measured, and its table."""
    dovecot = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    yield (
        f"popmail {version('popmail')}, Python {platform.python_version()}, Dovecot {dovecot}, "
        f"fast-mail-parser {version('fast-mail-parser')}; {os.cpu_count()} cores, {platform.machine()}"
    )
    yield pop3.report()
    yield mime.report()
    yield batches.report()
    yield server.report()
    for script in ("node.mjs", "chromium.mjs"):
        command = ["node", str(ROOT / "benchmarks" / "js" / script)]
        yield subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main() -> None:
    """Print the tables as they come, and keep them."""
    made: list[str] = []
    for table in tables():
        print(table, end="\n\n", flush=True)
        made.append(table)
    REPORT.write_text("\n\n".join(made) + "\n")
    print(f"These tables are in {REPORT.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
