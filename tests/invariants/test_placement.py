from typing import Any

import pytest

from tests.invariants.recording import SCHEDULER, Recording, node, pod


@pytest.fixture
def told() -> Recording:
    return Recording()


def bound(uid: str, target: str, code: int = 201) -> dict[str, object]:
    return {"name": uid, "code": code, "body": {"metadata": {"uid": uid}, "target": {"name": target}}}


def test_a_pod_is_bound_once_however_often_that_is_asked_for(told: Recording) -> None:
    told.put(node())
    told.put(pod(0, "Pending", node=""))
    told.wrote(SCHEDULER, "create", "pods/binding", **bound("work-0", "n1"))
    told.put(pod(0))
    told.wrote(SCHEDULER, "create", "pods/binding", **bound("work-0", "n2", 409))
    assert told.judged(at_rest=False) == []


def test_a_second_binding_that_succeeds_is_told(told: Recording) -> None:
    for target in ("n1", "n2"):
        told.wrote(SCHEDULER, "create", "pods/binding", **bound("work-0", target))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I4 Pod ns/work-0: was bound to n1, then to n2"


def test_a_pod_that_moves_is_told(told: Recording) -> None:
    told.put(node("n1"))
    told.put(node("n2"))
    told.put(pod(0, node="n1"))
    told.put(pod(0, node="n2"))
    assert told.broken(at_rest=False) == ["I4"]


def test_a_node_that_is_full_takes_no_more(told: Recording) -> None:
    told.put(node(cpu="2"))
    told.put(pod(0))
    told.put(pod(1))
    assert told.judged(at_rest=False) == []
    told.put(pod(2))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I4 Pod ns/work-2: was given n1 with version 4 and fitted there at no version from before"


def test_what_has_ended_or_is_gone_takes_no_room(told: Recording) -> None:
    told.put(node(cpu="2"))
    told.put(pod(0))
    told.put(pod(1))
    told.put(pod(0, "Succeeded"))
    told.gone(pod(1))
    told.put(pod(2))
    told.put(pod(3))
    assert told.judged(at_rest=False) == []


@pytest.mark.parametrize("how", [{"unschedulable": True}, {"taints": [{"key": "out", "effect": "NoSchedule"}]}])
def test_a_node_that_repels_the_pod_does_not_fit(told: Recording, how: dict[str, Any]) -> None:
    told.put(node(**how))
    told.put(pod(0))
    assert told.broken(at_rest=False) == ["I4"]


def test_a_placer_may_be_as_far_behind_as_is_said(told: Recording) -> None:
    told.put(node())
    told.put(node(unschedulable=True))
    told.put(pod(0))
    assert told.broken(at_rest=False) == ["I4"]
    assert told.judged(at_rest=False, lag=1) == []


def test_a_node_that_never_was_is_told(told: Recording) -> None:
    told.put(node())
    told.put(pod(0, node="n9"))
    assert told.broken(at_rest=False) == ["I4"]
