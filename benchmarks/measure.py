"""How figures are taken: a warm-up, then rounds in which the peers take turns, then the median of each.

And what a benchmark hands back: tables, how they compare with what is to be reached, and what the chart shows of them.
"""

from __future__ import annotations

import subprocess
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROUNDS = 5


class Goal(NamedTuple):
    """What is to be reached (the table of `DESIGN.md`, section 6), and what was."""

    what: str
    target: str
    measured: str
    reached: bool


class Bar(NamedTuple):
    """One row of the chart: how many times as long the others take."""

    group: str
    what: str
    others: dict[str, float]


class Report(NamedTuple):
    """What a benchmark has to tell."""

    tables: str
    goals: Sequence[Goal] = ()
    bars: Sequence[Bar] = ()


class Elsewhere:
    """A program that measures on request: a line to its input is a round, a line from it is the answer."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self) -> Self:
        if self._line() != "ready":
            raise RuntimeError(f"{self._process.args!r} is not ready")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def ask(self, line: str) -> str:
        """Return the answer to a line."""
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait(60)}")
        return line.rstrip("\n")


def seconds(
    peers: Mapping[str, Callable[[], object]], *, at_least: float = 0.0, rounds: Mapping[str, int] | None = None
) -> dict[str, float]:
    """Return the median time of one call of each peer; calls are repeated until a round lasts `at_least` seconds."""
    return turns({name: timed(call, at_least) for name, call in peers.items()}, rounds)


def turns(peers: Mapping[str, Callable[[], float]], rounds: Mapping[str, int] | None = None) -> dict[str, float]:
    """Return the median of what each peer tells of its rounds, five of them unless `rounds` says otherwise."""
    wanted = dict.fromkeys(peers, ROUNDS) | dict(rounds or {})
    took: dict[str, list[float]] = {name: [] for name in peers}
    for at in range(max(wanted.values()) + 1):
        for name, measured in peers.items():
            if at <= wanted[name]:
                took[name].append(measured())
    return {name: median(values[1:]) for name, values in took.items()}  # the first was the warm-up


def timed(call: Callable[[], object], at_least: float = 0.0) -> Callable[[], float]:
    """Return what does a round: the first one finds out how many calls take `at_least` seconds."""
    repeats = 0

    def measured() -> float:
        nonlocal repeats
        repeats = repeats or _repeats(call, at_least)
        started = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - started) / repeats

    return measured


def _repeats(call: Callable[[], object], at_least: float) -> int:
    count = 1
    while True:
        started = time.perf_counter()
        for _ in range(count):
            call()
        passed = time.perf_counter() - started
        if passed >= at_least:
            return count
        count = max(count + 1, int(count * min(at_least / max(passed, 1e-9) * 1.1, 10)))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
            + " |"
        )

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def ms(value: float) -> str:
    """Return a time in milliseconds, with three digits that count."""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value * 1000:,.0f} ms"


def times(value: float) -> str:
    """Return a ratio: `3.2 x`."""
    return f"{value:.2f} x" if value < 10 else f"{value:,.0f} x"
