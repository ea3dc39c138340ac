"""A clock that stands still while anything happens, and jumps to the next timer when nothing does.

An hour of pauses costs a moment, and how long something took is exact, however busy the machine is. The clock is the
loop's own, so `anyio.current_time`, sleeps, deadlines and everything built on them go by it. Sockets are real: both
ends of a conversation over loopback live in one event loop, and what one of them sends has arrived before the other is
asked for it. Time also stands still while the loop's executor works.

A program without sockets can be `alone` with its clock: it never waits for the system, and when nothing is left that
could ever happen, that is an error instead of a test that hangs.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

_GRACE = 0.0005
"""How long, in real seconds, the system has to bring what was sent, before it counts as nothing."""


class HangsError(RuntimeError):
    """Everybody waits, and there is no timer."""


class _Selector(selectors.DefaultSelector):
    """Waits for no timer, but passes it, unless a thread is at work."""

    def __init__(self, *, alone: bool) -> None:
        super().__init__()
        self._alone = alone
        self.passed = 0.0
        self.at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if ready:
            return ready
        if self.at_work or (timeout is None and not self._alone):
            return super().select(None)  # a thread's end wakes up the loop, and so does a socket
        if timeout is None:
            raise HangsError("everybody waits, and there is no timer")
        ready = [] if self._alone else super().select(_GRACE)
        if not ready:
            self.passed += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time, in seconds, begins with 0 and passes only while everybody waits."""

    def __init__(self, *, alone: bool = False) -> None:
        self._pace = _Selector(alone=alone)
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


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]], *, alone: bool = False) -> T:
    """Run in a loop of its own; `anyio.current_time` tells how far its clock has come."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(alone=alone)) as runner:
        return runner.run(main())
