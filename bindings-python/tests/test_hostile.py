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

FLOOR = 0.004
"""Seconds below which a time says nothing."""

HUGE = 8 << 20
"""Octets of the input whose memory is measured."""


LIMIT = 0.020
"""Seconds that reading the smaller input may take."""


def seconds(raw: bytes, reading: Callable[[bytes], None] = read) -> float:
    """The least processor time of three readings."""
    times = []
    for _ in range(3):
        start = time.process_time()
        reading(raw)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("name", CLASSES)
def test_time_grows_with_the_input(name: str) -> None:
    small, large = (hostile(name, size) for size in (SIZE, 2 * SIZE))
    assert len(large) > 1.9 * len(small)
    assert seconds(large) < 3.0 * max(seconds(small), FLOOR)
    assert seconds(small, read_as_programs_do) < LIMIT


@pytest.mark.parametrize("name", CLASSES)
def test_memory_is_less_than_three_times_the_input(name: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("hostile.py")), name, str(HUGE)]
    used = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    assert used * 1024 < 3 * HUGE, f"{used} KiB"
