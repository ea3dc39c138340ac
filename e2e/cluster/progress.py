"""What is being done, for how long, and where its log is: live on a terminal, plain lines in a pipe.

A pipe gets a line when a step begins, one a minute while it lasts, and one when it ends, so that a CI log never
looks dead. A step that ends within a second after a terminal saw it leaves one line.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

HEARTBEAT_SECONDS: Final = 60.0
"""How often a step in a pipe says that it still works."""


class Step:
    """One step under way; `tick` is called by whoever waits in it."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._started = time.monotonic()
        self._said = self._started

    @property
    def seconds(self) -> float:
        """Time since the step began."""
        return time.monotonic() - self._started

    def tick(self) -> None:
        """Say that the step still works, if nobody sees a spinner and nothing was said for a minute."""
        now = time.monotonic()
        if self._console.is_terminal or now - self._said < HEARTBEAT_SECONDS:
            return
        self._said = now
        self._console.print(f"    {escape(self._title)}: still working after {self.seconds:.0f} s")


class Progress:
    """Tells a person what the harness does. `quiet` tells nothing: for tests."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True, quiet=quiet)

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(escape(line))

    @contextmanager
    def step(self, title: str, log: Path | None = None) -> Iterator[Step]:
        """Show a step while the block runs, and how long it took after it."""
        step = Step(title, self._console)
        label = escape(title + (f" (log: {log})" if log else ""))
        try:
            if self._console.is_terminal:
                with self._console.status(label):
                    yield step
            else:
                self._console.print(f"... {label}")
                yield step
        except BaseException:
            self._console.print(f"[red]FAILED[/red] {escape(title)} after {step.seconds:.1f} s")
            raise
        self._console.print(f"[green]ok[/green]  {escape(title)} ({step.seconds:.1f} s)")
