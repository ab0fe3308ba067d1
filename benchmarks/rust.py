"""The programs of `benchmarks/rust`, which the Makefile has built: where they are, and the engine beside `memcpy`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from measure import Goal, Report, table

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "target" / "release"
CORPUS = ROOT / "target" / "bench-corpus"
MIME = [str(PROGRAMS / "bench-mime"), str(CORPUS)]


def report() -> Report:
    """Measure the client engine alone."""
    done = subprocess.run([PROGRAMS / "bench-engine"], stdout=subprocess.PIPE, text=True, check=True)
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
