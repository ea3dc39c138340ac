"""A set that is deleted and made again under its name where a FooQuota is, while the old one's pods take their time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import anyio
import pytest

from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, SERVICEFOOSETS, Key, Resource
from foosets.api.names import Component
from tests.e2e import manifests
from tests.sequences.cell import APP, NAMESPACE, USER, Cell, Played, play
from tests.sequences.orders import FIXED
from tests.sequences.stories import GRACE_SECONDS, HOURS

COUNT: Final = 3
TOLD_SECONDS: Final = 2
"""How long until the new set has said what it has to say, and has made what it may."""
BACK_WITHIN: Final = 10
"""Seconds after the last pod of the old set until the new one has all its own."""
BATCH: Final = manifests.batch(COUNT, run_seconds=HOURS)
SERVICE: Final = manifests.service(COUNT)
CHILDREN: Final = {
    Component.BATCHFOOSET: (BATCHFOOSETS, manifests.fooset(APP, batch={"part": BATCH})),
    Component.SERVICEFOOSET: (SERVICEFOOSETS, manifests.fooset(APP, service={"part": SERVICE})),
}
CHILD: Final = Key(NAMESPACE, f"{APP}-part")

Look = Callable[[Cell], None]


def child_lost(part: Component, pods: int | None, look: Look, *, dies: bool = False) -> Played:
    """Play that the only child of a FooSet is deleted, where so many pods are the limit.

    The child's controller `dies` after what it writes first of the new one.
    """
    doomed = list[Component]()

    def strike(component: Component, _write: int, when: str) -> bool:
        strikes = when == "after" and component in doomed
        if strikes:
            doomed.clear()
        return strikes

    async def story(cell: Cell) -> None:
        if pods is not None:
            cell.limit(pods=str(pods))
        resource, fooset = CHILDREN[part]
        cell.apply(fooset)
        await cell.rest()
        doomed.extend([part] if dies else [])
        lose(cell, resource, CHILD)
        await watched(cell, look)
        assert ready(cell.fooset)["status"] == "True"

    return play(story, FIXED, strike)


def lose(cell: Cell, resource: Resource, key: Key) -> None:
    """Delete a set whose pods take their grace period."""
    cell.kubelets.pace = replace(cell.kubelets.pace, end=GRACE_SECONDS)
    cell.server.delete(resource, key, user=USER, propagationPolicy="Background")


async def watched(cell: Cell, look: Look) -> None:
    """Look every second while the old pods are there; then the new ones come."""
    await anyio.sleep(TOLD_SECONDS)
    for _ in range(int(GRACE_SECONDS) - TOLD_SECONDS - 1):
        await anyio.sleep(1)
        look(cell)
    await anyio.sleep(BACK_WITHIN)
    assert running(cell) == COUNT


def running(cell: Cell) -> int:
    return sum("deletionTimestamp" not in pod["metadata"] for pod in cell.server.all(PODS, NAMESPACE))


def ready(found: Any) -> Any:
    return next(one for one in found["status"]["conditions"] if one["type"] == "Ready")


def waits(cell: Cell) -> None:
    (quota,) = cell.server.all(FOOQUOTAS)
    assert (running(cell), quota["status"]["reserved"]) == (0, {"pods": str(COUNT)})


@pytest.mark.parametrize("pods", [COUNT, 2 * COUNT], ids=["no room", "room that is not reserved"])
@pytest.mark.parametrize("part", CHILDREN)
def test_a_child_that_is_made_anew_waits_for_the_pods_of_the_old_one_and_says_so(part: Component, pods: int) -> None:
    resource, _ = CHILDREN[part]
    message = f"FooQuota team: {COUNT} of {COUNT} reserved pods are still those of an earlier set of this name"

    def look(cell: Cell) -> None:
        waits(cell)
        said = ready(cell.server.get(resource, CHILD))
        assert (said["reason"], said["message"]) == ("QuotaExceeded", message)
        said = ready(cell.fooset)
        assert (said["reason"], said["message"]) == ("QuotaExceeded", f"{resource.kind} {CHILD.name}: {message}")

    assert child_lost(part, pods, look).violations() == []


@pytest.mark.parametrize("part", CHILDREN)
def test_a_controller_that_dies_meanwhile_still_counts_them_and_sees_them_go(part: Component) -> None:
    found = child_lost(part, COUNT, waits, dies=True)
    assert found.strikes == 1
    assert found.violations() == []


@pytest.mark.parametrize("part", CHILDREN)
def test_where_there_is_no_quota_nobody_waits(part: Component) -> None:
    seen = set[int]()
    child_lost(part, None, lambda cell: seen.add(running(cell)))
    assert seen == {COUNT}


ROOTS: Final = {
    FOOSETS: manifests.fooset(APP, service={"part": SERVICE})["spec"],
    BATCHFOOSETS: BATCH,
    SERVICEFOOSETS: SERVICE,
}


@pytest.mark.parametrize(
    ("resource", "pods", "has"),
    [
        (FOOSETS, COUNT, (0, 1)),
        (FOOSETS, 2 * COUNT, (COUNT, 2)),
        (BATCHFOOSETS, COUNT, (0, 1)),
        (SERVICEFOOSETS, 2 * COUNT, (COUNT, 2)),
    ],
)
def test_a_root_that_is_made_anew_has_a_reservation_of_its_own(
    resource: Resource, pods: int, has: tuple[int, int]
) -> None:
    seen = set[tuple[int, int]]()

    def look(cell: Cell) -> None:
        (quota,) = cell.server.all(FOOQUOTAS)
        seen.add((running(cell), len(quota["status"]["reservations"])))

    def make(cell: Cell) -> None:
        meta = {"name": APP, "namespace": NAMESPACE}
        cell.server.create(resource, {"metadata": meta, "spec": ROOTS[resource]}, user=USER)

    async def story(cell: Cell) -> None:
        cell.limit(pods=str(pods))
        make(cell)
        await cell.rest()
        lose(cell, resource, Key(NAMESPACE, APP))
        make(cell)
        await watched(cell, look)

    assert play(story).violations() == []
    assert seen == {has}
