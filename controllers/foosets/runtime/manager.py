"""One component as a process: connect, fill the caches, wait for the lease, work, and leave in order.

Task tree: the reflectors, the heartbeat and, once this process leads, the writers and the workers live in one task
group. Whatever dies of a bug takes the process along, and its restart is the remedy.

SIGTERM and SIGINT end it in order: no look is begun any more and those under way get 3 s, then the group is cancelled;
the lease is given back (2 s), spans are flushed (4 s), and the process ends with 0. One that has lost its lease is
cancelled at once, and ends with 1.
"""

import gc
import random
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol

import anyio

from foosets.api.meta import Key, Resource
from foosets.api.names import Component, field_manager
from foosets.kube.client import Client
from foosets.kube.codec import Undecodable
from foosets.kube.exchange import always
from foosets.kube.lease import LeaseClient
from foosets.kube.lists import Source
from foosets.kube.transport import Transport, connect
from foosets.kube.watch import Interruption, Reflector
from foosets.planning.trace import Microseconds
from foosets.runtime.apply import Applier
from foosets.runtime.backoff import Backoff
from foosets.runtime.controller import Clocks, Controller, Engine, Room
from foosets.runtime.events import Events, Reporter
from foosets.runtime.expectations import Expectations, Sight
from foosets.runtime.leader import Elector, Fence, LeaseLostError, Work, boot_clock
from foosets.runtime.logs import configure, logger
from foosets.runtime.loop import Loop
from foosets.runtime.metrics import Metrics
from foosets.runtime.obstruction import Obstructions
from foosets.runtime.probes import Health, freshness, serving
from foosets.runtime.queue import KeyQueue
from foosets.runtime.settings import Settings
from foosets.runtime.store import Store
from foosets.runtime.telemetry import Tracing
from foosets.runtime.writers import Writers

SWARM_SECONDS = 0.05
"""How long to gather what pods do before their set is looked at: they begin and end in swarms, and one look serves them
all. (The Job controller of Kubernetes 1.37 gathers for a second.)"""
DRAIN_SECONDS = 3.0
"""How long a process that shall end goes on with what it has begun."""

Lead = Callable[[Work], Awaitable[None]]
"""Do the work as soon as, and for as long as, it is this process's to do."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Late:
    """When a watch begins that is not needed from the start: when `wanted` is set.

    `synced` is called once its store is filled. Until then the room plans nothing that the store would change.
    """

    wanted: anyio.Event
    synced: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Watch:
    """A source and the store it fills. `awaited` is whether the component's own writes are seen in it.

    One that is `late` costs nothing before it is wanted. Where that is known from the other stores, the process is not
    ready before this one is filled, too.
    """

    source: Source[Any]
    store: Store[Any]
    awaited: bool = True
    late: Late | None = None


class Assemble(Protocol):
    """How a room is put together: it declares its watches and enqueues its keys."""

    def __call__(self, enqueue: "Enqueue", settings: Settings, clock: Callable[[], Microseconds]) -> "Assembly":
        """Return the room and its watches; `clock` tells the wall clock's time."""
        ...


class Enqueue(Protocol):
    """How a room's event handlers ask for a look."""

    def __call__(self, key: Key, after: float = 0.0, /) -> None:
        """Ask for a look at `key` in `after` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a component consists of."""

    room: Room[Any]
    watches: list[Watch] = field(default_factory=list[Watch])


def run(component: Component, assemble: Assemble) -> None:
    """Run a component until it is told to stop."""
    settings = Settings()
    configure(component, settings.log_level)
    lost = False
    try:
        anyio.run(_main, component, assemble, settings)
    except* LeaseLostError:
        lost = True
    if lost:
        sys.exit(1)


def user_agent(component: Component) -> str:
    """Return what a component calls itself to the API server, whose audit log is asked by it who sent a request."""
    return f"{field_manager(component)}/{version('foosets')}"


async def _main(component: Component, assemble: Assemble, settings: Settings) -> None:
    metrics, health, fence = Metrics(), Health(), Fence(boot_clock())
    tracing = Tracing.from_environment(component)
    with serving(settings.http_host, settings.http_port, health, metrics) as port:
        _log.info("started", port=port)
        try:
            may_write = fence.is_open if settings.lease else always
            way = connect(user_agent=user_agent(component), fence=may_write)
            async with way as transport, anyio.create_task_group() as group:
                outside = Outside(transport, tracing, Clocks(time.time, time.monotonic), random.Random())  # noqa: S311 - jitter, not a secret
                process = Process(component, settings, outside)
                group.start_soon(_stop_on_signal, group.cancel_scope, process.drain)
                group.start_soon(health.heartbeat)
                lead = process.candidate(fence, metrics, health).lead if settings.lease else _at_once
                await process.run(assemble, metrics, health, partial(_with_settled_memory, lead))
        finally:
            tracing.shutdown()
    _log.info("stopped")


@dataclass(frozen=True, slots=True)
class Outside:
    """All that a process has from outside: the way to the API server, where spans go, time, and chance.

    The monotonic clock is the event loop's, whose timers everything else waits by.
    """

    transport: Transport
    tracing: Tracing
    clocks: Clocks
    rng: random.Random


class Process:
    """The engine of one component, wired up. It reads no clock and draws nothing but what it was given."""

    def __init__(self, component: Component, settings: Settings, outside: Outside) -> None:
        self._manager = field_manager(component)
        self._settings = settings
        self._outside = outside
        self._transport = outside.transport
        self._clocks = outside.clocks
        self._rng = outside.rng
        self._queue = KeyQueue(self._clocks.monotonic)
        self._working = False
        self._identity = settings.identity or f"{socket.gethostname()}-{self._manager}"
        client = Client(self._transport, self._manager)
        self._applier = Applier(client, self._clocks.microseconds)
        reporter = Reporter(self._manager, self._identity)
        self._events = Events(client, reporter, self._clocks.monotonic, self._clocks.microseconds)
        self._writers = Writers(self._applier, settings.writers)

    def candidate(self, fence: Fence, metrics: Metrics, health: Health) -> Elector:
        """Return this process as a candidate for its component's lease, which the pages show."""
        lease = LeaseClient(self._transport, Key(*self._settings.lease.split("/")), self._manager)
        complaints, rng = health.complaints, self._rng
        elector = Elector(lease, self._identity, fence, wall=self._clocks.wall, complaints=complaints, rng=rng)
        metrics.add("leader", elector.statistics)
        health.checks.append(elector.overdue)
        health.preparations.append(lambda: elector.trouble)
        return elector

    async def drain(self) -> None:
        """Begin no look any more; return when those under way have ended."""
        await self._queue.drain()

    async def run(self, assemble: Assemble, metrics: Metrics, health: Health, lead: Lead) -> None:
        """Fill the caches and keep them so; work when it may, until cancelled."""
        assembly = assemble(self._enqueue, self._settings, self._clocks.microseconds)
        reflectors = [(watch, self._reflector(watch)) for watch in assembly.watches]
        self._show(reflectors, metrics)
        controller = Controller(assembly.room, self._engine(reflectors))
        loop = Loop(self._queue, controller.reconcile, Backoff(self._rng))
        async with anyio.create_task_group() as group:
            for watch, reflector in reflectors:
                group.start_soon(self._reflect, watch, reflector, health)
            for watch in sorted(assembly.watches, key=lambda watch: watch.late is not None):
                if watch.late is None or watch.late.wanted.is_set():
                    await watch.store.synced.wait()
            health.ready = True
            _log.info("caches synced", rows=[f"{len(w.store)} {w.source.resource.plural}" for w, _ in reflectors])
            await lead(partial(self._work, assembly.room, loop, metrics))

    async def _reflect(self, watch: Watch, reflector: Reflector[Any], health: Health) -> None:
        """Keep one store filled, from when that is wanted on; from then on it has to show signs of life."""
        async with anyio.create_task_group() as group:
            if watch.late is not None:
                await watch.late.wanted.wait()
                _log.info("a watch begins", resource=watch.source.resource.plural)
            health.checks.append(freshness(watch.source.resource, reflector, self._clocks.monotonic))
            group.start_soon(reflector.run)
            await watch.store.synced.wait()
            if watch.late is not None:
                watch.late.synced()

    async def _work(self, room: Room[Any], loop: Loop, metrics: Metrics) -> None:
        self._working = True
        for key in room.all_keys():
            self._queue.add(key)
        async with anyio.create_task_group() as group:
            group.start_soon(self._writers.run)
            group.start_soon(self._events.run)
            group.start_soon(loop.run, self._settings.workers, metrics)

    def _enqueue(self, key: Key, after: float = 0.0) -> None:
        """Ask for a look, unless nobody looks yet: who waits for the lease, for months perhaps, collects no keys."""
        if self._working:
            self._queue.add_after(key, after)

    def _engine(self, reflectors: list[tuple[Watch, Reflector[Any]]]) -> Engine:
        awaited = [(watch, reflector) for watch, reflector in reflectors if watch.awaited]
        relists = {watch.source.resource: reflector.request_relist for watch, reflector in awaited}
        return Engine(
            queue=self._queue,
            writers=self._writers,
            applier=self._applier,
            expectations=Expectations({watch.source.resource: _sight(watch.store) for watch, _ in awaited}),
            obstructions=Obstructions(self._rng),
            events=self._events,
            tracing=self._outside.tracing,
            clocks=self._clocks,
            rng=self._rng,
            relist=lambda resource: relists[resource](),
        )

    def _reflector(self, watch: Watch) -> Reflector[Any]:
        resource = watch.source.resource
        report = partial(_report, resource)
        return Reflector(self._transport, watch.source, watch.store, report=report, jitter=self._rng.random)

    def _show(self, reflectors: list[tuple[Watch, Reflector[Any]]], metrics: Metrics) -> None:
        """Let the metrics page see what runs."""
        metrics.add("queue", self._queue.statistics)
        metrics.add("writers", self._writers.statistics)
        metrics.add("events", self._events.statistics)
        metrics.add("tracing", self._outside.tracing.statistics)
        metrics.requests(self._transport.statistics)
        for number, (watch, reflector) in enumerate(reflectors):
            name = f"{watch.source.resource.plural}_{number}"
            metrics.add(f"store_{name}", watch.store.statistics)
            metrics.add(f"watch_{name}", lambda reflector=reflector: asdict(reflector.statistics()))


def _report(resource: Resource, what: Interruption | Undecodable) -> None:
    match what:
        case Interruption():
            _log.warning("a watch was interrupted", resource=resource.plural, error=str(what.error), pause=what.pause)
        case Undecodable():
            _log.error("an object cannot be read", resource=resource.plural, key=str(what.key), error=what.error)


def _sight(store: Store[Any]) -> Sight:
    def stays(key: Key, uid: str) -> bool:
        row = store.get(key)
        return row is not None and row.metadata.uid == uid and not row.metadata.deletion_timestamp

    return Sight(lambda: store.resource_version, stays)


async def _with_settled_memory(lead: Lead, work: Work) -> None:
    """Keep the collector from walking the caches again and again: they are full now, long-lived and free of cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    await lead(work)


async def _at_once(work: Work) -> None:
    """Work without asking anybody: where no lease is configured."""
    await work()


async def _stop_on_signal(scope: anyio.CancelScope, drain: Callable[[], Awaitable[None]]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            _log.info("stopping", signal=signal.Signals(number).name)
            with anyio.move_on_after(DRAIN_SECONDS):
                await drain()
            scope.cancel()
            return
