from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.names import Reason
from foosets.api.status import BlockedBy
from foosets.planning.causes import MESSAGE_MAX, Cause, blocked_by, deepest, on_the_set, worst_of
from foosets.planning.trace import TraceId
from foosets.planning.troubles import Trouble
from tests.builders import NOW

EARLIER = NOW.replace(microsecond=0) - timedelta(hours=1)
TRACE = TraceId("ab" * 16)
NO_FIT = Cause("BatchFooSet", "work", "Placed", Reason.NO_FIT, "0/3 nodes")
STORED = BlockedBy(
    kind="BatchFooSet", name="work", condition="Placed", reason="NoFit", message="0/2 nodes", since=EARLIER
)


def trouble(pod: str, reason: Reason, message: str = "why", *, at: int = 0, revision: str = "new") -> Trouble:
    return Trouble(pod, "Ready", reason, message, f"2026-03-01T12:00:{at:02}Z", revision)


def test_no_trouble_is_no_cause() -> None:
    assert worst_of([]) is None


def test_one_trouble_is_the_cause() -> None:
    assert worst_of([trouble("a", Reason.CRASH_LOOP)]) == Cause("Pod", "a", "Ready", Reason.CRASH_LOOP, "why")


def test_of_many_the_one_that_is_in_trouble_for_longest_is_the_cause_then_by_name() -> None:
    troubles = [
        trouble("a", Reason.IMAGE_PULL_FAILED, at=2),
        trouble("c", Reason.CRASH_LOOP, "no c", at=1),
        trouble("b", Reason.NO_FIT, "no b", at=1),
        trouble("d", Reason.IMAGE_PULL_FAILED, at=2),
    ]
    message = "no b (and 3 other pods)"
    assert worst_of(troubles) == Cause("Pod", "b", "Ready", Reason.NO_FIT, message)


def test_the_pod_that_is_shown_stays_whatever_trouble_others_are_in() -> None:
    shown = blocked_by(None, worst_of([trouble("b", Reason.NO_FIT)]), TRACE, NOW)
    joined = [
        trouble("a", Reason.NO_FIT, "0/3"),
        trouble("b", Reason.NO_FIT, "0/4", at=1),
        trouble("c", Reason.CRASH_LOOP),
    ]
    assert worst_of(joined, shown) == Cause("Pod", "b", "Ready", Reason.NO_FIT, "0/4 (and 2 other pods)")


@pytest.mark.parametrize(
    "others",
    [
        [trouble("a", Reason.NO_FIT), trouble("c", Reason.NO_FIT)],
        [trouble("a", Reason.CRASH_LOOP), trouble("b", Reason.CRASH_LOOP)],
    ],
    ids=["it is out of trouble", "its own is another"],
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


@pytest.mark.parametrize(("others", "end"), [([], "x"), ([trouble("b", Reason.NO_FIT)], " (and 1 other pod)")])
def test_a_message_of_any_length_fits_what_is_built_upon_it_and_counts(others: list[Trouble], end: str) -> None:
    cause = worst_of([trouble("a", Reason.NO_FIT, "x" * 40_000), *others])
    assert cause is not None
    assert len(cause.message) == MESSAGE_MAX
    assert cause.message.endswith(f"x{end}")


CURRENT = trouble("n", Reason.CRASH_LOOP, at=1)
OLDER = trouble("o", Reason.IMAGE_PULL_FAILED, revision="old")
DEEPEST: dict[str, tuple[list[Trouble], Cause | None, tuple[str, str] | None]] = {
    "nothing": ([], None, None),
    "the set's own, if nothing is wrong with its pods": ([], NO_FIT, ("BatchFooSet", "work")),
    "a pod before the set": ([CURRENT], NO_FIT, ("Pod", "n")),
    "a pod of its template before one that is to make way": ([OLDER, CURRENT], NO_FIT, ("Pod", "n")),
    "what keeps others from making way before them": ([OLDER], NO_FIT, ("BatchFooSet", "work")),
    "a pod that is to make way, if nothing is in the way of that": ([OLDER], None, ("Pod", "o")),
}


@pytest.mark.parametrize(("troubles", "own", "expected"), DEEPEST.values(), ids=DEEPEST.keys())
def test_the_deepest_is_the_cause(troubles: list[Trouble], own: Cause | None, expected: tuple[str, str] | None) -> None:
    cause = deepest(troubles, "new", own)
    assert (cause and (cause.kind, cause.name)) == expected


def test_the_set_says_its_own_cause_where_a_pod_is_the_root_cause() -> None:
    of_pod = worst_of([CURRENT])
    failed = Cause("BatchFooSet", "work", "Failed", Reason.BACKOFF_LIMIT_EXCEEDED, "too many")
    assert on_the_set(of_pod, NO_FIT) == NO_FIT
    assert on_the_set(of_pod, None) == of_pod
    assert on_the_set(failed, NO_FIT) == failed
    assert on_the_set(None, NO_FIT) is None


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
