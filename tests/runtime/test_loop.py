import random

import anyio
import anyio.lowlevel
import pytest
from prometheus_client import generate_latest

from foosets.api.meta import Key
from foosets.kube.errors import Conflict, Forbidden, ServerFault, Throttled, Unreachable
from foosets.runtime.backoff import CAP_SECONDS, FIRST_SECONDS, JITTER, Backoff
from foosets.runtime.loop import CONFLICT_SECONDS, Loop
from foosets.runtime.metrics import Metrics
from foosets.runtime.queue import KeyQueue

POISON, HEALTHY = Key("ns", "poison"), Key("ns", "healthy")

JUDGED = [
    (Conflict(409, "Conflict", "stale"), "conflict", CONFLICT_SECONDS, CONFLICT_SECONDS * (1 + JITTER)),
    (Throttled(429, "TooManyRequests", "busy", 7.0), "throttled", 7.0, 7.0),
    (ServerFault(503, "Unavailable", "down"), "transient", FIRST_SECONDS, FIRST_SECONDS * (1 + JITTER)),
    (Unreachable("reset"), "transient", FIRST_SECONDS, FIRST_SECONDS * (1 + JITTER)),
    (Forbidden(403, "Forbidden", "no role"), "refused", FIRST_SECONDS, FIRST_SECONDS * (1 + JITTER)),
    (KeyError("a bug"), "bug", FIRST_SECONDS, FIRST_SECONDS * (1 + JITTER)),
]


class Delays(KeyQueue):
    """A queue that remembers when keys are to come back instead of bringing them."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.asked: list[tuple[Key, float]] = []

    def add_after(self, key: Key, seconds: float) -> None:
        self.asked.append((key, seconds))


@pytest.mark.parametrize(("error", "kind", "least", "most"), JUDGED, ids=[type(case[0]).__name__ for case in JUDGED])
async def test_each_error_has_its_delay_and_no_other_key_suffers(
    error: Exception, kind: str, least: float, most: float
) -> None:
    queue, metrics, served = Delays(), Metrics(), anyio.Event()

    async def reconcile(key: Key) -> None:
        if key == POISON:
            raise error
        served.set()

    queue.add(POISON)
    queue.add(HEALTHY)
    async with anyio.create_task_group() as group:
        group.start_soon(Loop(queue, reconcile, Backoff(random.Random(0))).run, 1, metrics)
        await served.wait()
        group.cancel_scope.cancel()

    [(key, seconds)] = queue.asked
    assert key == POISON
    assert least <= seconds <= most
    assert f'foosets_reconcile_failures_total{{kind="{kind}"}} 1.0' in generate_latest(metrics.registry).decode()


async def test_a_conflict_that_the_cache_never_learns_of_is_no_hot_loop() -> None:
    queue = Delays()
    conflicts = 10

    async def reconcile(_: Key) -> None:
        raise Conflict(409, "Conflict", "stale")

    async with anyio.create_task_group() as group:
        group.start_soon(Loop(queue, reconcile, Backoff(random.Random(0))).run, 1, Metrics())
        for looks in range(1, conflicts + 1):
            queue.add(POISON)
            while len(queue.asked) < looks:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    delays = [seconds for _, seconds in queue.asked]
    assert delays[0] <= CONFLICT_SECONDS * (1 + JITTER)
    assert sum(delays) > 60 * CONFLICT_SECONDS * conflicts


def test_failures_in_a_row_wait_longer_up_to_a_cap_and_success_forgets_them() -> None:
    backoff = Backoff(random.Random(0))

    delays = [backoff.failed(POISON) for _ in range(20)]

    assert delays[0] < delays[3] < delays[6]
    assert max(delays) <= CAP_SECONDS * (1 + JITTER)
    backoff.succeeded(POISON)
    assert backoff.failed(POISON) <= FIRST_SECONDS * (1 + JITTER)
