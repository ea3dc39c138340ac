from collections import Counter

from foosets.planning.actions import Plan
from foosets.planning.podspans import refusal
from foosets.planning.trace import Hop, Span, parse_traceparent
from tests.servicefooset.builders import PARENT_TRACE, World, child_of_a_fooset, running, service


def exported(plans: list[Plan]) -> list[Span]:
    return [span for plan in plans for span in plan.spans]


def kinds(spans: list[Span]) -> dict[str, int]:
    return dict(Counter(span.name.value for span in spans))


def rollout(world: World) -> list[Span]:
    plans = world.rest()
    world.after(1)
    world.run_all()
    return exported(plans + world.rest())


def test_a_set_of_its_own_closes_its_trace_when_ready() -> None:
    world = World(service(), scheduler="foo-scheduler")
    spans = rollout(world)
    assert kinds(spans) == {"servicefooset.rollout": 1, "servicefooset.refine": 1, "pod": 3, "create": 3, "admit": 3}
    assert not [span for span in spans if span.error]
    assert len({span.context.span_id for span in spans}) == len(spans)
    assert {span.context.trace_id for span in spans} == {world.status().trace_id}


def test_every_parent_is_there_and_holds_its_children() -> None:
    spans = rollout(World(service()))
    by_id = {span.context.span_id: span for span in spans}
    (root,) = [span for span in spans if span.parent is None]
    assert root.name == Hop.SERVICEFOOSET_ROLLOUT
    for span in spans:
        if span.parent is not None:
            parent = by_id[span.parent]
            assert parent.start <= span.start <= span.end <= parent.end


def test_a_derived_set_takes_part_in_its_parents_trace() -> None:
    spans = rollout(World(service(**child_of_a_fooset())))
    parent = parse_traceparent(PARENT_TRACE)
    assert parent is not None
    (refine,) = [span for span in spans if span.name == Hop.SERVICEFOOSET_REFINE]
    assert (refine.context.trace_id, refine.parent) == (parent.trace_id, parent.span_id)
    assert Hop.SERVICEFOOSET_ROLLOUT not in {span.name for span in spans}


def test_a_user_who_names_the_scheduler_leaves_nothing_to_admit() -> None:
    from_user = {"template": {"spec": {"schedulerName": "default-scheduler", "containers": []}}}
    assert "admit" not in kinds(rollout(World(service(from_user))))


def test_closing_again_says_the_same() -> None:
    world = World(service())
    world.rest()
    world.run_all()
    world.look()
    first = world.plan()
    world.after(3)
    assert first.spans
    assert world.plan().spans == first.spans


def test_what_follows_a_closed_trace_is_a_new_one_linked_to_it() -> None:
    world = running()
    before = world.status().trace_id
    world.vanish(world.live()[1].name)
    spans = rollout(world)
    assert kinds(spans) == {"servicefooset.rollout": 1, "servicefooset.refine": 1, "pod": 1, "create": 1, "admit": 1}
    (root,) = [span for span in spans if span.parent is None]
    assert [link.trace_id for link in root.links] == [before]
    assert root.context.trace_id != before


def test_a_refused_pod_ends_as_the_schedulers_own_span_does() -> None:
    world = World(service({"replicas": 1}), scheduler="foo-scheduler")
    world.rest()
    world.refuse(world.live()[0].name)
    plans = world.rest()
    assert not exported(plans)
    wake_after = world.plan().wake_after
    assert wake_after is not None
    world.after(wake_after)
    spans = exported(world.rest())
    (life,) = [span for span in spans if span.name == Hop.POD]
    refused = refusal(world.live()[0].pod)
    assert refused is not None
    assert (life.end, life.error) == (refused.at, f"{refused.reason}: 3 nodes: cpu")
    errors = {span.name.value: span.error for span in spans if span.error}
    assert errors["servicefooset.refine"] == errors["servicefooset.rollout"] == "NoFit: 3 nodes: cpu"


def test_an_unassigned_pod_shows_where_it_is_stuck() -> None:
    world = World(service({"replicas": 1}))
    world.rest()
    world.after(35)
    errors = {span.name.value: span.error.partition(":")[0] for span in exported(world.rest()) if span.error}
    assert errors == dict.fromkeys(
        ["servicefooset.rollout", "servicefooset.refine", "pod", "admit"], "SchedulerNotAssigned"
    )


def test_a_pod_that_ended_is_told_before_it_is_deleted() -> None:
    world = World(service({"replicas": 1}))
    world.rest()
    world.bind(world.live()[0].name)
    world.after(30)
    world.end(world.live()[0].name)
    spans = exported(world.rest())
    assert kinds(spans) == {"pod": 1, "create": 1, "admit": 1}
    (life,) = [span for span in spans if span.name == Hop.POD]
    assert life.error == "Failed"
    world.run_all()
    later = exported(world.rest())
    assert kinds(later) == {"servicefooset.rollout": 1, "servicefooset.refine": 1, "pod": 1, "create": 1, "admit": 1}
    assert life.parent in {span.context.span_id for span in later}


def test_only_the_first_pods_and_failures_are_told() -> None:
    spans = rollout(World(service({"replicas": 120})))
    assert kinds(spans)["pod"] == 100
