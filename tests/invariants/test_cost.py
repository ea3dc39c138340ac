from collections import Counter
from datetime import timedelta

import pytest

from e2e.invariants.cost import summary
from tests.invariants.recording import BATCH, FOOSET, Recording, pod


@pytest.fixture
def told() -> Recording:
    return Recording()


def test_a_write_after_the_rest_is_told(told: Recording) -> None:
    told.wrote(BATCH, "create", "pods")
    assert told.judged() == []
    rest = told.now
    told.wrote(BATCH, "create", "pods")
    told.wrote("system:admin", "create", "pods")
    told.wrote(BATCH, "update", "leases")
    told.now = rest
    (violation,) = told.judged()
    assert str(violation) == f"I5 pods ns/app: {BATCH} wrote it (create) 0.100 s after the rest"


# ---- the same work


def test_the_summary_counts_what_came_to_be_and_what_went(told: Recording) -> None:
    told.wrote(BATCH, "create", "pods", code=201)
    told.wrote(BATCH, "create", "pods", code=409)
    told.wrote(FOOSET, "patch", "batchfoosets", code=201)
    told.wrote(FOOSET, "patch", "batchfoosets", code=200)
    told.wrote(BATCH, "update", "batchfoosets/status")
    told.wrote(BATCH, "delete", "pods", body={"preconditions": {"uid": "u"}})
    told.wrote("system:admin", "delete", "pods")
    assert summary(told.history) == Counter(
        {("create", "pods"): 1, ("create", "batchfoosets"): 1, ("delete", "pods"): 1}
    )


def test_one_creation_more_than_the_reference_is_told(told: Recording) -> None:
    told.wrote(BATCH, "create", "pods", code=201)
    reference = told.history
    assert told.judged(reference=reference) == []
    told.wrote(BATCH, "create", "pods", code=201, name="other")
    (violation,) = told.judged(reference=reference)
    assert str(violation) == "I6 pods: 2 times create where the reference has 1"


# ---- bounds


@pytest.mark.parametrize(("writes", "broken"), [(5, []), (6, ["I12"])])
def test_a_status_is_written_five_times_a_second_at_most(told: Recording, writes: int, broken: list[str]) -> None:
    for version in range(writes):
        body = {"metadata": {"uid": "u", "resourceVersion": str(version)}}
        told.wrote(BATCH, "update", "batchfoosets/status", at=told.now, body=body)
    assert told.broken(at_rest=False) == broken


@pytest.mark.parametrize(("writes", "broken"), [(6, []), (7, ["I12"])])
def test_a_status_whose_reply_was_lost_may_be_sent_once_more(told: Recording, writes: int, broken: list[str]) -> None:
    for version in range(writes):
        body = {"metadata": {"uid": "u", "resourceVersion": str(version)}}
        told.wrote(BATCH, "update", "batchfoosets/status", at=told.now, body=body)
    assert told.broken(at_rest=False, resent=1) == broken


def test_each_object_that_has_had_a_name_has_statuses_of_its_own(told: Recording) -> None:
    for version in range(12):
        body = {"metadata": {"uid": f"u{version // 4}", "resourceVersion": str(version)}}
        told.wrote(BATCH, "update", "batchfoosets/status", at=told.now, body=body)
    assert told.broken(at_rest=False) == []


def test_a_request_that_is_refused_again_and_again_is_a_hot_loop(told: Recording) -> None:
    for _ in range(9):
        told.wrote(BATCH, "create", "pods", code=403)
    assert told.broken(at_rest=False) == ["I12"]


def test_an_index_that_gets_pod_after_pod_is_a_storm(told: Recording) -> None:
    for attempt in range(20):
        told.put(pod(0, "Failed", name=f"work-0-{attempt}"))
    assert told.judged(at_rest=False) == []
    told.put(pod(0, "Failed", name="work-0-20"))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I12 index 0 of uid-work: got 21 pods within a minute"


def test_a_storm_that_takes_its_time_is_none(told: Recording) -> None:
    for attempt in range(40):
        told.put(pod(0, "Failed", name=f"work-0-{attempt}"))
        told.now += timedelta(seconds=3)
    assert told.judged(at_rest=False) == []
