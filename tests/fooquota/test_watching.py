"""The component as a process: what it asks the API server for, and when it is ready and alive."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from e2e.audit import identity
from foosets.api.meta import FOOQUOTAS, SERVICEFOOSETS, Key
from foosets.api.names import Component
from foosets.fooquota.controller import assemble
from foosets.runtime.controller import Clocks
from foosets.runtime.manager import Outside, Process
from foosets.runtime.metrics import Metrics
from foosets.runtime.probes import SILENT_WATCH_SECONDS, Health
from foosets.runtime.settings import Settings
from foosets.runtime.telemetry import Tracing
from tests.builders import service_spec
from tests.fake.apiserver import START, FakeApiServer, loop_clock
from tests.fake.transport import FakeTransport, Sent
from tests.virtualtime import in_virtual_time

QUOTA = {"metadata": {"name": "team", "namespace": "ns"}, "spec": {"hard": {"pods": "3"}}}
SERVICE = {"metadata": {"name": "web", "namespace": "ns"}, "spec": service_spec(replicas=2)}


class Asked:
    """Remembers which resources were asked for, and may keep one from being answered."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.silenced = ""

    async def before(self, sent: Sent) -> None:
        """See `Hook`."""
        self.paths.append(sent.path.partition("?")[0])
        if self.silenced and self.silenced in sent.path:
            await anyio.sleep_forever()

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        """See `Hook`."""

    def for_pods(self) -> bool:
        """Whether anybody asked for pods."""
        return any(path.endswith("/pods") for path in self.paths)


class Stage:
    """A server with the process beside it."""

    def __init__(self) -> None:
        self.server = FakeApiServer(loop_clock(), random.Random(0), namespaces=("ns",))
        self.asked, self.health = Asked(), Health()

    def quota(self) -> dict[str, Any]:
        found = self.server.get(FOOQUOTAS, Key("ns", "team"))
        assert found is not None
        return found["status"]

    async def run(self) -> None:
        transport = FakeTransport(self.server, identity(Component.FOOQUOTA), hook=self.asked, rng=random.Random(1))
        clocks = Clocks(lambda: START.timestamp() + anyio.current_time(), anyio.current_time)
        process = Process(Component.FOOQUOTA, Settings(), Outside(transport, Tracing(), clocks, random.Random(2)))
        await process.run(assemble, Metrics(), self.health, _at_once)


async def _at_once(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def main() -> None:
        stage = Stage()
        async with anyio.create_task_group() as group:
            group.start_soon(stage.run)
            await story(stage)
            group.cancel_scope.cancel()

    in_virtual_time(main, alone=True)


def test_without_a_quota_no_pod_is_watched_and_the_process_is_ready() -> None:
    async def story(stage: Stage) -> None:
        stage.server.create(SERVICEFOOSETS, SERVICE)
        await anyio.sleep(SILENT_WATCH_SECONDS + 60)

        assert not stage.asked.for_pods()
        assert (stage.health.ready, [check() for check in stage.health.checks]) == (True, [""] * 5)

    play(story)


def test_the_first_quota_begins_the_watch_and_is_answered_when_all_pods_are_known() -> None:
    async def story(stage: Stage) -> None:
        stage.server.create(SERVICEFOOSETS, SERVICE)
        await anyio.sleep(SILENT_WATCH_SECONDS + 60)
        stage.server.create(FOOQUOTAS, QUOTA)
        await anyio.sleep(1)

        assert stage.asked.for_pods()
        assert [entry["name"] for entry in stage.quota()["reservations"]] == ["web"]
        assert [check() for check in stage.health.checks] == [""] * 6

    play(story)


def test_who_starts_beside_a_quota_is_not_ready_and_plans_nothing_before_all_pods_are_known() -> None:
    async def story(stage: Stage) -> None:
        stage.asked.silenced = "/pods"
        stage.server.create(SERVICEFOOSETS, SERVICE)
        stage.server.create(FOOQUOTAS, QUOTA)
        await anyio.sleep(SILENT_WATCH_SECONDS + 60)

        assert not stage.health.ready
        assert "reservations" not in stage.quota()
        silent = [complaint for check in stage.health.checks if (complaint := check())]
        assert len(silent) == 1
        assert silent[0].startswith("no sign of life of pods for ")

    play(story)


def test_a_quota_that_comes_later_is_not_answered_before_all_pods_are_known() -> None:
    async def story(stage: Stage) -> None:
        stage.asked.silenced = "/pods"
        stage.server.create(SERVICEFOOSETS, SERVICE)
        await anyio.sleep(60)
        stage.server.create(FOOQUOTAS, QUOTA)
        await anyio.sleep(60)

        assert stage.health.ready
        assert "reservations" not in stage.quota()

    play(story)
