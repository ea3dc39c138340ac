"""A cluster in one process and in virtual time: the fake API server, all five components, kubelets, garbage collection.

    story ──▶ FakeApiServer ◀── FakeTransport ── Process(fooset | batchfooset | servicefooset | scheduler | fooquota)
                   ▲
                   └── Kubelets, garbage.run

What comes first is the `Order`'s business.
"""

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import anyio

from e2e.audit import Write
from e2e.cluster.nodes import Shape, manifest
from e2e.invariants.history import At, History, Version, Violation
from e2e.invariants.judge import judge
from foosets.api.meta import FOOQUOTAS, FOOSETS, NODES, Key
from foosets.api.names import Component
from tests.fake import garbage
from tests.fake.apiserver import START, FakeApiServer, loop_clock
from tests.fake.kinds import BY_PLURAL
from tests.fake.record import Record, Request
from tests.sequences.component import Arrival, Running
from tests.sequences.kubelet import Kubelets
from tests.sequences.orders import FIXED, Order, Strike, nobody
from tests.virtualtime import in_virtual_time

NAMESPACE: Final = "default"
APP: Final = "app"
USER: Final = "user"
NODE_COUNT: Final = 3
QUIET_SECONDS: Final = 65.0
"""Without a write for this long a cell is at rest: whoever waits looks again after a minute at the latest."""
WATCHED_SECONDS: Final = 600.0
"""How long a cell at rest is watched for a write that nobody needs."""
REST_WITHIN_SECONDS: Final = 6 * 3600.0
VERSIONS_MAX: Final = 400
"""How many versions the longest story may come to; it comes to a third of that."""
LAG_SECONDS: Final = 5.0
"""How far behind the placers' caches may be: the latest watch, and the requests on their way."""

Object = dict[str, Any]


class RestlessError(AssertionError):
    """A cell did not come to rest."""


class Cell:
    """The cluster. A story acts on it as a user does, and waits for it to come to rest."""

    def __init__(self, order: Order, strike: Strike) -> None:
        self.order = order
        self.server = FakeApiServer(loop_clock(), order.generator("server"), namespaces=(NAMESPACE,))
        self.kubelets = Kubelets(self.server, order.pace())
        self.components = {one: Running(one, self.server, order, strike) for one in order.components()}
        self.lag = LAG_SECONDS
        self.versions_max = VERSIONS_MAX
        self.begun = 0
        self.rested = START
        for index in range(NODE_COUNT):
            self.server.create(NODES, manifest(f"node-{index}", Shape(cpu="2")))

    # ---- acting

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Create a FooSet."""
        raw = copy.deepcopy(dict(manifest))
        raw["metadata"] |= {"namespace": NAMESPACE}
        self.server.create(FOOSETS, raw, user=USER)

    def limit(self, name: str = "team", /, **hard: str) -> None:
        """Create a FooQuota."""
        self.server.create(FOOQUOTAS, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"hard": hard}})

    def edit(self, change: Callable[[Object], None]) -> None:
        """Change the spec of the FooSet."""
        spec = self.fooset["spec"]
        change(spec)
        self.server.change(FOOSETS, Key(NAMESPACE, APP), {"spec": spec}, user=USER)

    def delay(self, plural: str, seconds: float) -> None:
        """Let every component's watch of a resource be that late from now on."""
        for component in self.components.values():
            component.transport.lag.set(plural, seconds)
        self.lag = max(self.lag, seconds + LAG_SECONDS)

    def delete(self) -> None:
        """Delete the FooSet."""
        self.server.delete(FOOSETS, Key(NAMESPACE, APP), user=USER)

    def mark(self) -> None:
        """Let the trace begin here: what was before is only the way to it."""
        self.begun = len(self.server.record.requests)

    # ---- seeing

    @property
    def fooset(self) -> Object:
        """The FooSet as it is."""
        found = self.server.get(FOOSETS, Key(NAMESPACE, APP))
        assert found is not None
        return found

    async def rest(self) -> None:
        """Wait until nothing was written for so long that nobody can have anything to say any more."""
        with anyio.move_on_after(REST_WITHIN_SECONDS):
            while not await self.is_quiet(QUIET_SECONDS + 2 * self.lag):
                pass
            return
        raise RestlessError(f"no rest within {REST_WITHIN_SECONDS} s")

    async def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is written for so many seconds."""
        version = self.server.storage.version
        if version > self.versions_max:
            raise RestlessError(f"no rest after {version} versions")
        await anyio.sleep(seconds)
        return self.server.storage.version == version


Story = Callable[[Cell], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a story."""

    record: Record
    begun: int
    rest: datetime
    lag: float
    objects: Mapping[str, list[Object]]
    failures: Mapping[Component, list[str]]
    writes: Mapping[Component, int]
    strikes: int
    arrivals: Mapping[str, Sequence[Arrival]]
    """What each component, by its user, had been told when."""

    @property
    def history(self) -> History:
        """The recording, as invariants judge it."""
        versions = [Version(one.type, _whole(one.resource, one.object), one.at) for one in self.record.versions]
        return History.of(versions, [_write(request) for request in self.record.writes])

    def violations(self, reference: History | None = None) -> list[Violation]:
        """Return what did not hold."""
        return judge(self.history, At(self.rest, self.lag, reference=reference))


def play(story: Story, order: Order = FIXED, strike: Strike = nobody) -> Played:
    """Play a story from an empty cell to its rest, and ten minutes beyond."""

    async def main() -> Played:
        cell, restless = Cell(order, strike), None
        async with anyio.create_task_group() as group:
            group.start_soon(cell.kubelets.run)
            group.start_soon(garbage.run, cell.server)
            for component in cell.components.values():
                group.start_soon(component.run)
            try:
                await _told(story, cell)
            except RestlessError as error:
                restless = error
            group.cancel_scope.cancel()
        if restless is not None:
            raise restless
        return _played(cell)

    return in_virtual_time(main, alone=True)


async def _told(story: Story, cell: Cell) -> None:
    await story(cell)
    await cell.rest()
    cell.rested = cell.server.storage.clock()
    await anyio.sleep(WATCHED_SECONDS)


def _played(cell: Cell) -> Played:
    return Played(
        record=cell.server.record,
        begun=cell.begun,
        rest=cell.rested,
        lag=cell.lag,
        objects={plural: cell.server.all(kind.resource) for plural, kind in BY_PLURAL.items()},
        failures={name: one.failures.kinds for name, one in cell.components.items()},
        writes={name: one.writes for name, one in cell.components.items()},
        strikes=sum(one.strikes for one in cell.components.values()),
        arrivals={one.transport.user: one.transport.arrivals for one in cell.components.values()},
    )


def _whole(plural: str, found: Mapping[str, Any]) -> Object:
    resource = BY_PLURAL[plural].resource
    return {**found, "kind": resource.kind, "apiVersion": resource.api_version}


def _write(request: Request) -> Write:
    return Write(
        request.user,
        request.verb,
        request.resource,
        request.namespace,
        request.name,
        request.code,
        request.at,
        request.body,
    )
