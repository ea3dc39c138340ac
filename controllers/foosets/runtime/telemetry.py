"""Where a component's spans go: to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, or nowhere, at no cost.

Guarantees. Nothing here blocks, whatever the collector does: the queue is bounded, what does not fit is counted and
lost, and a collector that is down costs one log line a minute. Spans are never the reason that an object is not looked
after. Whoever has to know that the collector has its spans asks `flush`.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio

from foosets.api.names import Component, field_manager
from foosets.planning.trace import Span
from foosets.runtime.logs import logger

if TYPE_CHECKING:
    from foosets.runtime.otlp import Outbox

COMPLAINT_SECONDS: Final = 60.0
"""One log line in this time says that spans are being lost."""
CLOSE_SECONDS: Final = 4.0
"""How long a stopping process tries to send what is queued; with the rest of its exit below 5 s."""

_log = logger(__name__)


class Tracing:
    """Takes spans. Used from one event loop; made by itself it sends nothing."""

    def __init__(self) -> None:
        self._outbox: Outbox | None = None
        self._emitted = self._settled = self._lost = 0
        self._lost_before_emit = 0
        self._collector_down = False
        self._complained_at = -COMPLAINT_SECONDS
        self._moved = anyio.Event()

    @classmethod
    def from_environment(cls, component: Component) -> "Tracing":
        """Return what the standard OTEL_* variables ask for. Call it on the event loop that will use it."""
        tracing = cls()
        if _wanted(os.environ):
            # 150 ms and 14 MB: only who traces pays for the SDK.
            from foosets.runtime.otlp import Outbox  # noqa: PLC0415 - see above

            tracing._outbox = Outbox(field_manager(component), _on_this_loop(tracing._settle))
        return tracing

    def emit(self, spans: Iterable[Span]) -> None:
        """Queue spans, and count those that do not fit as lost. Never blocks."""
        if self._outbox is None:
            return
        self._lost_before_emit = self._lost
        for span in spans:
            if self._emitted - self._settled < self._outbox.capacity:
                self._emitted += 1
                self._outbox.put(span)
            else:
                self._lose(1, "the queue is full")

    async def flush(self, seconds: float) -> bool:
        """Wait until the queue of this moment is empty; True only if the collector has accepted all of it.

        Call it right after `emit`, without an await between: then what did not fit into the queue counts too. False
        may be wrong (another's spans were lost), True never is. While the last export failed nothing is waited for.
        """
        if self._outbox is None:
            return True
        awaited, lost = self._emitted, self._lost_before_emit
        with anyio.move_on_after(seconds):
            while self._settled < awaited and not self._collector_down:
                await self._moved.wait()
        return self._settled >= awaited and self._lost == lost

    def shutdown(self, seconds: float = CLOSE_SECONDS) -> None:
        """Send what is queued, blocking for at most so many seconds. Spans emitted later go nowhere."""
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            outbox.close(seconds)

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page."""
        return {"emitted": self._emitted, "queued": self._emitted - self._settled, "lost": self._lost}

    def _settle(self, count: int, error: str) -> None:
        """Learn what became of the `count` oldest spans on their way: the outbox sends in order."""
        self._settled += count
        self._collector_down = bool(error)
        if error:
            self._lose(count, error)
        self._moved.set()
        self._moved = anyio.Event()

    def _lose(self, count: int, error: str) -> None:
        self._lost += count
        now = anyio.current_time()
        if now - self._complained_at >= COMPLAINT_SECONDS:
            self._complained_at = now
            _log.warning("the trace collector does not take our spans; work goes on", error=error, lost=self._lost)


def _wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a collector and does not switch the SDK off."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return bool(endpoint) and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def _on_this_loop(callback: Callable[[int, str], None]) -> Callable[[int, str], None]:
    """Return a function for other threads that has `callback` called on this loop, without waiting for it."""
    loop = asyncio.get_running_loop()  # anyio has no call from a foreign thread that does not wait

    def post(count: int, error: str) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it everyone who would want to know
            loop.call_soon_threadsafe(callback, count, error)

    return post
