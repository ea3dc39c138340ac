"""A watch that is ten minutes late: nothing is created twice, and in the end all is as if it had been on time."""

import anyio
import pytest

from tests.sequences.case import Case, problems
from tests.sequences.cell import Cell, play
from tests.sequences.orders import Order
from tests.sequences.stories import app

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("late", ["pods", "batchfoosets", "servicefoosets", "foosets", "nodes"])
@pytest.mark.parametrize("story", ["first_rollout", "scale_up"])
def test_a_late_watch_costs_time_and_no_pod(story: str, late: str) -> None:
    assert problems(Case(story, late=late)) == []


@pytest.mark.parametrize("seconds", [2.2, 3.0, 6.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_set_that_is_gone_gets_no_child_again_while_its_watch_is_late(seed: int, seconds: float) -> None:
    async def deleted_behind_a_late_watch(cell: Cell) -> None:
        cell.apply(app())
        await anyio.sleep(seconds)
        cell.delay("foosets", 60.0)
        cell.delete()

    played = play(deleted_behind_a_late_watch, Order(seed))

    made = [write.name for write in played.history.writes if write.verb == "patch" and "foosets" in write.resource]
    read = [one for one in played.record.requests if (one.verb, one.resource) == ("get", "foosets")]
    assert len(made) == len(set(made)) == 2
    assert len(read) <= 20  # a minute, and the pause between two tries grows
