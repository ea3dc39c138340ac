"""A process that waits for its turn: its caches are filled, and nothing else grows."""

import random

import anyio

from foosets.api.meta import BATCHFOOSETS, FOOSETS, Key
from foosets.api.names import Component
from foosets.fooset.controller import assemble
from foosets.runtime.controller import Clocks
from foosets.runtime.leader import Work
from foosets.runtime.manager import Outside, Process
from foosets.runtime.metrics import Metrics
from foosets.runtime.probes import Health
from foosets.runtime.settings import Settings
from foosets.runtime.telemetry import Tracing
from tests.e2e import manifests
from tests.fake.apiserver import START, FakeApiServer, loop_clock
from tests.fake.transport import FakeTransport
from tests.virtualtime import in_virtual_time


def test_who_does_not_work_yet_collects_nothing_to_do_and_begins_with_all_that_is_there() -> None:
    async def main() -> None:
        server = FakeApiServer(loop_clock(), random.Random(0), namespaces=("default",))
        clocks = Clocks(lambda: START.timestamp() + anyio.current_time(), anyio.current_time)
        transport = FakeTransport(server, "system:serviceaccount:foosets-system:foosets-fooset", rng=random.Random(0))
        process = Process(Component.FOOSET, Settings(), Outside(transport, Tracing(), clocks, random.Random(0)))
        turn = anyio.Event()

        async def lead(work: Work) -> None:
            await turn.wait()
            await work()

        async with anyio.create_task_group() as group:
            group.start_soon(process.run, assemble, Metrics(), Health(), lead)
            for name in ("gone", "here"):
                made = manifests.small(name)
                server.create(FOOSETS, {**made, "metadata": {"name": name, "namespace": "default"}}, user="user")
            await anyio.sleep(5)
            server.delete(FOOSETS, Key("default", "gone"), user="user")
            await anyio.sleep(5)
            assert process._queue.statistics() == {"ready": 0, "working": 0, "delayed": 0}

            turn.set()
            await anyio.sleep(5)
            assert [one["metadata"]["name"] for one in server.all(BATCHFOOSETS, "default")] == ["here-workers"]
            group.cancel_scope.cancel()

    in_virtual_time(main, alone=True)
