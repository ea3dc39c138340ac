"""A container that ends again and again is one cause, told once; soon after it stays up there is none."""

from functools import partial
from typing import Any, Final

import anyio
import pytest

from foosets.api.meta import BATCHFOOSETS, PODS, SERVICEFOOSETS, Key
from tests.e2e import manifests
from tests.e2e.story import is_true
from tests.fake.pods import moment
from tests.sequences.cell import APP, NAMESPACE, Cell, play

PAUSES: Final = (10, 20, 40, 80, 160, 300, 300)
"""How long a kubelet waits before each start, in seconds. The first start after the first end is at once."""
LIVES_FOR: Final = 2.0
UNNOTICED_FOR: Final = 12.0
"""How long a container has ended before its kubelet says that it waits."""
OVER_WITHIN: Final = 30.0

PARTS: Final = {
    "service": (manifests.fooset(APP, service={"server": manifests.service(2)}), SERVICEFOOSETS),
    "batch": (manifests.fooset(APP, batch={"server": manifests.batch(2, run_seconds="60000")}), BATCHFOOSETS),
}


@pytest.mark.parametrize("probed", [True, False], ids=["never ready", "ready while it runs"])
@pytest.mark.parametrize("part", PARTS)
def test_a_crash_loop_is_one_cause_and_goes_when_the_container_stays_up(part: str, *, probed: bool) -> None:
    manifest, resource = PARTS[part]

    async def story(cell: Cell) -> None:
        cell.versions_max = 2000
        cell.apply(manifest)
        await anyio.sleep(5)
        first, second = (pod["metadata"]["name"] for pod in cell.server.all(PODS, NAMESPACE))
        causes = set[tuple[str, ...]]()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(crash_on, cell, first, probed=probed))
            await anyio.sleep(17)
            group.start_soon(partial(crash_on, cell, second, probed=probed))
            for _ in range(sum(PAUSES)):
                causes |= {blamed(cell.fooset), blamed(cell.server.all(resource, NAMESPACE)[0])}
                await anyio.sleep(1)
        assert len(causes) == 1, "it neither goes nor changes, nor is it of another time"
        assert sorted(told(cell)) == sorted(["FooSet", "BatchFooSet" if part == "batch" else "ServiceFooSet"])
        for name in (first, second):
            report(cell, name, {"running": {}}, restarts=9, ready=True)
        await anyio.sleep(OVER_WITHIN)
        assert "blockedBy" not in cell.fooset["status"]
        assert is_true(cell.fooset, "Ready")

    play(story)


async def crash_on(cell: Cell, pod: str, *, probed: bool) -> None:
    """Report what a kubelet does of a container that runs for two seconds, whether or not something probes it."""
    for restarts, pause in enumerate(PAUSES, 1):
        report(cell, pod, {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {pause}s"}}, restarts)
        await anyio.sleep(pause)
        report(cell, pod, {"running": {}}, restarts + 1, ready=not probed)
        await anyio.sleep(LIVES_FOR)
        report(cell, pod, {"terminated": {"exitCode": 1, "reason": "Error"}}, restarts + 1)
        await anyio.sleep(UNNOTICED_FOR)
    report(cell, pod, {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}, len(PAUSES) + 1)


def report(cell: Cell, pod: str, state: dict[str, Any], restarts: int, *, ready: bool = False) -> None:
    key = Key(NAMESPACE, pod)
    found = cell.server.get(PODS, key)
    assert found is not None
    at = moment(cell.server.storage.clock())
    kept = [one for one in found["status"]["conditions"] if one["type"] != "Ready"]
    status = {
        "conditions": [*kept, {"type": "Ready", "status": str(ready), "lastTransitionTime": at}],
        "containerStatuses": [
            {"name": "main", "image": "x", "imageID": "", "ready": ready, "restartCount": restarts, "state": state}
        ],
    }
    cell.server.change(PODS, key, {"status": status}, subresource="status", user="kubelet")


def blamed(one: dict[str, Any]) -> tuple[str, ...]:
    """What a set says that it is blocked by, but for the message, which says how long the kubelet waits."""
    blocked = one["status"].get("blockedBy", {})
    return tuple(blocked[field] for field in ("name", "reason", "since") if field in blocked)


def told(cell: Cell) -> list[str]:
    """Of what kinds the objects are that an Event of a crash loop is about, one for each Event."""
    events = [one.object for one in cell.server.record.versions if one.resource == "events" and one.type == "ADDED"]
    return [event["regarding"]["kind"] for event in events if event["reason"] == "CrashLoop"]
