"""How figures are taken: a warm-up, then rounds in which the peers take turns, then the median of each."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROUNDS = 5


def seconds(peers: Mapping[str, Callable[[], object]], *, at_least: float = 0.0) -> dict[str, float]:
    """Return the median time of one call of each peer; calls are repeated until a round lasts `at_least` seconds."""
    repeats = {name: _repeats(call, at_least) for name, call in peers.items()}  # this is the warm-up too
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for name, call in peers.items():
            started = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - started) / repeats[name])
    return {name: median(values) for name, values in times.items()}


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
