"""Every row of ``docs/mime-features.md`` names something that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs/mime-features.md").read_text(encoding="utf-8").splitlines()[8:]
    if line.startswith("|")
]


def test_there_are_rows() -> None:
    assert len(ROWS) > 60
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row(row: list[str]) -> None:
    _, state, shown = row
    assert state.startswith("yes")
    if shown.startswith("vector:"):
        path = ROOT / f"tests/vectors/mime/{shown.removeprefix('vector:')}.json"
        assert path.is_file()
        return
    file, _, name = shown.partition("::")
    path = ROOT / file
    assert path.is_file()
    if name:
        assert re.search(rf"\b(?:fn|def) {re.escape(name)}\b", path.read_text(encoding="utf-8"))
