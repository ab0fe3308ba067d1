"""Prints the figures beside those of the peers, all from this run, as Markdown. `make bench` runs it.

`target/bench.md` has the tables, at its head what `DESIGN.md` section 6 asks for and whether it was reached;
`target/bench.svg` is the chart. `--publish` also puts the chart into `docs/` and that first table into the README.
Medians of several rounds after a warm-up, the peers taking turns. Nothing is asserted about time here or in any test;
what each peer read is compared before it is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "bindings-python" / "tests"))

import batches
import javascript
import memory
import mime
import pop3
import rust
import server
from chart import chart
from measure import Report, table

from dovecot import PROGRAM, Dovecot
from samples import plain_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from measure import Goal

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "target" / "bench.md"
CHART = ROOT / "target" / "bench.svg"
README = ROOT / "README.md"
PUBLISHED_CHART = ROOT / "docs" / "bench.svg"


def pop3_report(quick: bool) -> Report:
    """Measure POP3; quickly by a few messages without a delay."""
    if not quick:
        return pop3.report()
    messages = plain_messages(20)
    with Dovecot() as dovecot:
        took = pop3.loopback_turns(dovecot, dovecot.mailbox(messages), messages, dovecot.client_context())
    return Report(table(["20 messages from Dovecot", *took], [["", *map(pop3.shown, took.values())]]))


BENCHMARKS: list[Callable[[bool], Report]] = [
    mime.report,
    rust.report,
    pop3_report,
    javascript.node,
    javascript.chromium,
    memory.report,
    lambda quick: Report(batches.report((1_000,)) if quick else batches.report()),
    lambda _: Report(server.report()),
]
"""Each is told whether to be quick."""


def machine() -> str:
    """Return what is measured, and where."""
    dovecot = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    crates = {one["name"]: one["version"] for one in locked}
    peers = ", ".join(f"{name} {crates[name]}" for name in ("mail-parser", "mailparse"))
    return (
        f"popmail {version('popmail')}, Python {platform.python_version()}, Dovecot {dovecot}, "
        f"fast-mail-parser {version('fast-mail-parser')}, {peers}; {os.cpu_count()} cores, {platform.machine()}"
    )


def goals_table(goals: list[Goal]) -> str:
    """Return the table of what is to be reached."""
    rows = [[goal.what, goal.target, goal.measured, "yes" if goal.reached else "no"] for goal in goals]
    return table(["to be reached", "target", "measured", "reached"], rows)


def publish(figures: str, drawing: str) -> None:
    """Put the chart and the table where the README shows them."""
    PUBLISHED_CHART.write_text(drawing)
    marked = r"(<!-- figures of `make bench` -->\n).*?(<!-- end of figures -->)"
    text, count = re.subn(marked, lambda found: f"{found[1]}{figures}\n{found[2]}", README.read_text(), flags=re.DOTALL)
    if count != 1:
        raise SystemExit("the README has no place for the figures")
    README.write_text(text)


def main() -> None:
    """Print the tables as they come, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--publish", action="store_true", help="write docs/bench.svg and the figures of README.md too")
    parser.add_argument("--quick", action="store_true", help="only see that all of it runs; keep nothing")
    arguments = parser.parse_args()
    about = machine()
    print(about, end="\n\n", flush=True)
    reports: list[Report] = []
    for benchmark in BENCHMARKS:
        reports.append(benchmark(arguments.quick))
        print(reports[-1].tables, end="\n\n", flush=True)
    if arguments.quick:
        return
    goals = goals_table([goal for report in reports for goal in report.goals])
    print(goals, end="\n\n")
    REPORT.write_text("\n\n".join([about, goals, *(report.tables for report in reports)]) + "\n")
    drawing = chart([bar for report in reports for bar in report.bars], f"{about.partition(';')[2].strip()}.")
    CHART.write_text(drawing)
    if arguments.publish:
        publish(goals, drawing)
    print(f"These tables are in {REPORT.relative_to(ROOT)}, the chart is in {CHART.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
