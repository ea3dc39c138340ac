"""One look at one key: observe -> plan -> actions -> spans -> status.

The order is what makes a crash harmless. Actions come before the status that reports them, since status is a report
and not a record of intent; the only intents in status (attempts, the trace episode) are written by a plan without
the actions that need them, and acted upon by the next plan, which sees them. Spans are exported before the status
that calls them exported, and an Event is told only of a status that is stored. A key is not planned before the caches
have seen its own last writes.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from foosets.api.meta import PODS, Key, Resource
from foosets.api.names import Component
from foosets.kube.errors import ApiError
from foosets.planning.actions import Plan, Status
from foosets.planning.obstacles import Obstacle, held_back
from foosets.planning.stamps import SECOND
from foosets.planning.trace import Microseconds
from foosets.runtime.apply import Applier
from foosets.runtime.backoff import Backoff
from foosets.runtime.events import Events
from foosets.runtime.expectations import Expectations
from foosets.runtime.logs import logger
from foosets.runtime.obstruction import CAP_SECONDS, Obstructions, reason_of
from foosets.runtime.queue import KeyQueue
from foosets.runtime.telemetry import Tracing
from foosets.runtime.writers import Performed, Writers

STATUS_INTERVAL: Final = 0.25
"""Seconds between two status writes of one object; the last one is never dropped, only late."""
FLUSH_SECONDS: Final = 5.0
"""How long a look waits for its spans to be exported; afterwards they count as lost, and work goes on."""
CATCH_UP_SECONDS: Final = 10.0
"""How long a cache may lag behind a write of ours before a live list is asked for."""

Seen = TypeVar("Seen")

_log = logger(__name__)


class Room(Protocol[Seen]):
    """What a room gives the engine."""

    component: Component

    def observe(self, key: Key, obstacle: Obstacle | None, /) -> Seen | None:
        """Return what the caches show of the object, or None when it is not there. Called between awaits."""
        ...

    def plan(self, seen: Seen, now: datetime) -> Plan:
        """Return what to do about it."""
        ...

    def acted(self, plan: Plan, outcome: Performed, /) -> None:
        """Take note of what became of a plan's actions; those that are not in `written` did not happen."""
        ...

    def all_keys(self) -> Iterable[Key]:
        """Return the keys of all that there is to look at; who begins to work begins with them."""
        ...

    def generation(self, key: Key, /) -> int:
        """Return the spec's generation, so that an obstacle of an older spec is forgotten; 0 if unknown."""
        ...

    def presumes(self, key: Key, /) -> int:
        """Return the resourceVersion of pods that the object's status was written in the knowledge of; 0 for none."""
        ...

    def forget(self, key: Key) -> None:
        """Drop what is remembered of an object that is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of the engine: `wall` for times that are shown, `monotonic` for intervals."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def microseconds(self) -> Microseconds:
        """Return the wall clock's time as stamps have it."""
        return int(self.wall() * SECOND)


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that a controller works with."""

    queue: KeyQueue
    writers: Writers
    applier: Applier
    expectations: Expectations
    obstructions: Obstructions
    events: Events
    tracing: Tracing
    clocks: Clocks
    rng: random.Random
    relist: Callable[[Resource], None]


class Controller:
    """Reconciles the keys of one room, each on its own."""

    def __init__(self, room: Room[Seen], engine: Engine) -> None:
        self._room = room
        self._engine = engine
        self._status_due: dict[Key, float] = {}
        self._status_backoff = Backoff(engine.rng, CAP_SECONDS)
        self._lagging: dict[Key, float] = {}

    async def reconcile(self, key: Key) -> None:
        """Bring the object one step nearer to its spec; raises ApiError for what is worth another try."""
        if self._caches_lag(key):
            return
        engine = self._engine
        generation = self._room.generation(key)
        seen = self._room.observe(key, engine.obstructions.of(key, generation))
        if seen is None:
            self._forget(key)
            return
        wall = engine.clocks.wall()
        now = datetime.fromtimestamp(wall, UTC)
        plan = self._room.plan(seen, now)
        outcome = await engine.writers.perform(key, plan.actions, independent=plan.independent)
        self._expect(key, outcome)  # first, so that no bug of the room's gets a key planned from a cache that lags
        self._room.acted(plan, outcome)
        if outcome.bug is not None:
            raise outcome.bug
        if engine.obstructions.learn(key, generation, plan, outcome, wall):
            engine.queue.add(key)
        pause = held_back(engine.obstructions.of(key, generation), now)
        if pause is not None:
            engine.queue.add_after(key, pause)
        await self._report(key, plan)
        if plan.wake_after is not None:
            engine.queue.add_after(key, plan.wake_after)
        self._raise_unexplained(outcome)

    def _caches_lag(self, key: Key) -> bool:
        """Whether a cache has not seen this key's own writes yet, or what its status was written in the knowledge of.

        If so the key comes back by itself.
        """
        self._engine.expectations.awaits(key, PODS, self._room.presumes(key))
        behind = self._engine.expectations.unmet(key)
        if behind is None:
            self._lagging.pop(key, None)
            return False
        now = self._engine.clocks.monotonic()
        if now - self._lagging.setdefault(key, now) >= CATCH_UP_SECONDS:
            self._lagging[key] = now
            _log.warning("a cache lags behind our own writes and is listed anew", key=str(key), resource=behind.plural)
            self._engine.relist(behind)
        self._engine.queue.add_after(key, CATCH_UP_SECONDS)
        return True

    def _expect(self, key: Key, outcome: Performed) -> None:
        for written in outcome.written:
            if written.deleted:
                self._engine.expectations.deleted(key, written.resource, written.target, written.uid)
            else:
                self._engine.expectations.awaits(key, written.resource, written.resource_version)

    async def _report(self, key: Key, plan: Plan) -> None:
        """Export the plan's spans, then write its status: at once, or when the interval is over."""
        if plan.status is None:
            self._engine.tracing.emit(plan.spans)
            return
        now = self._engine.clocks.monotonic()
        due = self._status_due.get(key, now)
        if now < due:
            self._engine.queue.add_after(key, due - now)
            return
        if plan.spans:
            self._engine.tracing.emit(plan.spans)
            await self._engine.tracing.flush(FLUSH_SECONDS)
        self._status_due[key] = now + STATUS_INTERVAL
        await self._write_status(key, plan.status)

    async def _write_status(self, key: Key, status: Status) -> None:
        try:
            written = await self._engine.applier.perform(status)
        except ApiError as error:
            if reason_of(error) is not None:  # nobody can be told, so at least nobody is bothered
                self._status_due[key] = self._engine.clocks.monotonic() + self._status_backoff.failed(key)
            raise
        self._status_backoff.succeeded(key)
        self._engine.expectations.awaits(key, written.resource, written.resource_version)
        if status.event is not None:
            self._engine.events.tell(status.event)

    def _raise_unexplained(self, outcome: Performed) -> None:
        """Raise the first refusal that is no obstacle, since time mends it, so that the loop backs off."""
        for refused in outcome.refused:
            if reason_of(refused.error) is None:
                raise refused.error

    def _forget(self, key: Key) -> None:
        self._engine.expectations.forget(key)
        self._engine.obstructions.forget(key)
        self._engine.writers.forget(key)
        self._engine.events.forget(key)
        self._status_due.pop(key, None)
        self._status_backoff.succeeded(key)
        self._lagging.pop(key, None)
        self._room.forget(key)
