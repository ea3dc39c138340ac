"""A watch that is ten minutes late: nothing is created twice, and in the end all is as if it had been on time."""

import pytest

from e2e.invariants.cost import summary
from tests.sequences.case import reference
from tests.sequences.cell import Cell, play
from tests.sequences.stories import app, service_with

LATE_SECONDS = 600.0
RESOURCES = ("pods", "batchfoosets", "servicefoosets", "foosets", "nodes")

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("plural", RESOURCES)
def test_a_first_rollout_creates_no_pod_too_many(plural: str) -> None:
    async def late(cell: Cell) -> None:
        cell.delay(plural, LATE_SECONDS)
        cell.apply(app())
        await cell.rest(2 * LATE_SECONDS)

    played = play(late)
    assert played.violations() == []
    assert summary(played.history) == summary(reference("first_rollout").history)


@pytest.mark.parametrize("plural", RESOURCES)
def test_scaling_up_creates_no_pod_too_many(plural: str) -> None:
    async def late(cell: Cell) -> None:
        cell.apply(app())
        await cell.rest()
        cell.delay(plural, LATE_SECONDS)
        cell.edit(service_with(replicas=4))
        await cell.rest(2 * LATE_SECONDS)

    played = play(late)
    assert played.violations() == []
    assert summary(played.history) == summary(reference("scale_up").history)
