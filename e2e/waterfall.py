"""A trace drawn for a terminal: the tree, the durations, and when each step ran.

    foosets.rollout demo                              9.0 s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    ├─ fooset.refine                                  8.9 s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    │  ├─ pod demo-workers-x-7                        1.2 s     ━━━━━
    │  │  ✗ NoFit: 0 of 10 nodes fit
    │  └─ … 17 more pod: 1.1 s to 2.3 s, median 1.4 s

Orphans are drawn as roots. Of many siblings of one name three are drawn, failed ones first.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from rich.text import Text

from e2e.traces import RecordedSpan, TraceShape, shape

WIDTH: Final = 100
SHOWN: Final = 3
"""How many of many siblings are drawn; of one more than that, all."""
DURATION_WIDTH: Final = 9
LABEL_SHARE: Final = 0.5
MORE_STYLE: Final = "dim"


def waterfall(recorded: Iterable[RecordedSpan], width: int = WIDTH) -> Text:
    """Return the drawing of one trace, at most `width` columns wide; an empty text for no spans."""
    tree = shape(recorded)
    if not tree.spans:
        return Text()
    canvas = _Canvas(min(s.start for s in tree.spans), max(s.end for s in tree.spans), width)
    for root in sorted([*tree.roots, *tree.orphans], key=lambda span: span.start):
        _draw(canvas, tree, root, ("", ""))
    return Text("\n").join(canvas.lines)


@dataclass(frozen=True, slots=True)
class _More:
    """Siblings that are not drawn."""

    spans: Sequence[RecordedSpan]
    start: int


class _Canvas:
    """The lines, and the scale of their bars."""

    def __init__(self, start: int, end: int, width: int) -> None:
        self.lines: list[Text] = []
        self._start = start
        self._length = max(end - start, 1)
        self._width = width
        self._label_width = int(width * LABEL_SHARE)
        self._bar_width = width - self._label_width - DURATION_WIDTH - 2

    def span(self, prefix: str, span: RecordedSpan) -> None:
        """Draw a line with label, duration and bar."""
        style = "bold red" if span.failed else ""
        line = Text(prefix).append(_label(span), style)
        line.truncate(self._label_width, overflow="ellipsis", pad=True)
        line.append(f"{duration(span.end - span.start):>{DURATION_WIDTH}}  ")
        self.lines.append(line.append(self._bar(span), "red" if span.failed else "green"))

    def text(self, prefix: str, text: str, style: str) -> None:
        """Draw a line of words."""
        line = Text(prefix).append(text.replace("\n", " "), style)
        line.truncate(self._width, overflow="ellipsis")
        self.lines.append(line)

    def _bar(self, span: RecordedSpan) -> str:
        left = min((span.start - self._start) * self._bar_width // self._length, self._bar_width - 1)
        length = max(1, round((span.end - span.start) * self._bar_width / self._length))
        return " " * left + "━" * min(length, self._bar_width - left)


def _draw(canvas: _Canvas, tree: TraceShape, span: RecordedSpan, prefixes: tuple[str, str]) -> None:
    """Draw a span and what is below it; `prefixes` are what its first line and its other lines begin with."""
    first, rest = prefixes
    canvas.span(first, span)
    if span.failed:
        canvas.text(rest, f"✗ {span.error or 'failed'}", "red")
    entries = _entries(tree.children(span))
    for number, entry in enumerate(entries):
        last = number == len(entries) - 1
        below = (rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
        if isinstance(entry, _More):
            canvas.text(below[0], _summary(entry.spans), MORE_STYLE)
        else:
            _draw(canvas, tree, entry, below)


def _entries(siblings: Sequence[RecordedSpan]) -> list[RecordedSpan | _More]:
    """Return what to draw of siblings, by start; what stands for the rest comes after the last that is drawn."""
    groups: defaultdict[str, list[RecordedSpan]] = defaultdict(list)
    for span in siblings:
        groups[span.name].append(span)
    entries: list[RecordedSpan | _More] = []
    for group in groups.values():
        if len(group) <= SHOWN + 1:
            entries += group
            continue
        failed_first = sorted(group, key=lambda span: (not span.failed, span.start))
        drawn = sorted(failed_first[:SHOWN], key=lambda span: span.start)
        entries += [*drawn, _More(failed_first[SHOWN:], drawn[-1].start)]
    return sorted(entries, key=lambda entry: entry.start)


def _summary(spans: Sequence[RecordedSpan]) -> str:
    lengths = [span.end - span.start for span in spans]
    failed = sum(span.failed for span in spans)
    what = f"{len(spans)} more {spans[0].name}" + (f" ({failed} failed)" if failed else "")
    return f"… {what}: {duration(min(lengths))} to {duration(max(lengths))}, median {duration(int(median(lengths)))}"


def _label(span: RecordedSpan) -> str:
    """Return the span's name and what tells it from others of that name."""
    if not span.parent_id:
        about = "fooset.name"
    elif span.name == "pod":
        about = "k8s.pod.name"
    elif span.name.endswith(".refine"):
        about = "fooset.child"
    else:
        about = "fooset.decision"
    return f"{span.name} {span.attributes.get(about, '')}".rstrip()


def duration(nanoseconds: int) -> str:
    """Return a length of time with two to three digits that count."""
    if nanoseconds < 999_500:  # from here on it would be rounded to 1000
        return f"{nanoseconds / 1_000:.0f} µs"
    if nanoseconds < 999_500_000:
        return f"{nanoseconds / 1_000_000:.0f} ms"
    seconds = nanoseconds / 1_000_000_000
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
