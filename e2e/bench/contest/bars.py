"""Horizontal bars with whiskers, as SVG: the medians, and from the lowest to the highest.

Drawn by hand: a plotting library would weigh fifty megabytes for seven rectangles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from e2e.bench.contest.report import Spread

ROW: Final = 34
LABELS: Final = 360
WIDTH: Final = 420
MARGIN: Final = 90
"""Right of the longest whisker, for its figure."""
COLORS: Final = {True: "#2a6f97", False: "#a9b4bc"}
"""Ours, and all others."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the picture."""

    label: str
    spread: Spread
    ours: bool


def draw(title: str, bars: Sequence[Bar]) -> str:
    """Return the picture."""
    scale = WIDTH / max(bar.spread.high for bar in bars)
    rows = "".join(_row(bar, number, scale) for number, bar in enumerate(bars))
    width, height = LABELS + WIDTH + MARGIN, (len(bars) + 1) * ROW
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="{LABELS}" y="22" font-weight="bold">{escape(title)}</text>
{rows}</svg>
"""


def _row(bar: Bar, number: int, scale: float) -> str:
    top = (number + 1) * ROW
    middle = top + ROW / 2
    low, median, high = (LABELS + value * scale for value in (bar.spread.low, bar.spread.median, bar.spread.high))
    whisker = f"M{low:.1f} {middle:.0f}H{high:.1f}M{low:.1f} {middle - 5:.0f}v10M{high:.1f} {middle - 5:.0f}v10"
    return f"""\
<text x="{LABELS - 10}" y="{middle + 4:.0f}" text-anchor="end">{escape(bar.label)}</text>
<rect x="{LABELS}" y="{top + 6}" width="{median - LABELS:.1f}" height="{ROW - 12}" fill="{COLORS[bar.ours]}"/>
<path d="{whisker}" stroke="#222"/>
<text x="{high + 8:.1f}" y="{middle + 4:.0f}">{bar.spread.median:.0f}</text>
"""
