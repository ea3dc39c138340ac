from datetime import timedelta

import pytest

from foosets.api.names import ConditionType, Reason
from foosets.api.status import Condition
from foosets.planning.conditions import Verdict, holds, merged, since
from tests.builders import NOW

EARLIER = NOW.replace(microsecond=0) - timedelta(hours=1)
READY = ConditionType.READY


def stored(status: str, reason: str = "Available", message: str = "") -> Condition:
    return Condition.model_validate(
        {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": EARLIER}
    )


@pytest.mark.parametrize(
    ("before", "verdict", "moved"),
    [
        ((), True, True),
        ((stored("False"),), True, True),
        ((stored("Unknown"),), False, True),
        ((stored("True"),), True, False),
        ((stored("False", "Placing", "placing"),), False, False),
    ],
    ids=["new", "turned", "was unknown", "unchanged", "another reason"],
)
def test_a_condition_keeps_its_time_while_its_status_stays(
    before: tuple[Condition, ...],
    verdict: bool,  # noqa: FBT001 - a table
    moved: bool,  # noqa: FBT001
) -> None:
    (condition,) = merged(before, [Verdict(READY, verdict, Reason.NO_FIT, "why")], NOW, 7)
    assert condition.last_transition_time == (NOW.replace(microsecond=0) if moved else EARLIER)
    assert condition.status == ("True" if verdict else "False")
    assert (condition.reason, condition.message, condition.observed_generation) == ("NoFit", "why", 7)


def test_conditions_come_in_the_order_of_the_verdicts_and_others_are_dropped() -> None:
    verdicts = [
        Verdict(ConditionType.STALLED, False, Reason.PLACING),
        Verdict(ConditionType.PLACED, True, Reason.PLACING),
    ]
    assert [condition.type for condition in merged((stored("True"),), verdicts, NOW, 1)] == ["Stalled", "Placed"]


def test_merging_again_changes_nothing() -> None:
    verdicts = [Verdict(READY, True, Reason.AVAILABLE, "all")]
    once = merged((), verdicts, NOW, 1)
    assert merged(once, verdicts, NOW + timedelta(minutes=5), 1) == once


def test_times_are_whole_seconds_as_kubernetes_has_them() -> None:
    (condition,) = merged((), [Verdict(READY, True, Reason.AVAILABLE)], NOW, 1)
    assert condition.last_transition_time.microsecond == 0


def test_only_a_true_condition_holds() -> None:
    assert holds([stored("True")], READY)
    assert not holds([stored("False")], READY)
    assert not holds([stored("True")], ConditionType.FAILED)
    assert since([stored("True")], READY) == EARLIER
    assert since([stored("False")], READY) is None
