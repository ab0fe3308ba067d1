"""The chart and the table that `python benchmarks/run.py --publish` left: fit to be shown, and told in words."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def test_every_bar_of_the_chart_is_told_in_words() -> None:
    chart = ElementTree.parse(ROOT / "docs" / "bench.svg").getroot()
    assert chart.tag == f"{SVG}svg"
    assert chart.get("role") == "img"
    assert {one.get("id") for one in chart} >= set(chart.get("aria-labelledby", "").split()) > set()
    described = chart.findtext(f"{SVG}desc") or ""
    bars = chart.findall(f"{SVG}rect")
    assert len(bars) >= 30
    for bar in bars:
        words = re.fullmatch(r"(.+): (\S+) takes (.+ x) as long as popmail", bar.findtext(f"{SVG}title") or "")
        assert words is not None
        assert words[1] in described
        assert f"{words[2]} {words[3]}" in described
    assert "prefers-color-scheme: dark" in (chart.findtext(f"{SVG}style") or "")


def test_the_readme_shows_the_chart_and_what_is_to_be_reached() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"!\[[^\]]{40,}\]\(docs/bench\.svg\)", readme)
    rows = re.search(r"<!-- figures of `make bench` -->\n(.*?)<!-- end of figures -->", readme, re.DOTALL)
    assert rows is not None
    told = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rows[1].splitlines()]
    assert told[0] == ["to be reached", "target", "measured", "reached"]
    assert len(told) >= 20
    assert all(row[3] in ("yes", "no") for row in told[2:])
