from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.batchfooset import BatchFooSetStatus
from foosets.api.names import Kind
from foosets.planning.indexes import Attempts, IndexSet
from foosets.planning.members import Members
from foosets.planning.rejections import FORGOTTEN_AFTER_SECONDS, Conflicts, Rejection, Rejections
from tests.builders import NOW, pod

AT_NOW = NOW.replace(microsecond=0)
TEN_MINUTES = 600.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def conflicts(stored: dict[str, Any], *pods: Any, now: datetime = NOW, recorded: Attempts | None = None) -> Conflicts:
    members = Members()
    for one in pods:
        members.observe(None, one, None)
    return Conflicts.of(BatchFooSetStatus.model_validate(stored), members, recorded or Attempts(), now)


def rejected(index: int, attempt: int = 0, **how: Any) -> Any:
    return pod(index, attempt, phase="Failed", **{"reason": "OutOfcpu"} | how)


def stored(count: int, indexes: str = "0", seconds_ago: float = 0.0) -> dict[str, Any]:
    at = (AT_NOW - timedelta(seconds=seconds_ago)).isoformat()
    last = {"pod": "work-x-0-0", "node": "n1", "reason": "OutOfcpu", "message": "no"}
    return {
        "placementConflicts": count,
        "rejections": [{"indexes": indexes, "count": count, "lastRejectedAt": at}],
        "lastRejection": last,
    }


# ---- counting


def test_a_rejected_pod_counts_until_status_has_the_next_attempt() -> None:
    assert conflicts({}, rejected(0), rejected(3)).total == 2
    assert conflicts(stored(1), rejected(0), recorded=Attempts({0: 1})).total == 1
    assert conflicts(stored(1), rejected(0, 1), recorded=Attempts({0: 1})).total == 2


def test_what_is_added_is_one_more_in_a_row_as_of_now() -> None:
    found = conflicts(stored(2, "0,1", seconds_ago=30), rejected(0))
    assert found.rejections == {0: Rejection(3, AT_NOW), 1: Rejection(2, AT_NOW - timedelta(seconds=30))}
    assert found.last is not None
    assert found.last.pod == "work-x-0-0"


def test_times_are_kept_to_ten_seconds() -> None:
    (rejection,) = conflicts({}, rejected(0), now=later(19.5)).rejections.values()
    assert rejection.at == AT_NOW + timedelta(seconds=10)


def test_what_is_too_old_counts_no_more_and_is_not_kept() -> None:
    assert conflicts(stored(4, seconds_ago=FORGOTTEN_AFTER_SECONDS - 1)).rejections
    old = conflicts(stored(4, seconds_ago=FORGOTTEN_AFTER_SECONDS))
    assert (old.rejections, old.last, old.total) == ({}, None, 4)
    assert conflicts(stored(4, seconds_ago=FORGOTTEN_AFTER_SECONDS), rejected(0)).rejections[0].times == 1


@pytest.mark.parametrize(("seconds", "counts"), [(609.999, True), (610, False)])
def test_a_rejection_counts_for_ten_minutes_and_the_ten_seconds_it_is_rounded_to(
    *, seconds: float, counts: bool
) -> None:
    assert Rejection(1, AT_NOW).counts(AT_NOW + timedelta(seconds=seconds)) is counts


def test_indexes_that_need_no_more_pods_are_not_kept() -> None:
    status = BatchFooSetStatus.model_validate(stored(2, "0-2"))
    found = Conflicts.of(status, Members(), Attempts(), NOW, settled=IndexSet.of([0, 2]))
    assert set(found.rejections) == {1}


def test_indexes_that_are_not_wanted_are_kept_and_do_not_wait() -> None:
    status = BatchFooSetStatus.model_validate(stored(2, "0-2"))
    found = Conflicts.of(status, Members(), Attempts(), NOW).among(IndexSet.below(2))
    assert (set(found.rejections), set(found.waiting)) == ({0, 1, 2}, {0, 1})


PLACES = st.tuples(st.integers(1, 5), st.integers(0, 60))


@given(st.dictionaries(st.integers(0, 50), PLACES))
def test_what_status_stores_is_read_back(drawn: dict[int, tuple[int, int]]) -> None:
    rejections = Rejections({i: Rejection(n, AT_NOW - timedelta(seconds=10 * ago)) for i, (n, ago) in drawn.items()})
    groups = rejections.grouped()
    assert Rejections.from_groups(groups) == rejections
    assert len(groups) <= len(set(drawn.values()))


# ---- waiting


@pytest.mark.parametrize(("times", "least"), [(1, 0), (2, 10), (3, 40), (4, 160), (5, TEN_MINUTES)])
def test_the_more_often_in_a_row_the_longer_an_index_waits(times: int, least: float) -> None:
    begun, at = AT_NOW + timedelta(seconds=9.9), AT_NOW
    waits = (Rejection(times, at).due - begun).total_seconds()
    assert least <= max(waits, 0) <= least + 10


def test_the_first_that_is_due_is_waited_for_and_told() -> None:
    found = conflicts({}, *(rejected(index) for index in range(3)), now=later(0))
    assert (found.due, found.due_in(NOW), found.cause(Kind.BATCHFOOSET, "work")) == (None, None, None)
    found = conflicts(stored(1, "0-2"), rejected(1), rejected(2, node="n2"))
    assert found.due == AT_NOW + timedelta(seconds=20)
    assert found.due_in(NOW) == 19.75
    cause = found.cause(Kind.BATCHFOOSET, "work")
    assert cause is not None
    assert (cause.kind, cause.name, cause.condition) == ("BatchFooSet", "work", "Placed")
    assert cause.reason == "KubeletRejected"
    assert cause.message == "2 pods wait, the first until 2026-03-01T12:00:20Z: node n1 rejected work-x-1-0, OutOfcpu"


@given(st.lists(st.floats(0, 700, allow_nan=False), min_size=6, max_size=40), st.floats(0, 9.99))
def test_an_index_is_created_at_most_five_times_in_ten_minutes_if_all_of_it_is_rejected(
    delays: list[float], phase: float
) -> None:
    """Each delay is how long a pod takes to be rejected, seen and recorded; the next is created as soon as it may."""
    now, rejections, created = later(phase), Rejections(), list[datetime]()
    for delay in delays:
        created.append(now)
        now += timedelta(seconds=delay)
        kept = Rejections({index: one for index, one in rejections.items() if one.counts(now)}).after([0], now)
        rejections = Rejections.from_groups(kept.grouped())
        now = max(now, rejections[0].due)
    for first, sixth in zip(created, created[5:], strict=False):
        assert (sixth - first).total_seconds() > TEN_MINUTES
    assert all(one <= other for one, other in pairwise(created))
