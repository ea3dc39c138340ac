from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.names import Reason
from foosets.api.status import BlockedBy
from foosets.planning.causes import MESSAGE_MAX, Cause, blocked_by, worst_of
from foosets.planning.trace import TraceId
from foosets.planning.troubles import Trouble
from tests.builders import NOW

EARLIER = NOW.replace(microsecond=0) - timedelta(hours=1)
TRACE = TraceId("ab" * 16)
NO_FIT = Cause("BatchFooSet", "work", "Placed", Reason.NO_FIT, "0/3 nodes")
STORED = BlockedBy(
    kind="BatchFooSet", name="work", condition="Placed", reason="NoFit", message="0/2 nodes", since=EARLIER
)


def trouble(pod: str, reason: Reason, message: str = "why") -> Trouble:
    return Trouble(pod, "Ready", reason, message)


def test_no_trouble_is_no_cause() -> None:
    assert worst_of([]) is None


def test_one_trouble_is_the_cause() -> None:
    assert worst_of([trouble("a", Reason.CRASH_LOOP)]) == Cause("Pod", "a", "Ready", Reason.CRASH_LOOP, "why")


def test_of_many_the_most_frequent_reason_counts_and_of_its_pods_the_first_by_name() -> None:
    troubles = [
        trouble("a", Reason.CRASH_LOOP),
        trouble("c", Reason.IMAGE_PULL_FAILED, "no c"),
        trouble("b", Reason.IMAGE_PULL_FAILED, "no b"),
    ]
    message = "no b (and 2 other pods)"
    assert worst_of(troubles) == Cause("Pod", "b", "Ready", Reason.IMAGE_PULL_FAILED, message)


def test_the_pod_that_is_shown_stays_when_others_get_into_the_same_trouble() -> None:
    shown = blocked_by(None, worst_of([trouble("b", Reason.NO_FIT)]), TRACE, NOW)
    joined = [trouble("a", Reason.NO_FIT, "0/3"), trouble("b", Reason.NO_FIT, "0/4")]
    assert worst_of(joined, shown) == Cause("Pod", "b", "Ready", Reason.NO_FIT, "0/4 (and 1 other pod)")


@pytest.mark.parametrize(
    "others",
    [
        [trouble("a", Reason.NO_FIT), trouble("c", Reason.NO_FIT)],
        [trouble("a", Reason.CRASH_LOOP), trouble("b", Reason.NO_FIT), trouble("c", Reason.CRASH_LOOP)],
        [trouble("a", Reason.CRASH_LOOP), trouble("b", Reason.CRASH_LOOP)],
    ],
    ids=["it is out of trouble", "another reason is more frequent", "its own is another"],
)
def test_the_pod_that_is_shown_goes_when_it_is_the_example_no_more(others: list[Trouble]) -> None:
    shown = blocked_by(None, worst_of([trouble("b", Reason.NO_FIT)]), TRACE, NOW)
    cause = worst_of(others, shown)
    assert cause is not None
    assert cause.name == "a"


@given(st.permutations([trouble("a", Reason.NO_FIT), trouble("b", Reason.CRASH_LOOP), trouble("c", Reason.NO_FIT)]))
def test_the_order_of_events_does_not_matter(troubles: list[Trouble]) -> None:
    cause = worst_of(troubles)
    assert cause is not None
    assert (cause.name, cause.reason) == ("a", Reason.NO_FIT)


def test_a_message_of_any_length_fits_what_is_built_upon_it() -> None:
    cause = worst_of([trouble("a", Reason.NO_FIT, "x" * 40_000)])
    assert cause is not None
    assert len(cause.message) == MESSAGE_MAX


def test_no_cause_blocks_nothing() -> None:
    assert blocked_by(STORED, None, TRACE, NOW) is None


def test_a_new_cause_blocks_from_now_on() -> None:
    found = blocked_by(None, NO_FIT, TRACE, NOW)
    assert found == BlockedBy(
        kind="BatchFooSet",
        name="work",
        condition="Placed",
        reason="NoFit",
        message="0/3 nodes",
        since=NOW.replace(microsecond=0),
        trace_id=TRACE,
    )


SAME = {
    "the same": (NO_FIT, True),
    "another reason": (Cause("BatchFooSet", "work", "Placed", Reason.QUOTA_EXCEEDED, "0/2 nodes"), False),
    "another object": (Cause("Pod", "work-0", "Placed", Reason.NO_FIT, "0/2 nodes"), False),
    "another condition": (Cause("BatchFooSet", "work", "Ready", Reason.NO_FIT, "0/2 nodes"), False),
}


@pytest.mark.parametrize(("cause", "same"), SAME.values(), ids=SAME.keys())
def test_a_cause_keeps_its_since_whatever_its_message_counts(cause: Cause, same: bool) -> None:  # noqa: FBT001
    found = blocked_by(STORED, cause, TRACE, NOW)
    assert found is not None
    assert (found.since == EARLIER) is same
    assert found.message == cause.message
