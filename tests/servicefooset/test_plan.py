import json
from typing import Any

import pytest

from foosets.api import names
from foosets.api.names import Reason
from foosets.planning.actions import Create, Plan
from foosets.planning.naming import uid_hash
from foosets.planning.obstacles import Obstacle
from foosets.planning.trace import Hop, parse_traceparent
from tests.servicefooset.builders import UID, World, acts, held_up, running, service, template

P = f"web-{uid_hash(names.Uid(UID))}-"
QUOTA = Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota: pods", 0.0, 0.0)


def test_the_first_look_writes_nothing_but_a_status_with_selector_and_trace() -> None:
    world = World(service())
    plan = world.look()
    assert acts(plan) == []
    assert world.status().selector == f"foo.example.com/owner-uid={UID}"
    assert world.status().trace is not None
    assert world.status().trace_id
    assert world.condition("Ready") == ("False", "Placing")


def test_the_second_look_creates_one_pod_a_slot() -> None:
    world = World(service())
    world.look()
    plan = world.look()
    assert acts(plan) == [f"+{P}0", f"+{P}1", f"+{P}2"]


def test_a_pod_is_created_as_a_step_of_the_trace_with_the_time_of_the_request() -> None:
    world = World(service({"replicas": 1}))
    world.look()
    (action,) = world.look().actions
    assert isinstance(action, Create)
    annotations = json.loads(action.body)["metadata"]["annotations"]
    context = parse_traceparent(annotations[names.TRACEPARENT])
    assert context is not None
    assert context.trace_id == world.status().trace_id
    assert json.loads(annotations[names.STAMPS]) == {"create": round(world.now.timestamp() * 1_000_000)}


def test_at_rest_there_is_nothing_to_do() -> None:
    world = running()
    assert world.plan() == Plan()
    assert world.condition("Ready") == ("True", "Available")


@pytest.mark.parametrize(("before", "after", "expected"), [(5, 3, ["3", "4"]), (3, 0, ["0", "1", "2"])])
def test_scaling_down_deletes_the_highest_slots(before: int, after: int, expected: list[str]) -> None:
    world = running(service({"replicas": before}))
    world.change(replicas=after)
    deleted = [act for plan in world.rest() for act in acts(plan)]
    assert deleted == [f"-{P}{slot}" for slot in expected]
    assert world.condition("Ready") == ("True", "Available")


def test_scaling_up_fills_the_lowest_free_slots() -> None:
    world = running()
    world.change(replicas=5)
    created = [act for plan in world.rest() for act in acts(plan)]
    assert created == [f"+{P}3", f"+{P}4"]


def test_scaling_down_and_up_again_raises_the_attempt() -> None:
    world = running()
    world.change(replicas=1)
    world.rest()
    assert [(group.indexes, group.attempt) for group in world.status().attempts] == [("1,2", 1)]
    world.change(replicas=3)
    created = [act for plan in world.rest() for act in acts(plan)]
    assert created == [f"+{P}1-1", f"+{P}2-1"]


def test_a_lost_pod_is_replaced_only_once_status_has_the_next_attempt() -> None:
    world = running()
    world.vanish(f"{P}1")
    plans = world.rest()
    assert [acts(plan) for plan in plans if plan.actions] == [[f"+{P}1-1"]]
    assert not plans[0].actions
    assert plans[0].status is not None
    assert b'"attempt":1' in plans[0].status.status


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_an_ended_pod_is_deleted_and_its_slot_filled_again(phase: str) -> None:
    world = running()
    world.end(f"{P}1", phase)
    done = [sorted(acts(plan)) for plan in world.rest() if plan.actions]
    assert sorted(act for some in done for act in some) == [f"+{P}1-1", f"-{P}1"]


def test_an_ended_pod_stays_until_status_has_counted_it() -> None:
    world = running()
    world.end(f"{P}1")
    plan = world.look()
    assert acts(plan) == []
    assert [(group.indexes, group.attempt) for group in world.status().attempts] == [("1", 1)]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_an_ended_pod_that_is_on_its_way_out_is_not_deleted_again(phase: str) -> None:
    world = running(service({"replicas": 1}), lingers=True)
    world.end(f"{P}0", phase)
    assert [act for plan in world.rest() for act in acts(plan)] == [f"-{P}0", f"+{P}0-1"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_of_two_pods_of_a_slot_that_have_ended_none_is_left_behind(phase: str) -> None:
    world = World(service({"replicas": 2}))
    world.look()
    world.look()
    world.change(replicas=1)
    world.look()
    world.end(f"{P}0", phase)
    world.look()
    world.after(40)
    world.look()
    assert set(world.pods) == {f"{P}0", f"{P}0-1"}

    world.end(f"{P}0-1", phase)
    world.look()
    world.after(40)
    world.rest()

    assert set(world.pods) == {f"{P}0-2"}


def test_a_pod_that_ends_at_once_lets_its_slot_rest() -> None:
    world = World(service({"replicas": 1}))
    world.rest()
    world.end(f"{P}0")
    world.after(1)
    world.rest()
    plan = world.plan()
    assert acts(plan) == []
    assert plan.wake_after == 8.75, "ten seconds from the second that the pod was created in"
    world.after(8.75)
    assert sorted(act for plan in world.rest() for act in acts(plan)) == [f"+{P}0-1", f"-{P}0"]


def test_a_new_template_replaces_all_pods_slot_by_slot_as_they_go() -> None:
    world = running(lingers=True)
    world.change(template=template("web:2"))
    done = [act for plan in world.rest() for act in acts(plan)]
    assert done == [f"?{P}dry-run", f"-{P}0", f"-{P}1", f"-{P}2"]
    world.vanish(f"{P}2")
    assert [act for plan in world.rest() for act in acts(plan)] == [f"+{P}2-1"]
    world.finish_deletions()
    assert [act for plan in world.rest() for act in acts(plan)] == [f"+{P}0-1", f"+{P}1-1"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (template(nodeName="n1"), "InvalidPodTemplate"),
        (template(resourceClaims=[{"name": "gpu"}]), "UnsupportedTemplate"),
        ({"metadata": {"labels": {"foo.example.com/index": "7"}}, **template()}, "InvalidPodTemplate"),
    ],
)
def test_a_template_that_cannot_run_creates_nothing_and_replaces_nothing(bad: dict[str, Any], reason: str) -> None:
    world = running()
    world.change(template=bad, replicas=4)
    assert [act for plan in world.rest() for act in acts(plan)] == []
    assert len(world.live()) == 3
    assert world.condition("Stalled") == ("True", reason)
    blocked = world.status().blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.reason) == ("ServiceFooSet", reason)


def test_a_named_scheduler_may_be_asked_for_more_than_ours_can() -> None:
    world = World(service({"template": template(schedulerName="default-scheduler", resourceClaims=[{"name": "gpu"}])}))
    assert len([act for plan in world.rest() for act in acts(plan)]) == 3


def test_a_set_that_is_being_deleted_is_left_to_the_garbage_collector() -> None:
    world = World(service(deletionTimestamp="2026-03-01T12:00:01Z"))
    assert world.plan() == Plan()


def test_what_was_refused_is_shown_and_not_tried_again_before_its_time() -> None:
    world = World(service())
    world.look()
    held_up(world, QUOTA, 8.0)
    assert [act for plan in world.rest() for act in acts(plan)] == []
    assert world.condition("Placed") == ("False", "QuotaExceeded")
    assert world.condition("Stalled") == ("False", "QuotaExceeded")
    plan = world.plan()
    assert plan.wake_after == pytest.approx(8.0)
    world.after(8.0)
    assert len(acts(world.plan())) == 3


def blocked_for_so_long_that_its_trace_is_closed() -> World:
    world = World(service())
    world.look()
    held_up(world, QUOTA, 60.0)
    world.rest()
    world.after(40)
    (closing,) = world.rest()
    assert closing.spans
    return world


def test_a_closed_trace_of_a_blocked_set_does_not_begin_again_before_the_next_try() -> None:
    world = blocked_for_so_long_that_its_trace_is_closed()
    trace = world.status().trace
    assert trace is not None
    assert trace.closed
    assert world.plan() == Plan(wake_after=20.0, obstacle=world.obstacle)


def test_a_mere_try_begins_no_trace() -> None:
    world = blocked_for_so_long_that_its_trace_is_closed()
    world.after(20)
    plan = world.plan()
    assert len(acts(plan)) == 3
    assert (plan.status, plan.spans, plan.obstacle) == (None, (), None)


def test_a_try_that_succeeds_is_the_beginning_of_the_next_trace() -> None:
    world = blocked_for_so_long_that_its_trace_is_closed()
    before = world.status().trace_id
    world.after(20)
    world.look()
    world.obstacle = None
    world.run_all()
    spans = [span for plan in world.rest() for span in plan.spans]
    assert world.status().trace_id != before
    assert len([span for span in spans if span.name == Hop.POD]) == 3
    assert {span.context.trace_id for span in spans} == {world.status().trace_id}


def test_deletions_go_on_while_creations_are_held_back() -> None:
    world = running()
    world.change(template=template("web:2"))
    world.look()
    world.look()
    held_up(world, QUOTA, 30.0)
    assert [act for plan in world.rest() for act in acts(plan)] == [f"-{P}0", f"-{P}1", f"-{P}2"]
    assert world.created[-1]["metadata"]["name"] == f"{P}2"
