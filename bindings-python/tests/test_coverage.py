"""`docs/pop3.md`: every test that it names exists, every feature has one or a reason, and no deviation is left out."""

from __future__ import annotations

import re
from pathlib import Path

from popmail._native import deviations

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "pop3.md").read_text("utf-8")


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in cells if not row[0].startswith(("---", "feature", "oddity"))]


def names(text: str) -> list[str]:
    return re.findall(r"`([\w/]+(?:\.json|\.(?:rs|py)::\w+))`", text)


def exists(name: str) -> bool:
    file, _, test = name.partition("::")
    if file.endswith(".json"):
        return (ROOT / "tests" / "vectors" / file).is_file()
    folder, keyword = ("core/tests", "fn") if file.endswith(".rs") else ("bindings-python/tests", "def")
    source = (ROOT / folder / file).read_text("utf-8")
    return re.search(rf"^(?:async )?{keyword} {test}\(", source, re.MULTILINE) is not None


def test_every_test_that_is_named_exists() -> None:
    named = names(TEXT)
    assert len(named) > 100
    assert [name for name in named if not exists(name)] == []


def test_every_row_has_a_test_or_a_reason() -> None:
    table = rows()
    assert len(table) > 80
    bare = [row for row in table if not names(" ".join(row[1:])) and not row[1].startswith("out of scope: ")]
    assert bare == []


def test_every_deviation_is_in_the_table() -> None:
    assert [name for name in deviations() if f"`{name}`" not in TEXT] == []


def test_every_check_has_its_test_here_too() -> None:
    source = Path(__file__).with_name("test_security.py").read_text("utf-8")
    assert {int(number) for number in re.findall(r"^def test_s(\d\d)_", source, re.MULTILINE)} == set(range(1, 19))
