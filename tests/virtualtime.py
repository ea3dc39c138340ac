"""A clock that stands still while anything happens, and jumps to the next timer when nothing does.

An hour of pauses costs a moment, and how long something took is exact, however busy the machine is. Sockets are real:
both ends of a conversation over loopback live in one event loop, and what one of them sends has arrived before the
other is asked for it. Time also stands still while the loop's executor works.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

_GRACE = 0.0005
"""How long, in real seconds, the system has to bring what was sent, before it counts as nothing."""


class _Selector(selectors.DefaultSelector):
    """Waits for no timer, but passes it, unless a thread is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.at_work:
            return super().select(None)  # its end wakes up the loop
        ready = super().select(0) or super().select(_GRACE)
        if not ready:
            self.passed += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time, in seconds, begins with 0 and passes only while everybody waits."""

    def __init__(self) -> None:
        self._pace = _Selector()
        super().__init__(self._pace)

    def time(self) -> float:
        return self._pace.passed

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":
        self._pace.at_work += 1
        done = super().run_in_executor(executor, func, *args)
        done.add_done_callback(self._rest)
        return done

    def _rest(self, _: object) -> None:
        self._pace.at_work -= 1


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run in a loop of its own; `anyio.current_time` tells how far its clock has come."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())
