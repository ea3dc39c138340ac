from dataclasses import replace

import pytest

from foosets.api.names import Reason
from foosets.planning.obstacles import Obstacle, held_back, holds_deletions
from tests.builders import NOW

AT = NOW.timestamp()


def obstacle(retry_at: float, reason: Reason = Reason.QUOTA_EXCEEDED, message: str = "no") -> Obstacle:
    return Obstacle(reason, message, AT - 60, retry_at)


@pytest.mark.parametrize(
    ("found", "seconds"),
    [(None, None), (obstacle(AT + 2.5), 2.5), (obstacle(AT), None), (obstacle(AT - 1), None)],
    ids=["the way is free", "met a moment ago", "due", "overdue"],
)
def test_nothing_is_tried_again_before_its_time(found: Obstacle | None, seconds: float | None) -> None:
    assert held_back(found, NOW) == seconds


@pytest.mark.parametrize(
    ("found", "held"),
    [
        (None, False),
        (obstacle(AT + 2.5), False),
        (replace(obstacle(AT + 2.5), deleting=True), True),
        (replace(obstacle(AT), deleting=True), False),
    ],
    ids=["the way is free", "met by a creation", "met by a deletion", "due"],
)
def test_deletions_wait_for_what_deletions_have_met(found: Obstacle | None, held: bool) -> None:  # noqa: FBT001
    assert holds_deletions(found, NOW) is held


def test_an_obstacle_that_may_be_gone_is_worth_a_try_and_stays_the_same_cause() -> None:
    met = obstacle(AT + 60)
    assert held_back(met.worth_a_try(), NOW) is None
    assert met.worth_a_try().same_cause(met)
    assert met.worth_a_try().since == met.since


@pytest.mark.parametrize(
    "other",
    [None, obstacle(AT, Reason.NO_FIT), obstacle(AT, message="still no")],
    ids=["none", "another reason", "another message"],
)
def test_a_user_is_told_when_the_cause_reads_differently(other: Obstacle | None) -> None:
    assert not obstacle(AT).same_cause(other)
    assert obstacle(AT).same_cause(obstacle(AT + 99))
