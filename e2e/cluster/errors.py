"""What went wrong, said so that a person can act on it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

TAIL_LINES: Final = 20


class ClusterError(Exception):
    """A step of the harness failed: what, the end of the log that explains it, and what to do.

    `log` is read when the error is raised: the failing step may remove its files afterwards.
    """

    def __init__(self, message: str, *, log: Path | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        self.tail = tail(log) if log else ""
        self.hint = hint

    def __str__(self) -> str:
        """Message, tail of the log, hint: in this order, so that the hint is what one sees last."""
        parts = [self.message]
        if self.log:
            parts.append(f"--- end of {self.log}\n{self.tail or '(empty)'}\n---")
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log; nothing if there is no such file."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of the harness into its message and exit status 1."""
    try:
        yield
    except ClusterError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]error:[/red] {escape(str(error))}")
        sys.exit(1)
