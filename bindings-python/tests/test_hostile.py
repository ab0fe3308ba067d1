"""Hostile input is read in linear time and little memory, through every accessor."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import CLASSES, hostile, read, read_as_programs_do

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 100_000
"""Octets of the smaller input."""

TIMES = 8
"""How much larger the larger input is: a linear reader takes 8 times as long for it, a quadratic one 64 times."""

GROWTH = 24
"""How much longer reading the larger input may take: halfway between the two, as factors go."""

FLOOR = 0.002
"""Seconds below which a time says nothing."""

LIMIT = 0.020
"""Seconds that reading the smaller input may take."""

TRIES = 5
"""A machine that is busy makes times longer, never shorter: the best of many readings counts."""

PAUSE = 0.5
"""Seconds to wait where a limit was not met, so that what keeps the machine busy may pass; doubled each time."""

HUGE = [1_900_000, 8 << 20]
"""Octets of the inputs whose memory is measured: as many as the fields of a part may have, and more."""


def seconds(raw: bytes, reading: Callable[[bytes], None]) -> float:
    """The processor time of one reading."""
    start = time.process_time()
    reading(raw)
    return time.process_time() - start


@pytest.mark.parametrize("name", CLASSES)
def test_time_grows_with_the_input(name: str) -> None:
    small, large = (hostile(name, size) for size in (SIZE, TIMES * SIZE))
    assert len(large) > 0.95 * TIMES * len(small)
    after = float("inf")
    before = float("inf")
    for attempt in range(TRIES):
        time.sleep(PAUSE * 2**attempt if attempt else 0)
        before = min([before, *(seconds(small, read) for _ in range(3))])
        after = min(after, seconds(large, read))
        if after < GROWTH * max(before, FLOOR):
            break
    print(f"{name}: {before * 1000:.1f} ms, then {after * 1000:.1f} ms")
    assert after < GROWTH * max(before, FLOOR)


@pytest.mark.parametrize("name", CLASSES)
def test_reading_takes_less_than_20_milliseconds(name: str) -> None:
    raw = hostile(name, SIZE)
    best = float("inf")
    for attempt in range(TRIES):
        time.sleep(PAUSE * 2**attempt if attempt else 0)
        best = min([best, *(seconds(raw, read_as_programs_do) for _ in range(5))])
        if best < LIMIT:
            break
    print(f"{name}: {best * 1000:.1f} ms")
    assert best < LIMIT


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("name", CLASSES)
def test_memory_is_less_than_three_times_the_input(name: str, size: int) -> None:
    command = [sys.executable, str(Path(__file__).with_name("hostile.py")), name, str(size)]
    used = 1024 * int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    print(f"{name}: {used / size:.2f} times {size} octets")
    assert used < 3 * size
