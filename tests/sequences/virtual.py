"""Virtual time: an event loop whose clock stands still while there is work, and then jumps to the next timer.

Ten minutes of waiting take no time, and the same program does the same at the same time whenever it is run. The clock
is the loop's own, so `anyio.current_time`, sleeps, deadlines and everything built on them go by it. When nothing is
left that could ever happen, the program hangs, and that is an error.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class HangsError(RuntimeError):
    """Everybody waits, and there is no timer."""


class _Selector(selectors.SelectSelector):
    """Selects without waiting, and moves the loop's clock instead."""

    def __init__(self, clock: "VirtualClock") -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if found:
            return found
        if timeout is None:
            raise HangsError("everybody waits, and there is no timer")
        self._clock.now += max(timeout, 0.0)
        return found


class VirtualClock:
    """Seconds since the start."""

    now: float = 0.0


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See above. It is for one thread: what another thread does takes no virtual time."""

    def __init__(self) -> None:
        self._virtual = VirtualClock()
        super().__init__(_Selector(self._virtual))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual.now


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run a program in virtual time, which begins at 0."""
    return anyio.run(main, backend_options={"loop_factory": VirtualTimeLoop})
