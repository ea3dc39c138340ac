import pytest

from foosets.api.names import Kind
from tests.builders import controlled_by
from tests.invariants.recording import Recording, a_set, batch, changed, leaving, pod, service


@pytest.fixture
def told() -> Recording:
    return Recording()


def test_a_batch_of_which_one_runs_and_one_is_done_is_whole(told: Recording) -> None:
    told.put(batch(2))
    told.put(pod(0))
    told.put(pod(1))
    told.put(pod(1, "Succeeded"))
    told.put(batch(2, active=1, ready=1, completedIndexes="1"))
    assert told.judged() == []


def test_an_index_without_a_pod_is_lost(told: Recording) -> None:
    told.put(batch(2, active=1, ready=1))
    told.put(pod(0))
    (violation,) = told.judged()
    assert str(violation) == "I1 BatchFooSet ns/work: 0 of 2 are done, 2 should run, and these do: [0]"


def test_what_runs_beyond_an_end_is_told(told: Recording) -> None:
    told.put(batch(1, active=1, ready=1, conditions=[{"type": "Failed", "status": "True"}]))
    told.put(pod(0))
    assert told.broken() == ["I1"]


def test_a_pod_of_an_index_that_is_done_is_not_wanted(told: Recording) -> None:
    told.put(batch(2, active=1, ready=1))
    told.put(pod(0))
    told.put(pod(0, "Succeeded"))
    told.put(batch(2, active=1, ready=1, completedIndexes="0"))
    told.gone(pod(0, "Succeeded"))
    told.put(pod(0, name="again"))
    assert told.broken() == ["I1"]


def test_a_set_that_says_what_keeps_it_has_lost_nothing(told: Recording) -> None:
    told.put(batch(2, blockedBy={"condition": "Placed", "reason": "NoFit"}))
    assert told.judged() == []


def test_a_pod_that_does_not_start_is_no_excuse_for_another_that_is_not_there(told: Recording) -> None:
    told.put(batch(2, active=1, blockedBy={"condition": "Ready", "reason": "ImagePullFailed"}))
    told.put(pod(0, "Pending"))
    assert told.broken() == ["I1"]


@pytest.mark.parametrize(("slots", "broken"), [([0, 1], []), ([0], ["I1"]), ([0, 2], ["I1"]), ([0, 1, 2], ["I1"])])
def test_a_service_has_the_slots_from_0_on(told: Recording, slots: list[int], broken: list[str]) -> None:
    told.put(service(2, replicas=len(slots), readyReplicas=len(slots)))
    for slot in slots:
        told.put(pod(slot, of=Kind.SERVICEFOOSET))
    assert told.broken() == broken


@pytest.mark.parametrize(("name", "broken"), [("app-work", []), ("app-other", ["I1"])])
def test_a_fooset_has_the_children_of_its_entries(told: Recording, name: str, broken: list[str]) -> None:
    told.put(a_set(Kind.FOOSET, "app", {"batch": [{"name": "work"}]}))
    child = a_set(Kind.BATCHFOOSET, name, {"completions": 0}, active=0, ready=0)
    child["metadata"]["ownerReferences"] = controlled_by(Kind.FOOSET, "app")
    told.put(child)
    assert told.broken() == broken


def test_nothing_is_lost_before_the_rest(told: Recording) -> None:
    told.put(batch(2))
    assert told.judged(at_rest=False) == []


# ---- nothing doubled


def test_an_index_is_held_by_one_pod_after_the_other(told: Recording) -> None:
    told.put(batch(1, active=1, ready=1))
    told.put(pod(0, name="first"))
    told.put(leaving(pod(0, name="first")))
    told.gone(pod(0, name="first"))
    told.put(pod(0, name="second"))
    assert told.judged() == []


def test_two_pods_that_hold_an_index_at_once_are_told_even_when_one_is_gone_later(told: Recording) -> None:
    told.put(batch(1, active=1, ready=1))
    told.put(pod(0, name="first"))
    told.put(leaving(pod(0, name="first")))
    told.put(pod(0, name="second"))
    told.gone(pod(0, name="first"))
    (violation,) = told.judged()
    assert str(violation) == "I2 Pod ns/second: came with version 4 while index 0 was first's, which was Running"


def test_a_pod_that_failed_holds_nothing(told: Recording) -> None:
    told.put(batch(1))
    told.put(pod(0, name="first"))
    told.put(pod(0, "Failed", name="first"))
    told.put(pod(0, name="second"))
    told.put(batch(1, active=1, ready=1, failed=1))
    assert told.judged() == []


@pytest.mark.parametrize(("kind", "broken"), [(Kind.BATCHFOOSET, ["I2"]), (Kind.SERVICEFOOSET, [])])
def test_success_is_an_end_for_a_service_only(told: Recording, kind: str, broken: list[str]) -> None:
    told.put(pod(0, "Succeeded", name="first", of=kind))
    told.put(pod(0, name="second", of=kind))
    assert told.broken(at_rest=False) == broken


# ---- no orphans


def test_a_pod_outlives_its_set_as_an_orphan(told: Recording) -> None:
    told.put(batch(1))
    told.put(pod(0))
    told.gone(batch(1))
    (violation,) = told.judged()
    assert str(violation) == "I3 Pod ns/work-0: its BatchFooSet work (uid-work) is gone"


def test_a_pod_of_somebody_else_is_none_of_ours(told: Recording) -> None:
    raw = pod(0)
    raw["metadata"]["ownerReferences"] = controlled_by("Job", "other")
    told.put(raw)
    assert told.judged() == []


def test_a_set_that_cannot_go_is_an_orphan_of_its_finalizer(told: Recording) -> None:
    raw = leaving(changed(batch(0)))
    raw["metadata"]["finalizers"] = ["somebody.example/holds"]
    told.put(raw)
    assert told.broken() == ["I3"]
