"""Events: what a set has to say to those who watch a namespace rather than a status.

Guarantees. An Event is told after the status that it follows from was stored, beside the work and never in its way:
who has one to tell does not wait. Each is sent once; one that is refused, gets lost, or is one too many of those that
wait, is a figure and a log line, since status says the same. An object may tell BURST of them at once and then one
every REFILL_SECONDS, as far as this process remembers (the spam filter of client-go's `tools/record`, its figures).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
import msgspec

from foosets.api.meta import EVENTS, Key
from foosets.api.names import TRACEPARENT
from foosets.kube.client import Client
from foosets.kube.errors import AlreadyExists, ApiError, NamespaceTerminating
from foosets.planning.events import Event
from foosets.planning.stamps import format_micro
from foosets.planning.trace import Microseconds
from foosets.runtime.logs import logger

BURST: Final = 25
REFILL_SECONDS: Final = 300.0
WAITING_MAX: Final = 1000
"""Events that wait to be sent; when a whole cell is blocked at once, those beyond are lost."""
ACTION: Final = "Reconcile"
"""What the controller was about to do; the API asks for a word."""
INSTANCE_MAX: Final = 128

_encode: Final = msgspec.json.Encoder().encode
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who tells: the controller, which `kubectl events` shows, and which of its processes."""

    controller: str
    instance: str


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Events:
    """Tells Events through one client; `run` must be running for them to be sent. `clock` is monotonic seconds."""

    def __init__(
        self, client: Client, reporter: Reporter, clock: Callable[[], float], wall: Callable[[], Microseconds]
    ) -> None:
        self._client = client
        self._reporter = reporter
        self._clock = clock
        self._wall = wall
        self._allowances: dict[Key, _Allowance] = {}
        self._waiting: deque[tuple[Event, Microseconds]] = deque()
        self._news = anyio.Event()
        self._figures = {"told": 0, "lost": 0, "spared": 0}

    def tell(self, event: Event) -> None:
        """Have an Event sent, unless its object has told too many."""
        if not self._may_tell(event.regarding):
            self._figures["spared"] += 1
        elif len(self._waiting) == WAITING_MAX:
            self._lose(event, "too many wait")
        else:
            self._waiting.append((event, self._wall()))
            self._news.set()

    async def run(self) -> None:
        """Send what was told, one after the other, until cancelled."""
        while True:
            while self._waiting:
                await self._send(*self._waiting.popleft())
            self._news = anyio.Event()
            await self._news.wait()

    def forget(self, key: Key) -> None:
        """Drop what is remembered of an object that is gone."""
        self._allowances.pop(key, None)

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page: `spared` were more than an object may tell."""
        return {**self._figures, "waiting": len(self._waiting)}

    def _may_tell(self, key: Key) -> bool:
        now = self._clock()
        allowance = self._allowances.setdefault(key, _Allowance(BURST, now))
        allowance.left = min(BURST, allowance.left + (now - allowance.at) / REFILL_SECONDS)
        allowance.at = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    async def _send(self, event: Event, at: Microseconds) -> None:
        body = _encode(_manifest(event, self._reporter, at))
        try:
            await self._client.create(EVENTS, event.regarding.namespace, body)
        except AlreadyExists:
            pass  # it was told before: by another process, or by this one, whose reply was lost
        except NamespaceTerminating:
            self._figures["lost"] += 1  # with its namespace goes whoever would read it
            return
        except ApiError as error:
            self._lose(event, str(error))
            return
        self._figures["told"] += 1

    def _lose(self, event: Event, why: str) -> None:
        self._figures["lost"] += 1
        _log.warning("an Event was not told", key=str(event.regarding), reason=event.reason, error=why)


def _manifest(event: Event, reporter: Reporter, at: Microseconds) -> dict[str, Any]:
    namespace, name = event.regarding
    annotations = {TRACEPARENT: event.context.traceparent} if event.context is not None else {}
    regarding = {"apiVersion": event.resource.api_version, "kind": event.resource.kind}
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"namespace": namespace, "name": event.name, "annotations": annotations},
        "regarding": regarding | {"namespace": namespace, "name": name, "uid": event.uid},
        "type": "Warning",
        "reason": event.reason,
        "note": event.note,
        "action": ACTION,
        "eventTime": format_micro(at),
        "reportingController": reporter.controller,
        "reportingInstance": reporter.instance[:INSTANCE_MAX],
    }
