"""The tables in `docs/` name tests: each of these names must be one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION = {".rs": r"^ *(?:async )?fn {}\(", ".py": r"^ *(?:async )?def {}\(", ".mjs": r"""^ *test\(['"`]{}['"`]"""}


def named() -> list[tuple[str, str]]:
    """Every test that a table of the server's document names, with the row that does."""
    rows = [line for line in (ROOT / "docs" / "server.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    return [
        (row.split("|")[1].strip(), name) for row in rows[2:] for name in re.findall(r"`([^`]*(?:::|v:)[^`]*)`", row)
    ]


def exists(name: str) -> bool:
    if name.startswith("v:"):
        return (ROOT / "tests/vectors/pop3/server" / f"{name[2:]}.json").is_file()
    file, function = name.split("::")
    path = ROOT / file
    pattern = FUNCTION[path.suffix].format(re.escape(function))
    return path.is_file() and re.search(pattern, path.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("name", sorted({name for _, name in named()}))
def test_a_test_that_the_document_names_exists(name: str) -> None:
    assert exists(name)


def test_every_row_names_a_test() -> None:
    rows = [line for line in (ROOT / "docs" / "server.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    features = [row.split("|")[1].strip() for row in rows[2:]]
    assert len(features) >= 25
    assert set(features) == {feature for feature, _ in named()}


def test_the_examples_for_filters_run() -> None:
    text = (ROOT / "docs" / "hostile-mail.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/hostile-mail.md", "exec"), {})


def test_every_view_that_the_document_lists_has_a_vector() -> None:
    text = (ROOT / "docs" / "hostile-mail.md").read_text("utf-8")
    listed = {
        code
        for row in text.splitlines()
        if row.startswith("| `")
        for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])
    }
    vectors = [json.loads(path.read_text("utf-8")) for path in (ROOT / "tests/vectors/mime").glob("*.json")]
    assert listed == {view["code"] for vector in vectors for view in vector["expect"].get("views", [])}


def test_a_name_that_is_no_test_is_seen() -> None:
    assert not exists("v:nothing")
    assert not exists("core/tests/server.rs::nothing")
