"""Two of every component work at once, each sure that it leads, and each with caches that are late in their own way.

However it came to that (a lease that somebody edited, a fence whose clock stood still), a Lease is no safety argument:
nothing is lost, nothing doubled, nothing left over, and there is an end to it.
"""

import os
from collections import Counter
from collections.abc import Iterator

import anyio
import pytest

from e2e.invariants.existence import no_orphans, nothing_doubled, nothing_lost
from e2e.invariants.history import Violation
from tests.fake.kinds import BY_PLURAL
from tests.sequences.case import reference
from tests.sequences.cell import Cell, Played, Story, play
from tests.sequences.component import Running
from tests.sequences.orders import FIXED, Order, nobody
from tests.sequences.stories import CONTESTED, STORIES
from tests.sequences.trace import shortened

pytestmark = pytest.mark.timeout(120)

SEEDS = int(os.environ.get("LEADERS", "2"))
"""Orders for each story; 56 make 504 histories."""
OTHERS = 1_000_000
"""What is added to the seed of the second ones, so that their lateness is not the first ones'."""


def with_two_leaders(story: Story, order: Order, late: float | None = None) -> Story:
    """Have a second process of each component work from the beginning to the rest, perhaps `late` in all it sees."""

    async def told(cell: Cell) -> None:
        other = Order((order.seed or 0) + OTHERS)
        async with anyio.create_task_group() as group:
            for component in other.components():
                second = Running(component, cell.server, other, nobody)
                if late is not None:
                    for plural in BY_PLURAL:
                        second.transport.lag.set(plural, late, late)
                group.start_soon(second.run)
            await story(cell)
            cell.lag = max(cell.lag, late or 0.0)
            await cell.rest()
            group.cancel_scope.cancel()

    return told


def violations(played: Played) -> Iterator[Violation]:
    """Yield what of I1 to I3 does not hold."""
    yield from nothing_doubled(played.history)
    yield from nothing_lost(played.history)
    yield from no_orphans(played.history)


@pytest.mark.parametrize("story", STORIES)
def test_two_leaders_do_together_what_one_would_have_done(story: str) -> None:
    refused = 0
    for seed in range(SEEDS):
        played = play(with_two_leaders(STORIES[story], Order(seed)), Order(seed))
        assert list(violations(played)) == [], f"{story}, seed {seed}"
        assert not any("bug" in failures for failures in played.failures.values()), f"{story}, seed {seed}"
        refused += sum(request.code == 409 for request in played.record.writes)
    assert refused, "the two never met"


@pytest.mark.parametrize("late", [5.0, 300.0])
@pytest.mark.parametrize("story", sorted(STORIES.keys() - CONTESTED))
def test_a_second_leader_that_sees_everything_late_creates_no_pod_too_many(story: str, late: float) -> None:
    played = play(with_two_leaders(STORIES[story], FIXED, late))
    assert list(violations(played)) == []
    assert created(played) == created(reference(story))


def created(played: Played) -> Counter[tuple[str, str]]:
    """Count what came to be, whatever the uids of owners are; two leaders may tell more causes than one."""
    made = (one for one in played.record.writes if one.code == 201 and one.resource != "events")
    return Counter((one.resource, shortened(one.name)) for one in made)
