"""A service's new template in a namespace whose ResourceQuota its old pods fill: dry runs are refused there, too."""

from dataclasses import dataclass
from typing import Any, Final

import anyio
import pytest

from foosets.api.meta import PODS
from foosets.api.names import Component
from foosets.kube.errors import QuotaRefused
from tests.e2e import manifests
from tests.fake.transport import Hook, Sent
from tests.sequences.cell import APP, NAMESPACE, Cell, play
from tests.sequences.stories import IMAGE, service_with
from tests.sequences.test_refusals import is_as_it_should, until

ROLLED_OUT_WITHIN: Final = 60.0
WATCHED_SECONDS: Final = 120.0
TOLD_SECONDS: Final = 5.0
"""How late the newest status may be."""


@dataclass(slots=True)
class FullQuota:
    """The hook of the service controller: pods are refused, tried or in earnest, while all places are taken.

    A pod of `IMAGE` takes `size` places, every other one.
    """

    inner: Hook
    cell: Cell
    places: int
    size: int = 1

    async def before(self, sent: Sent) -> None:
        await self.inner.before(sent)
        pods = self.cell.server.all(PODS, NAMESPACE)
        used = sum(self.size if image_of(pod) == IMAGE else 1 for pod in pods)
        wanted = self.size if IMAGE.encode() in sent.body else 1
        if sent.method == "POST" and "/pods" in sent.path and used + wanted > self.places:
            raise QuotaRefused(403, "Forbidden", "exceeded quota: compute-resources")

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        await self.inner.after(sent, code, body)


def image_of(pod: Any) -> str:
    return pod["spec"]["containers"][0]["image"]


async def change_template(cell: Cell, replicas: int, *, size: int) -> None:
    """Let a service run that fills a quota, and give it another image whose pods take so many places."""
    cell.apply(manifests.fooset(APP, service={"server": manifests.service(replicas)}))
    await cell.rest()
    transport = cell.components[Component.SERVICEFOOSET].transport
    transport.hook = FullQuota(transport.hook, cell, replicas, size)
    cell.edit(service_with(template=manifests.pods(cpu="100m", image=IMAGE)))


@pytest.mark.parametrize("replicas", [1, 3, 9])
def test_a_template_goes_through_whose_pods_fit_where_the_old_ones_were(replicas: int) -> None:
    async def story(cell: Cell) -> None:
        await change_template(cell, replicas, size=1)
        await until(lambda: updated(cell) == replicas and is_as_it_should(cell), ROLLED_OUT_WITHIN)

    play(story)


@pytest.mark.parametrize(("replicas", "runs"), [(3, 2), (9, 7)])
def test_one_whose_pods_do_not_fit_costs_a_quarter_of_the_pods_or_one(replicas: int, runs: int) -> None:
    async def story(cell: Cell) -> None:
        await change_template(cell, replicas, size=replicas)
        await anyio.sleep(TOLD_SECONDS)
        started = anyio.current_time()
        while anyio.current_time() - started < WATCHED_SECONDS:
            assert len(cell.server.all(PODS, NAMESPACE)) == runs
            assert cell.fooset["status"]["blockedBy"]["reason"] == "QuotaExceeded"
            await anyio.sleep(1)

    play(story)


def test_a_set_that_never_had_all_its_pods_replaces_those_that_it_has() -> None:
    async def story(cell: Cell) -> None:
        await change_template(cell, 3, size=1)
        cell.edit(service_with(replicas=5))
        await until(lambda: updated(cell) == 3, ROLLED_OUT_WITHIN)
        await anyio.sleep(TOLD_SECONDS)
        assert cell.fooset["status"]["blockedBy"]["reason"] == "QuotaExceeded"

    play(story)


def updated(cell: Cell) -> int:
    return sum(image_of(pod) == IMAGE for pod in cell.server.all(PODS, NAMESPACE))
