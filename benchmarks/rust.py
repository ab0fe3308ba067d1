"""The programs of `benchmarks/rust`, which the Makefile has built: where they are, and the engine beside `memcpy`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from measure import Goal, Report, table

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "target" / "bench-corpus"


def program(name: str, quick: bool) -> str:
    """Return where a program is: the one that tests build need not be fast."""
    return str(ROOT / "target" / ("debug" if quick else "release") / name)


def report(quick: bool = False) -> Report:
    """Measure the client engine alone."""
    command = [program("bench-engine", quick), *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rates: dict[str, float] = json.loads(done.stdout)
    rows, goals = [], []
    for mode, how in (("chunks", "in chunks"), ("buffer", "as one buffer for each message")):
        engine, memcpy = rates[f"engine, {mode}"], rates[f"memcpy, {mode}"]
        measured = f"{engine / 1e9:.1f} GB/s"
        rows.append([f"content of RETR {how}", measured, f"{memcpy / 1e9:.1f} GB/s", f"{engine / memcpy:.0%}"])
        goals.append(
            Goal(
                f"engine alone, content of RETR {how}, against memcpy",
                "at least 40 % and 3 GB/s",
                f"{engine / memcpy:.0%}, {measured}",
                engine / memcpy >= 0.4 and engine >= 3e9,
            )
        )
    return Report(table(["Rust: the client engine alone, from memory", "popmail", "memcpy", "share"], rows), goals)
