from collections.abc import Callable
from dataclasses import replace

import pytest

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, SERVICEFOOSETS
from foosets.api.names import TRACEPARENT, Reason
from foosets.fooset.plan import plan
from foosets.fooset.state import Observed
from foosets.planning.actions import Apply, Confirm, Delete, Plan
from foosets.planning.obstacles import Obstacle
from foosets.planning.trace import parse_traceparent
from tests.builders import Raw, batchfooset, controlled_by, fooset, servicefooset, template
from tests.fooset.world import COMPLETE, FAILED, READY, World, refined

BOTH: tuple[dict[str, Raw], dict[str, Raw]] = ({"work": {}}, {"web": {}})
NEW = template(hostname="h")


def trace_of(world: World, child: str) -> str:
    context = parse_traceparent(world.children[child].metadata.annotations[TRACEPARENT])
    assert context is not None
    return context.trace_id


# ---- refining


def test_the_trace_is_recorded_before_any_child_carries_it() -> None:
    world = World(fooset(*BOTH))
    assert world.look() == ["status"]
    assert world.status.trace is not None
    assert world.look()[:2] == ["=demo-work", "=demo-web"]
    assert trace_of(world, "demo-work") == trace_of(world, "demo-web") == world.status.trace_id


def test_the_example_of_the_plan() -> None:
    world = refined({"a": {}, "c": {}})
    world.change(fooset({"a": {}}, {"b": {}}))
    assert world.rest() == ["status", "-demo-c", "=demo-b", "status"]


def test_at_rest_there_is_nothing_to_do() -> None:
    world = refined(*BOTH)
    assert world.look() == []
    assert world.plan().actions == ()


def test_only_what_changed_is_written() -> None:
    world = refined({"a": {}, "b": {}})
    world.change(fooset({"a": {}, "b": {"template": NEW}}))
    assert [act for act in world.rest() if act != "status"] == ["=demo-b"]
    assert trace_of(world, "demo-b") == world.status.trace_id != trace_of(world, "demo-a")


def test_a_child_that_somebody_changed_is_made_as_the_spec_says() -> None:
    world = refined({"a": {"completions": 3}})
    world.scale("demo-a", completions=7)
    assert "=demo-a" in world.rest()
    assert world.children["demo-a"].spec.model_dump()["completions"] == 3


def test_an_entry_that_moves_to_the_other_list_changes_its_kind() -> None:
    world = refined({"x": {}})
    world.change(fooset({}, {"x": {}}))
    world.look()
    delete, apply = world.plan().actions
    assert isinstance(apply, Apply)
    assert isinstance(delete, Delete)
    assert (apply.resource, delete.resource) == (SERVICEFOOSETS, BATCHFOOSETS)
    assert apply.name == delete.name == "demo-x"


def test_a_deleted_child_is_made_again_once_it_is_gone() -> None:
    world = refined({"a": {}})
    child = world.children["demo-a"]
    meta = child.metadata.model_copy(update={"deletion_timestamp": world.now})
    world.children["demo-a"] = child.model_copy(update={"metadata": meta})
    assert "=demo-a" not in world.rest()
    world.collect()
    assert "=demo-a" in world.rest()


def test_a_child_that_went_is_made_again_once_the_set_is_known_to_be_there() -> None:
    world = World(fooset(*BOTH))
    world.look()
    world.look()
    del world.children["demo-work"]
    world.bereaved = True
    assert world.look() == ["?demo", "status"]
    assert world.look()[0] == "=demo-work"


def test_a_set_that_lost_a_child_and_lacks_none_asks_nothing() -> None:
    world = refined({"a": {}, "c": {}})
    world.bereaved = True
    world.change(fooset({"a": {"template": NEW}}))
    assert world.rest() == ["status", "-demo-c", "=demo-a", "status"]


def test_an_obstacle_stands_while_the_set_is_asked_for() -> None:
    world = refused_for_long()
    world.bereaved = True
    world.after(seconds=100)
    made = world.plan()
    assert [type(action) for action in made.actions] == [Confirm]
    assert made.obstacle == world.obstacle is not None


def test_a_set_on_its_way_out_is_left_to_the_garbage_collector() -> None:
    assert World(fooset(*BOTH, deletionTimestamp="2026-03-01T12:00:00Z")).plan() == Plan()


def test_a_set_of_nothing_is_ready_and_not_complete() -> None:
    world = refined()
    assert world.condition("Ready") == ("True", "Available")
    assert world.status.condition("Complete") is None
    assert world.status.trace is not None
    assert world.status.trace.closed


# ---- what belongs to others

FOREIGN = {
    "nobody's": batchfooset("demo-work"),
    "another FooSet's": batchfooset("demo-work", ownerReferences=controlled_by("FooSet", "demo", "old-uid")),
    "on its way out": batchfooset("demo-work", deletionTimestamp="2026-03-01T12:00:00Z"),
}


@pytest.mark.parametrize("taken", FOREIGN.values(), ids=FOREIGN.keys())
def test_an_object_of_another_under_a_childs_name_is_reported_and_left_alone(taken: BatchFooSet) -> None:
    world = World(fooset(*BOTH), {"demo-work": taken})
    done = world.rest()
    assert "=demo-web" in done
    assert world.children["demo-work"] is taken
    assert world.condition("Refined") == ("False", "NameCollision")
    assert world.condition("Ready") == ("False", "NameCollision")
    assert world.condition("Stalled") == ("True", "NameCollision")


def test_an_object_of_another_kind_takes_no_name() -> None:
    world = World(fooset({"x": {}}))
    world.look()
    seen = Observed(world.fooset, {}, {"demo-x": servicefooset("demo-x")})
    assert len(plan(seen, world.now).actions) == 1


def test_an_object_of_another_is_not_deleted_with_its_entry() -> None:
    world = World(fooset({"work": {}}), {"demo-work": batchfooset("demo-work")})
    world.rest()
    world.change(fooset())
    assert "-demo-work" not in world.rest()


def test_the_name_is_used_once_it_is_free() -> None:
    world = World(fooset({"work": {}}), {"demo-work": batchfooset("demo-work")})
    world.rest()
    del world.children["demo-work"]
    assert "=demo-work" in world.rest()
    assert world.condition("Refined")[0] == "True"


# ---- what stands in the way


def quota(world: World, seconds: float) -> Obstacle:
    at = world.now.timestamp()
    return Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota: count/batchfoosets", at, at + seconds)


def refused_for_long() -> World:
    """A set whose child was refused, until its trace is closed."""
    world = World(fooset({"work": {}}))
    world.look()
    world.look(refused=quota(world, 50))
    world.rest()
    world.after(41)
    world.rest()
    return world


def test_a_refused_child_is_told_and_not_tried_before_its_time() -> None:
    world = World(fooset({"work": {}}))
    world.look()
    assert world.look(refused=quota(world, 7)) == ["obstacle"]
    assert "=demo-work" not in world.rest()
    assert world.condition("Ready") == ("False", "QuotaExceeded")
    assert world.plan().wake_after == pytest.approx(7, abs=0.1)
    world.after(7)
    assert world.look() == ["=demo-work"]


def lacking_and_removed(*, deleting: bool) -> World:
    """A set with a part to make and one to remove, one of which has just been refused."""
    world = refined({"a": {}})
    world.change(fooset({"b": {}}))
    world.look()
    world.obstacle = replace(quota(world, 7), deleting=deleting)
    return world


def test_what_was_removed_goes_while_a_part_waits_for_its_next_try() -> None:
    world = lacking_and_removed(deleting=False)
    assert [act for act in world.rest() if act != "status"] == ["-demo-a"]
    world.collect()
    world.after(7)
    assert world.look()[0] == "=demo-b"


def test_a_refused_deletion_is_not_tried_before_its_time_and_then_comes_first() -> None:
    world = lacking_and_removed(deleting=True)
    assert [act for act in world.rest() if act != "status"] == []
    world.after(7)
    assert world.plan().independent
    assert world.look()[:2] == ["-demo-a", "=demo-b"]


def test_a_set_whose_child_is_refused_for_long_closes_its_trace_and_is_quiet() -> None:
    world = refused_for_long()
    assert world.status.trace is not None
    assert (world.status.trace.closed, world.status.trace.episode) == (True, 0)
    closed = world.status
    for _ in range(3):
        world.after(50)
        assert world.look(refused=quota(world, 50)) == ["obstacle"]
        assert world.rest() == []
    assert world.status == closed


def test_a_child_that_comes_to_be_after_a_closed_trace_belongs_to_the_next() -> None:
    world = refused_for_long()
    first = world.status.trace_id
    world.after(50)
    assert world.look() == ["=demo-work"]
    assert trace_of(world, "demo-work") != first
    world.rest()
    assert world.status.trace is not None
    assert (world.status.trace_id, world.status.trace.previous) == (trace_of(world, "demo-work"), first)
    assert not world.status.trace.closed


# ---- the end


def complete() -> World:
    world = refined({"work": {}})
    world.report("demo-work", COMPLETE, closed=True)
    world.rest()
    return world


def failed() -> World:
    world = refined({"work": {}})
    world.report("demo-work", FAILED, closed=True)
    world.rest()
    return world


ENDS = {
    "every batch part is complete": (fooset({"a": {}, "b": {}}), {"a": COMPLETE, "b": COMPLETE}, "Complete"),
    "one is not": (fooset({"a": {}, "b": {}}), {"a": COMPLETE, "b": READY}, None),
    "one failed": (fooset({"a": {}, "b": {}}), {"a": COMPLETE, "b": FAILED}, "Failed"),
    "a service goes on": (fooset({"a": {}}, {"w": {}}), {"a": COMPLETE, "w": READY}, None),
    "a batch part failed beside a service": (fooset({"a": {}}, {"w": {}}), {"a": FAILED, "w": READY}, "Failed"),
    "services alone": (fooset({}, {"w": {}}), {"w": READY}, None),
}


@pytest.mark.parametrize(("made", "reports", "end"), ENDS.values(), ids=ENDS.keys())
def test_a_set_ends_with_its_batch_parts(made: FooSet, reports: dict[str, dict[str, str]], end: str | None) -> None:
    world = World(made)
    world.rest()
    for child, conditions in reports.items():
        world.report(f"demo-{child}", conditions, closed=True)
    world.rest()
    assert {c.type for c in world.status.conditions} & {"Complete", "Failed"} == ({end} if end else set())


@pytest.mark.parametrize(("ended", "kind"), [(complete, "Complete"), (failed, "Failed")])
@pytest.mark.parametrize(
    "changed",
    [fooset({"work": {"template": NEW}}), fooset({"more": {}}), fooset({}, {"web": {}}), fooset()],
    ids=["another template", "another part", "a service instead", "nothing left"],
)
def test_an_end_is_never_taken_back_and_the_parts_still_follow_the_spec(
    ended: Callable[[], World], kind: str, changed: FooSet
) -> None:
    world = ended()
    reported = world.status.condition(kind)
    world.change(changed)
    world.rest()
    world.collect()
    world.rest()
    assert sorted(world.children) == [f"demo-{entry.name}" for entry in (*changed.spec.batch, *changed.spec.service)]
    again = world.status.condition(kind)
    assert again is not None
    assert reported is not None
    assert again.last_transition_time == reported.last_transition_time
    assert {c.type for c in world.status.conditions} & {"Complete", "Failed"} == {kind}


# ---- when a trace is closed


def closed(world: World) -> bool:
    assert world.status.trace is not None
    return world.status.trace.closed


def test_a_trace_is_closed_after_its_children_have_sent_their_spans() -> None:
    world = refined({"work": {}})
    world.report("demo-work", COMPLETE)
    world.rest()
    assert not closed(world)
    assert world.plan().wake_after == pytest.approx(10, abs=1)
    world.report("demo-work", COMPLETE, closed=True)
    world.rest()
    assert closed(world)


def test_a_set_that_has_ended_before_waits_for_children_that_were_changed_once_more() -> None:
    world = complete()
    world.after(3600)
    world.change(fooset({"work": {"template": NEW}}))
    world.rest()
    assert not closed(world), "the child has not looked yet"
    world.report("demo-work", COMPLETE)
    world.rest()
    assert not closed(world), "the child has not sent its spans yet"
    world.report("demo-work", COMPLETE, closed=True)
    world.rest()
    assert closed(world)


def test_a_child_that_never_closes_is_not_waited_for_for_ever() -> None:
    world = refined({"work": {}})
    world.report("demo-work", COMPLETE)
    world.rest()
    world.after(11)
    world.rest()
    assert closed(world)


def test_a_set_of_services_closes_its_trace_when_all_are_ready() -> None:
    world = refined({}, {"web": {}, "api": {}})
    world.report("demo-web", READY, closed=True)
    world.rest()
    assert not closed(world)
    world.report("demo-api", READY, closed=True)
    world.rest()
    assert closed(world)


def test_a_batch_that_runs_on_keeps_the_trace_open_no_longer_than_forty_seconds() -> None:
    world = refined(*BOTH)
    world.report("demo-work", READY)
    world.report("demo-web", READY, closed=True)
    world.rest()
    world.after(38)
    assert world.rest() == []
    world.after(3)
    world.rest()
    assert closed(world)


@pytest.mark.parametrize(("seconds", "due"), [(38, False), (41, True)])
def test_a_trace_that_is_blocked_below_closes_after_its_children_have(seconds: float, due: bool) -> None:  # noqa: FBT001
    world = refined({"work": {}})
    world.block("demo-work", "NoFit", kind="BatchFooSet", name="demo-work")
    world.rest()
    world.after(seconds)
    world.rest()
    assert closed(world) is due


def test_what_recovers_after_a_closed_trace_is_told_without_a_new_one() -> None:
    world = refined({"work": {}})
    world.block("demo-work", "NoFit")
    world.rest()
    world.after(60)
    world.rest()
    trace = world.status.trace_id
    world.report("demo-work", READY)
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert world.status.trace_id == trace


def test_a_new_spec_closes_the_trace_that_it_cuts_off() -> None:
    world = refined({"work": {}})
    old = world.status.trace_id
    world.spans = []
    world.change(fooset({"work": {"template": NEW}}))
    assert world.look() == ["status"]
    assert {span.context.trace_id for span in world.spans} == {old}


# ---- faults of the spec


BAD: Raw = {"template": template(nodeName="n1")}


def test_nothing_is_made_of_a_set_with_a_fault_anywhere() -> None:
    world = World(fooset({"a": {}, "b": BAD}))
    assert world.rest() == ["status"]
    assert world.children == {}
    assert world.condition("Refined") == ("False", "InvalidPodTemplate")
    assert world.condition("Stalled") == ("True", "InvalidPodTemplate")
    assert world.condition("Ready") == ("False", "InvalidPodTemplate")
    assert world.condition("Progressing") == ("False", "InvalidPodTemplate")
    cause = world.status.blocked_by
    assert cause is not None
    assert (cause.kind, cause.name, cause.condition) == ("FooSet", "demo", "Refined")
    assert cause.message.startswith("spec.batch[name=b].template.spec.template.spec.nodeName must be empty")


def test_a_fault_that_comes_later_changes_and_removes_nothing() -> None:
    world = refined({"a": {}, "b": {}, "c": {}})
    world.change(fooset({"a": {"completions": 7}, "b": BAD}))
    assert {done for done in world.rest() if done != "status"} == set()
    assert world.condition("Stalled") == ("True", "InvalidPodTemplate")
    world.change(fooset({"a": {"completions": 7}, "b": {}}))
    assert {done for done in world.rest() if done != "status"} == {"=demo-a", "-demo-c"}
    assert world.condition("Stalled")[0] == "False"


def test_a_set_that_failed_says_so_whatever_is_wrong_with_it_now() -> None:
    world = refined({"a": {}})
    world.report("demo-a", FAILED)
    world.rest()
    world.change(fooset({"a": {}, "b": BAD}))
    world.rest()
    assert world.condition("Failed") == ("True", "ChildFailed")
    assert world.condition("Refined") == ("False", "ChildFailed")
    assert world.condition("Stalled") == ("True", "ChildFailed")


def test_a_set_that_is_complete_stays_so_and_shows_the_fault() -> None:
    world = refined({"a": {}})
    world.report("demo-a", COMPLETE)
    world.rest()
    world.change(fooset({"a": {}, "b": BAD}))
    world.rest()
    assert world.condition("Complete")[0] == "True"
    assert world.condition("Refined") == ("False", "InvalidPodTemplate")
    assert world.condition("Stalled") == ("True", "InvalidPodTemplate")


def test_a_set_with_a_fault_closes_its_trace_and_is_quiet() -> None:
    world = World(fooset({"a": BAD}))
    world.rest()
    world.after(120)
    assert world.rest() == ["status"]
    assert world.rest() == []
    assert world.status.trace is not None
    assert world.status.trace.closed
