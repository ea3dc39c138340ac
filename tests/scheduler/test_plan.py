from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import convert

from foosets.api.names import Reason
from foosets.api.pod import Condition, Pod
from foosets.placement.decisions import Stage
from foosets.planning.actions import Plan, SetPodCondition
from foosets.planning.obstacles import Obstacle
from foosets.scheduler.plan import RETRY_SECONDS, SETTLE_SECONDS, held, obstacle_of, plan
from foosets.scheduler.state import Bound, Observed, Waiting

NOW = datetime(2027, 1, 15, 8, 0, 30, 500_000, tzinfo=UTC)
STARTED = "2027-01-15T08:00:00Z"
FULL = "0/2 nodes are available: 2 Insufficient cpu."
NO_FIT = obstacle_of(Reason.NO_FIT, FULL, NOW)


def a_pod(condition: Condition | None = None, phase: str = "Pending", **spec: Any) -> Pod:
    pod = convert({"metadata": {"namespace": "ns", "name": "p", "uid": "u"}, "spec": spec}, Pod)
    pod.status.phase = phase
    pod.status.conditions = [condition] if condition is not None else []
    return pod


def refused(message: str = FULL, reason: str = "Unschedulable") -> Condition:
    return Condition("PodScheduled", "False", reason, message, STARTED)


def told(planned: Plan) -> Condition:
    (action,) = planned.actions
    assert isinstance(action, SetPodCondition)
    assert (action.namespace, action.name, action.uid) == ("ns", "p", "u")
    return action.condition


def test_a_waiting_pod_wants_a_node() -> None:
    waiting = Waiting(a_pod())
    planned = plan(Observed(waiting), NOW)
    assert planned.wanted == waiting
    assert planned.plan == Plan()


@pytest.mark.parametrize("stage", [Stage.BOUND, Stage.LOST, Stage.SEEN])
def test_a_pod_that_may_be_bound_is_left_alone(stage: Stage) -> None:
    planned = plan(Observed(Waiting(a_pod(), stage, NO_FIT)), NOW)
    assert planned.wanted is None
    assert planned.plan == Plan()


def test_a_bound_pod_whose_owner_sends_no_span_gets_none() -> None:
    planned = plan(Observed(bound=Bound(a_pod(), {})), NOW)
    assert planned.plan == Plan(wake_after=SETTLE_SECONDS)


def test_a_binding_without_an_answer_is_sent_again() -> None:
    assert plan(Observed(Waiting(a_pod(), Stage.UNANSWERED)), NOW).wanted is not None


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(schedulingGates=[{"name": "quota"}]),
        a_pod(phase="Failed"),
        convert({"metadata": {"name": "p", "deletionTimestamp": STARTED}}, Pod),
    ],
    ids=["gated", "ended", "terminating"],
)
def test_a_pod_that_wants_no_node_is_left_alone(pod: Pod) -> None:
    planned = plan(Observed(Waiting(pod, obstacle=NO_FIT)), NOW)
    assert planned.wanted is None
    assert planned.plan == Plan()


def test_a_pod_that_left_is_looked_at_once_more() -> None:
    assert plan(Observed(), NOW).plan == Plan(wake_after=SETTLE_SECONDS)


def test_an_obstacle_is_told_and_held_on_to() -> None:
    planned = plan(Observed(Waiting(a_pod(), obstacle=NO_FIT)), NOW)
    assert planned.wanted is None
    assert told(planned.plan) == Condition("PodScheduled", "False", "Unschedulable", FULL, "2027-01-15T08:00:30Z")
    assert planned.plan.obstacle == NO_FIT
    assert planned.plan.wake_after == RETRY_SECONDS


def test_what_the_pod_says_already_is_not_written_again() -> None:
    planned = held(Plan(), Waiting(a_pod(refused())), NO_FIT, NOW)
    assert planned.actions == ()
    assert planned.wake_after == RETRY_SECONDS


@pytest.mark.parametrize("before", [refused("0/1 nodes are available: 1 Insufficient cpu."), refused(reason="Gated")])
def test_a_pod_that_waits_on_keeps_its_transition_time(before: Condition) -> None:
    assert told(held(Plan(), Waiting(a_pod(before)), NO_FIT, NOW)) == refused()


@pytest.mark.parametrize(("ago", "writes", "wake"), [(0.4, 0, 0.6), (1.0, 1, RETRY_SECONDS)])
def test_a_condition_is_written_once_a_second(ago: float, writes: int, wake: float) -> None:
    waiting = Waiting(a_pod(), told_at=NOW.timestamp() - ago)
    planned = held(Plan(), waiting, NO_FIT, NOW)
    assert len(planned.actions) == writes
    assert planned.wake_after == pytest.approx(wake, abs=1e-3)


def test_a_binding_that_was_refused_is_an_error_of_the_scheduler() -> None:
    obstacle = Obstacle(Reason.ADMISSION_DENIED, "denied by p", 0, NOW.timestamp() + 7)
    planned = plan(Observed(Waiting(a_pod(), obstacle=obstacle)), NOW).plan
    assert told(planned).reason == "SchedulerError"
    assert planned.wake_after == pytest.approx(7)


def test_an_obstacle_whose_time_is_over_is_tried_again() -> None:
    late = Obstacle(Reason.NO_FIT, FULL, 0, NOW.timestamp())
    assert plan(Observed(Waiting(a_pod(refused()), obstacle=late)), NOW).wanted is not None
    assert plan(Observed(Waiting(a_pod(refused()), obstacle=NO_FIT.worth_a_try())), NOW).wanted is not None


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]}, "volumes[name=data]"),
        ({"volumes": [{"name": "data", "ephemeral": {}}]}, "volumes[name=data]"),
        ({"resourceClaims": [{"name": "gpu"}]}, "resourceClaims"),
        ({"topologySpreadConstraints": [{"maxSkew": 1}]}, "topologySpreadConstraints"),
        ({"schedulingGroup": {"podGroupName": "g"}}, "schedulingGroup"),
        (
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "z"}]}}},
            "affinity.podAffinity",
        ),
        (
            {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}},
            "affinity.podAntiAffinity",
        ),
    ],
)
def test_what_this_scheduler_cannot_place_is_said_and_not_bound(spec: dict[str, Any], word: str) -> None:
    planned = plan(Observed(Waiting(a_pod(**spec))), NOW)
    assert planned.wanted is None
    condition = told(planned.plan)
    assert condition.reason == "UnsupportedTemplate"
    assert condition.message.startswith(f"spec.{word}")
    assert "default-scheduler" in condition.message


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": [{"name": "t", "projected": {}}, {"name": "c", "configMap": {"name": "c"}}]},
        {"affinity": {"podAffinity": {}, "podAntiAffinity": None, "nodeAffinity": {}}},
    ],
)
def test_ordinary_volumes_and_empty_affinities_are_no_obstacle(spec: dict[str, Any]) -> None:
    assert plan(Observed(Waiting(a_pod(**spec))), NOW).wanted is not None
