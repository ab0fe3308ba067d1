"""The chart of a run, as SVG: how many times as long the peers take as popmail does, one row for each kind of work.

The scale is logarithmic: a bar begins at 1, where popmail is, and each line is ten times the one before. Colours follow
the page, light or dark; every bar has its words (`title`), and the whole a description.
"""

from __future__ import annotations

from html import escape
from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Bar

WIDTH = 860
LEFT = 270
"""Where the scale begins; its names stand to the left of it."""

RIGHT = WIDTH - 130
BAR, GAP, HEAD, FOOT = 14, 8, 56, 30

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.note, .scale { fill: #57606a }
.line { stroke: #d0d7de }
.first { fill: #0969da }
.second { fill: #bf5700 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note, .scale { fill: #9198a1 }
  .line { stroke: #3d444d }
  .first { fill: #4493f8 }
  .second { fill: #f0883e }
}
"""


def chart(bars: Sequence[Bar], about: str) -> str:
    """Return the chart; `about` says what was measured where."""
    decades = max(1, -int(-log10(max(value for bar in bars for value in bar.others.values())) // 1))

    def at(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * max(0.0, log10(value)) / decades

    body: list[str] = []
    y = float(HEAD)
    group = ""
    for bar in bars:
        if bar.group != group:
            group = bar.group
            y += 20
            body.append(f'<text class="group" x="12" y="{y:.0f}">{escape(group)}</text>')
            y += GAP
        middle = y + BAR * len(bar.others) / 2 + 4
        body.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(bar.what)}</text>')
        for kind, (peer, value) in zip(("first", "second"), bar.others.items(), strict=False):
            words = f"{group}, {bar.what}: {peer} takes {_times(value)} as long as popmail"
            body.append(
                f'<rect class="{kind}" x="{LEFT}" y="{y:.0f}" width="{max(1, at(value) - LEFT):.1f}" '
                f'height="{BAR - 1}"><title>{escape(words)}</title></rect>'
                f'<text x="{at(value) + 6:.1f}" y="{y + BAR - 3:.1f}">{_times(value)} {escape(peer)}</text>'
            )
            y += BAR
        y += GAP
    lines = [
        f'<line class="line" x1="{at(10**power):.1f}" x2="{at(10**power):.1f}" y1="{HEAD}" y2="{y:.0f}"/>'
        f'<text class="scale" x="{at(10**power):.1f}" y="{HEAD - 6}" text-anchor="middle">{10**power:,} x</text>'
        for power in range(decades + 1)
    ]
    height = y + FOOT
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title about">',
            '<title id="title">How many times as long other programs take as popmail</title>',
            f'<desc id="about">{escape(_described(bars))} {escape(about)}</desc>',
            f"<style>{_STYLE}</style>",
            '<text class="title" x="12" y="24">How many times as long others take (popmail is 1 x)</text>',
            *lines,
            *body,
            f'<text class="note" x="12" y="{height - 10:.0f}">{escape(about)} Logarithmic scale.</text>',
            "</svg>",
            "",
        ]
    )


def _described(bars: Sequence[Bar]) -> str:
    rows = (
        f"{bar.group}, {bar.what}: " + ", ".join(f"{peer} {_times(value)}" for peer, value in bar.others.items())
        for bar in bars
    )
    return "; ".join(rows) + "."


def _times(value: float) -> str:
    return f"{value:,.0f} x" if value >= 10 else f"{value:.1f} x"
