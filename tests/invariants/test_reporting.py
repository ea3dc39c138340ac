import pytest

from foosets.api.names import Kind
from tests.invariants.recording import Recording, batch, changed, pod, service


@pytest.fixture
def told() -> Recording:
    return Recording()


def in_generation(generation: int, **status: object) -> dict[str, object]:
    raw = batch(0, **status)
    raw["metadata"]["generation"] = generation
    return raw


def test_status_goes_forward(told: Recording) -> None:
    told.put(in_generation(1, observedGeneration=1))
    told.put(in_generation(2, observedGeneration=1))
    told.put(in_generation(2, observedGeneration=2, attempts=[{"indexes": "0-1", "attempt": 1}]))
    told.put(
        in_generation(
            2, observedGeneration=2, attempts=[{"indexes": "0", "attempt": 1}, {"indexes": "1", "attempt": 2}]
        )
    )
    assert told.judged() == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({"observedGeneration": 2}, {"observedGeneration": 1}, "observedGeneration went from 2 to 1"),
        ({"placementConflicts": 2}, {"placementConflicts": 1}, "placementConflicts went from 2 to 1"),
        ({"failed": 1}, {"failed": 0}, "failed went from 1 to 0"),
        ({"completedIndexes": "0-1"}, {"completedIndexes": "1"}, "completedIndexes went from [0] to nothing"),
        ({"attempts": [{"indexes": "3", "attempt": 2}]}, {"attempts": []}, "the attempt of index 3 went from 2 to 0"),
        (
            {"conditions": [{"type": "Complete", "status": "True"}]},
            {"conditions": []},
            "Complete went from True to not True",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_back_is_told(
    told: Recording, before: dict[str, object], after: dict[str, object], what: str
) -> None:
    for index in (0, 1):
        told.put(pod(index, "Failed", name=f"failed-{index}"))
        told.put(pod(index, "Succeeded"))
    told.put(in_generation(2, **before))
    told.put(in_generation(2, **after))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == f"I10 BatchFooSet ns/work: {what} with version 6"


def test_a_generation_that_never_was_is_invented(told: Recording) -> None:
    told.put(in_generation(1, observedGeneration=2))
    assert told.broken() == ["I10"]


def test_a_pod_that_failed_counts_once(told: Recording) -> None:
    told.put(pod(0))
    told.put(pod(0, "Failed"))
    told.put(batch(1, failed=1))
    assert told.judged(at_rest=False) == []
    told.put(batch(1, failed=2))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I10 BatchFooSet ns/work: 2 pods are told to have failed at 4, and 1 had"


def test_a_failure_is_not_told_before_it_happened(told: Recording) -> None:
    told.put(pod(0))
    told.put(batch(1, failed=1))
    told.put(pod(0, "Failed"))
    assert told.broken(at_rest=False) == ["I10"]


def test_an_index_that_no_pod_completed_is_invented(told: Recording) -> None:
    told.put(pod(0, "Succeeded"))
    told.put(batch(2, completedIndexes="0"))
    assert told.judged(at_rest=False) == []
    told.put(batch(2, completedIndexes="0-1"))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I10 BatchFooSet ns/work: [1] are told to be done at 3"


def test_at_rest_the_counts_are_those_of_the_pods(told: Recording) -> None:
    told.put(pod(0, of=Kind.SERVICEFOOSET))
    told.put(service(1))
    assert told.judged() == []
    told.put(changed(service(1), readyReplicas=0))
    (violation,) = told.judged()
    assert "are told as (1, 0) and are (1, 1)" in violation.evidence
