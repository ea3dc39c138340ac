"""One of our components in a cell, which is started again whenever it was killed."""

import base64
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from e2e.audit import identity
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, SERVICEFOOSETS
from foosets.api.names import Component
from foosets.kube.transport import INACTIVITY_SECONDS
from foosets.runtime.controller import Clocks
from foosets.runtime.manager import Assemble, Outside, Process
from foosets.runtime.metrics import Metrics
from foosets.runtime.probes import Health
from foosets.runtime.settings import Assignment, Settings
from foosets.runtime.telemetry import Tracing
from tests.fake.apiserver import START, FakeApiServer
from tests.fake.transport import FakeTransport, Hook
from tests.sequences.orders import Order, Strike, Way

RESTART_SECONDS: Final = 1.0
BEHIND_SECONDS: Final = 3.0
"""How old a list may be for whoever does not ask for a new one."""


NOTED: Final = frozenset({FOOQUOTAS.plural, BATCHFOOSETS.plural, SERVICEFOOSETS.plural})
"""The resources of which it is noted what a component had been told when: what decides how many pods it makes."""


class Arrival(NamedTuple):
    """That a component had been told of a resource up to a version."""

    at: datetime
    resource: str
    version: int


class Failures(Metrics):
    """Metrics that remember what kinds of failure there were."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def failed(self, kind: str) -> None:
        """See `Metrics`."""
        self.kinds.append(kind)
        super().failed(kind)


class Behind(FakeTransport):
    """A client whose lists come from a cache that is behind, if it says that it does not mind: `resourceVersion=0`."""

    def __init__(self, server: FakeApiServer, user: str, *, hook: Hook, rng: random.Random) -> None:
        super().__init__(server, user, hook=hook, rng=rng)
        self.arrivals: list[Arrival] = []

    async def request(self, method: str, path: str, body: bytes = b"", **how: Any) -> bytes:
        """See `Transport`."""
        if "resourceVersion=0" in path:
            path = path.replace("resourceVersion=0", f"continue={self._token()}")
        answer = await super().request(method, path, body, **how)
        if method == "GET":
            self._note(path, lambda: _of_a_list(answer).metadata)
        return answer

    @asynccontextmanager
    async def watch(
        self, path: str, *, inactivity: float = INACTIVITY_SECONDS
    ) -> AsyncGenerator[AsyncIterator[list[bytes]], None]:
        """See `Transport`."""
        async with super().watch(path, inactivity=inactivity) as lines, aclosing(self._noting(path, lines)) as noted:
            yield noted

    async def _noting(self, path: str, lines: AsyncIterator[list[bytes]]) -> AsyncGenerator[list[bytes], None]:
        async for told in lines:
            self._note(path, lambda told=told: _of_an_event(told[-1]).object.metadata)
            yield told

    def _note(self, path: str, metadata: Callable[[], "_Metadata"]) -> None:
        resource = path.partition("?")[0].rpartition("/")[2]
        if resource in NOTED:
            self.arrivals.append(Arrival(self._api.storage.clock(), resource, int(metadata().resource_version)))

    def _token(self) -> str:
        """Return the token of a list that began when the cache was up to date."""
        storage = self._api.storage
        since = storage.clock() - timedelta(seconds=BEHIND_SECONDS)
        past = [version.resource_version for version in storage.record.versions if version.at <= since]
        token = {"version": max(past, default=1), "namespace": "", "name": ""}
        return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str = "0"


class _Versioned(msgspec.Struct):
    metadata: _Metadata


class _Event(msgspec.Struct):
    object: _Versioned


_of_a_list: Final = msgspec.json.Decoder(_Versioned).decode
_of_an_event: Final = msgspec.json.Decoder(_Event).decode


class Running:
    """Everything about one component; `run` it in a task group."""

    def __init__(self, component: Component, server: FakeApiServer, order: Order, strike: Strike) -> None:
        self.component = component
        self.failures = Failures()
        self.deaths = 0
        self._order = order
        latency = None if order.seed is None else order.generator(f"latency of {component}")
        self._way = Way(component, latency, strike, self.kill)
        chance = order.generator(f"watches of {component}")
        self.transport = Behind(server, identity(component), hook=self._way, rng=chance)
        order.delay(component, self.transport.lag)
        self._life = anyio.CancelScope()

    @property
    def writes(self) -> int:
        """How many writes it has sent, in all its lives."""
        return self._way.writes

    @property
    def strikes(self) -> int:
        """How often something happened to it."""
        return self._way.strikes

    def kill(self) -> None:
        """End it on the spot."""
        self.deaths += 1
        self._life.cancel()

    async def run(self) -> None:
        """Keep it running."""
        assemble: Assemble = import_module(f"foosets.{self.component}.controller").assemble
        while True:
            with anyio.CancelScope() as self._life:
                await self._process().run(assemble, self.failures, Health(), _at_once)
            await anyio.sleep(RESTART_SECONDS)

    def _process(self) -> Process:
        settings = Settings(scheduler_assignment=Assignment.CONTROLLER)
        clocks = Clocks(lambda: START.timestamp() + anyio.current_time(), anyio.current_time)
        chance = self._order.generator(f"{self.component}, life {self.deaths}")
        return Process(self.component, settings, Outside(self.transport, Tracing(), clocks, chance))


async def _at_once(work: Callable[[], Awaitable[None]]) -> None:
    await work()
