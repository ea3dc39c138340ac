"""A part that is refused keeps no other from being made, and none from going that was removed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio
import pytest

from foosets.api.meta import BATCHFOOSETS, SERVICEFOOSETS
from foosets.api.names import Component
from foosets.kube.errors import AdmissionDenied, ApiError, QuotaRefused
from tests.e2e import manifests
from tests.fake.transport import Hook, Sent
from tests.sequences.cell import APP, NAMESPACE, Cell, play
from tests.sequences.test_refusals import Refuser

DENIED: Final = AdmissionDenied(403, "Forbidden", "admission webhook denied the request: no batch here")
USED_UP: Final = QuotaRefused(403, "Forbidden", "exceeded quota: sets, requested: count/servicefoosets=1")
WITHIN: Final = 40.0
"""Two of the longest pauses: whatever is not made or gone by then never will be."""


@dataclass(slots=True)
class OnePlace:
    """The hook of the fooset controller in a namespace where one ServiceFooSet may be."""

    inner: Hook
    cell: Cell

    async def before(self, sent: Sent) -> None:
        await self.inner.before(sent)
        path = sent.path.partition("?")[0]
        others = set(services(self.cell)) - {path.rpartition("/")[2]}
        if sent.method == "PATCH" and "/servicefoosets/" in path and others and not path.endswith("/status"):
            raise USED_UP

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        await self.inner.after(sent, code, body)


def services(cell: Cell) -> list[str]:
    return [one["metadata"]["name"] for one in cell.server.all(SERVICEFOOSETS, NAMESPACE)]


def batches(cell: Cell) -> list[str]:
    return [one["metadata"]["name"] for one in cell.server.all(BATCHFOOSETS, NAMESPACE)]


def refuse(cell: Cell, target: str, error: ApiError = DENIED) -> None:
    """Refuse the fooset controller to write what has such a name."""
    transport = cell.components[Component.FOOSET].transport
    transport.hook = Refuser(transport.hook, "PATCH", re.compile(target), error, armed=True)


async def changed_after_a_restart(cell: Cell, change: Callable[[Cell], None], **parts: manifests.Manifest) -> None:
    """Let a service run, and the fooset controller begin anew, which has no experience with the set then."""
    cell.apply(manifests.fooset(APP, service={"old": manifests.service(1)}))
    await cell.rest()
    cell.components[Component.FOOSET].kill()
    change(cell)
    cell.edit(lambda spec: spec.update({"batch": [], "service": []} | manifests.fooset(APP, **parts)["spec"]))
    await anyio.sleep(WITHIN)


def test_a_refused_part_keeps_no_other_from_being_made() -> None:
    async def story(cell: Cell) -> None:
        refuse(cell, "/batchfoosets/app-(a|c)$")
        names = ("a", "b", "c", "d")
        batch = {name: manifests.batch(1, run_seconds="6000") for name in names}
        cell.apply(manifests.fooset(APP, batch=batch, service={"server": manifests.service(1)}))
        await anyio.sleep(5)
        assert (batches(cell), services(cell)) == (["app-b", "app-d"], ["app-server"])
        assert cell.fooset["status"]["blockedBy"]["reason"] == "AdmissionDenied"

    play(story)


def test_a_refused_part_keeps_none_that_was_removed() -> None:
    async def story(cell: Cell) -> None:
        new = {"w": manifests.batch(1, run_seconds="6000")}
        await changed_after_a_restart(cell, lambda cell: refuse(cell, "/batchfoosets/"), batch=new)
        assert (batches(cell), services(cell)) == ([], [])

    play(story)


def test_a_part_that_a_quota_refuses_comes_when_the_one_has_gone_that_it_replaces() -> None:
    def limit(cell: Cell) -> None:
        transport = cell.components[Component.FOOSET].transport
        transport.hook = OnePlace(transport.hook, cell)

    async def story(cell: Cell) -> None:
        await changed_after_a_restart(cell, limit, service={"new": manifests.service(1)})
        assert services(cell) == ["app-new"]

    play(story)


@pytest.mark.parametrize("seconds", [1, 30])
def test_a_part_that_is_removed_while_another_is_refused_goes_at_once(seconds: float) -> None:
    async def story(cell: Cell) -> None:
        refuse(cell, "/batchfoosets/")
        cell.apply(manifests.small(APP))
        await anyio.sleep(seconds)
        assert services(cell) == ["app-server"]
        cell.edit(lambda spec: spec.update(service=[]))
        await anyio.sleep(1)
        assert services(cell) == []

    play(story)
