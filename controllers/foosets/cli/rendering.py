"""An explanation for a person, as lines of a terminal, and for a program, as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from foosets.cli.explanation import Explanation, State
from foosets.cli.levels import Level

HEADLINES: Final = {
    State.READY: ("is ready", "bold green"),
    State.COMPLETE: ("is complete", "bold green"),
    State.PROGRESSING: ("is on its way", "bold yellow"),
    State.BLOCKED: ("is blocked", "bold red"),
    State.FAILED: ("has failed", "bold red"),
}
READY_STYLES: Final = {"True": "green", "False": "red"}
COLUMNS: Final = ("", "READY", "REASON", "SINCE")
GAP: Final = "   "
INDENT: Final = (0, 0, 0, 2)
"""Of prose, however it folds: two columns on its left."""
UNITS: Final = (("s", 1, 120), ("m", 60, 120 * 60), ("h", 3600, 48 * 3600), ("d", 86_400, float("inf")))
"""Seconds in each unit, and up to how many seconds it is used."""


def show(explanation: Explanation, console: Console, now: datetime) -> None:
    """Write an explanation: prose folds at the console's width, commands and the path stay on one line each."""
    words, style = HEADLINES[explanation.state]
    console.print(Text(f"{explanation.kind} {explanation.name} {words}.", style=style))
    console.print()
    for row in _path(explanation.levels, now):
        console.print(row, soft_wrap=True)
    console.print()
    _say(console, *_finding(explanation, now))
    _say(console, "Meaning", explanation.meaning)
    console.print(Text("Next", style="bold"))
    for step in explanation.steps:
        console.print(Padding(Text(f"{step.purpose}:"), INDENT))
        console.print(Text(f"    {plain(step.command)}", style="cyan"), soft_wrap=True)
    if explanation.trace_id:
        console.print()
        console.print(Text.assemble(("Trace", "bold"), f"  {explanation.trace_id}"), soft_wrap=True)


def _say(console: Console, title: str, *lines: str) -> None:
    console.print(Text(title, style="bold"))
    for line in filter(None, lines):
        console.print(Padding(Text(plain(line)), INDENT))
    console.print()


def _finding(explanation: Explanation, now: datetime) -> Sequence[str]:
    """Return the title and the lines of the cause, or of what the deepest object says where nothing blocks."""
    cause, last = explanation.cause, explanation.levels[-1]
    if cause is None:
        return ("State", f"{last.reason}, says {last.kind} {last.name}", last.message)
    since = f" for {age(cause.since, now)}" if cause.since is not None else ""
    return ("Cause", f"{cause.reason}{since}, says {cause.condition} of {cause.kind} {cause.name}", cause.message)


def _path(levels: Sequence[Level], now: datetime) -> Iterator[Text]:
    """Yield the path as a table, each object indented under its owner."""
    rows = [
        COLUMNS,
        *((_branch(depth, one), one.ready, one.reason, age(one.since, now)) for depth, one in enumerate(levels)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        text = Text(plain(GAP.join(cells).rstrip()))
        text.stylize(READY_STYLES.get(row[1], ""), widths[0], widths[0] + len(GAP) + widths[1])
        yield text


def _branch(depth: int, level: Level) -> str:
    stem = "   " * (depth - 1) + "└─ " if depth else ""
    return f"{stem}{level.kind.lower()}/{level.name}"


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago that is, in one unit, such as 45s, 5m or 3h; nothing if it is not known."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    unit, size, _ = next(row for row in UNITS if seconds < row[2])
    return f"{seconds // size}{unit}"


def plain(text: str) -> str:
    """Return a text as one line that a terminal does not obey: kubelets and webhooks may say anything."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def as_json(explanation: Explanation) -> str:
    """Return the explanation as one JSON object; times are as Kubernetes writes them."""
    told = {
        "kind": explanation.kind,
        "name": explanation.name,
        "namespace": explanation.namespace,
        "state": explanation.state,
        "path": [asdict(level) for level in explanation.levels],
        "cause": asdict(explanation.cause) if explanation.cause is not None else None,
        "meaning": explanation.meaning,
        "next": [asdict(step) for step in explanation.steps],
        "traceID": explanation.trace_id,
    }
    return json.dumps(told, indent=2, default=_time)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
