"""Runs the benchmarks in Node and in Chromium, and weighs the WebAssembly that a page loads."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Bar, Goal, Report, times
from mime import WITH_ATTACHMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "bindings-wasm" / "dist" / "popmail.wasm"
BUDGET = 120_000
"""Octets of the default module, as gzip sends it."""


def node(quick: bool = False) -> Report:
    """Measure both packages in Node beside their peers."""
    tables, took = _run("node.mjs", quick)
    if quick:
        return Report(tables)
    peers = ("postal-mime", "mailparser")
    goals = [
        *[_faster(took, "native", peer, 10, took, "Node") for peer in peers],
        *[_faster(took, "native", peer, 50, WITH_ATTACHMENTS, "Node") for peer in peers],
        _faster(took, "wasm", "postal-mime", 5, took, "wasm in Node"),
    ]
    bars = [Bar("Node", name, {peer: each[peer] / each["native"] for peer in peers}) for name, each in took.items()]
    return Report(tables, goals, bars)


def chromium(quick: bool = False) -> Report:
    """Measure the WebAssembly package in Chromium beside its peer, and what it is to download."""
    tables, took = _run("chromium.mjs", quick)
    octets = len(gzip.compress(MODULE.read_bytes(), 9, mtime=0))
    size = f"{octets / 1000:.1f} kB"
    goals = [
        _faster(took, "wasm", "postal-mime", 5, took, "wasm in Chromium"),
        Goal("wasm download, default entry, gzip", "at most 120 kB", size, octets <= BUDGET),
    ]
    bars = [Bar("Chromium", name, {"postal-mime": each["postal-mime"] / each["wasm"]}) for name, each in took.items()]
    return Report(tables, goals, bars)


def _run(script: str, quick: bool) -> tuple[str, dict[str, dict[str, float]]]:
    """Return the table that a program prints, and the medians behind it, in milliseconds."""
    figures = ROOT / "target" / f"bench-{script}.json"
    command = [
        "node",
        str(ROOT / "benchmarks" / "js" / script),
        f"--json={figures}",
        *(["--quick", "--only=small"] if quick else []),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip(), json.loads(figures.read_text())


def _faster(
    took: dict[str, dict[str, float]], ours: str, peer: str, least: float, names: Iterable[str], where: str
) -> Goal:
    found = {name: took[name][peer] / took[name][ours] for name in names}
    slowest = min(found, key=found.__getitem__)
    what = f"{where} against {peer}: " + ("every class" if len(found) == len(took) else ", ".join(found))
    measured = f"{times(found[slowest])} ({slowest})"
    return Goal(what, f"at least {least:g} times faster", measured, found[slowest] >= least)
