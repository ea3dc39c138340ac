"""What the scheduler adds to a pod's trace, and when."""

import pytest

from foosets.api.meta import Key
from foosets.api.names import ATTEMPT, INDEX, STAMPS, TRACEPARENT, NodeName, Uid
from foosets.planning.actions import Bind
from foosets.planning.stamps import SECOND, Stamps, format_second
from foosets.planning.trace import Context, Hop, pod_span_id, trace_id
from tests.placement.cells import node
from tests.scheduler.cluster import START, World, a_pod

TRACE = trace_id(Uid("root"), 1, 0)
CONTEXT = Context(TRACE, pod_span_id(TRACE, Uid("owner"), 0, 0))
KEY = Key("ns", "p")


@pytest.fixture
def world() -> World:
    world = World()
    world.node(node("n1"))
    return world


def create(world: World, cpu: str = "1", index: str = "0") -> None:
    pod = a_pod("p", cpu, **{INDEX: index, ATTEMPT: "0"})
    pod.metadata.annotations[TRACEPARENT] = CONTEXT.traceparent
    pod.metadata.creation_timestamp = format_second(START)
    world.server.create(pod)
    world.deliver("waiting")


def bind(world: World) -> None:
    world.now += 2000
    world.look_at_all()
    world.now += 3000
    world.catch_up()
    world.look_at_all()


def test_a_binding_carries_the_stamps_of_the_scheduler(world: World) -> None:
    create(world)
    bind(world)
    assert world.stamps("p") == Stamps(schedule=START, scheduled=START + 2000, bind=START + 2000)


def test_both_spans_hang_under_the_pod(world: World) -> None:
    create(world)
    bind(world)
    assert [span.name for span in world.spans] == [Hop.SCHEDULE, Hop.BIND]
    for span in world.spans:
        assert span.parent == CONTEXT.span_id
        assert span.context == CONTEXT.child(span.name)
        assert not span.error
    schedule, bound = world.spans
    assert (schedule.start, schedule.end) == (START, START + 2000)
    assert (bound.start, bound.end) == (START + 2000, START + 5000)


def test_the_spans_are_sent_once(world: World) -> None:
    create(world)
    bind(world)
    world.server.end(KEY)
    world.settle()
    world.server.relist("bound")
    world.settle()
    assert len(world.spans) == 2


@pytest.mark.parametrize(("age", "spans"), [(59, 2), (60, 0)])
def test_a_new_process_sends_them_again_while_they_are_young(world: World, age: int, spans: int) -> None:
    create(world)
    bind(world)
    sent = {span.context for span in world.spans}
    world.spans.clear()
    world.now = START + 2000 + age * SECOND
    world.new_process()
    world.look_at_all()
    assert len(world.spans) == spans
    assert {span.context for span in world.spans} <= sent


@pytest.mark.parametrize("index", ["100", "x", "9" * 50])
def test_a_pod_whose_owner_sends_no_span_gets_none(world: World, index: str) -> None:
    create(world, index=index)
    bind(world)
    assert world.spans == []


def test_a_pod_of_nobody_is_bound_without_stamps_and_spans(world: World) -> None:
    pod = a_pod("p")
    pod.metadata.labels.clear()
    world.server.create(pod)
    world.settle()
    assert len(world.server.bindings) == 1
    assert world.stamps("p") == Stamps()
    assert world.spans == []


def test_a_new_process_owes_nothing_of_a_large_set(world: World) -> None:
    create(world, index="100")
    bind(world)
    world.new_process()
    world.look_at_all()
    assert world.spans == []


def refuse(world: World) -> None:
    """Let the pod be refused at START, and the cache know it."""
    create(world, "5")
    world.look_at_all()
    world.deliver("waiting")
    world.look_at_all()


@pytest.mark.parametrize(("seconds", "spans"), [(29, 0), (30, 1), (89, 1), (90, 0)])
def test_a_long_refusal_is_an_error(world: World, seconds: int, spans: int) -> None:
    refuse(world)
    world.pass_time(seconds)
    world.look_at_all()
    assert len(world.spans) == spans
    for span in world.spans:
        assert (span.name, span.parent, span.end) == (Hop.SCHEDULE, CONTEXT.span_id, START + 30 * SECOND)
        assert span.error == "NoFit: 0/1 nodes are available: 1 Insufficient cpu."


def test_the_look_that_sends_it_is_asked_for(world: World) -> None:
    refuse(world)
    world.pass_time(29)
    plan = world.look(KEY)
    assert plan is not None
    assert plan.wake_after == pytest.approx(1)


def test_a_refusal_is_mourned_once_and_ends_the_pods_part(world: World) -> None:
    refuse(world)
    for _ in range(3):
        world.pass_time(30)
        world.look_at_all()
    world.node(node("n1", allocatable={"cpu": "8"}))
    world.settle()
    assert len(world.server.bindings) == 1
    assert [bool(span.error) for span in world.spans] == [True]
    assert world.stamps("p") == Stamps()


def test_whoever_does_not_lead_keeps_no_more_than_a_minute_of_pods(world: World) -> None:
    for number in range(3):
        name = f"p{number}"
        pod = a_pod(name, **{INDEX: "0", ATTEMPT: "0"})
        pod.metadata.annotations[TRACEPARENT] = CONTEXT.traceparent
        pod.metadata.annotations[STAMPS] = Stamps(bind=world.now).render()
        world.server.create(pod)
        world.server.bind(Bind("ns", name, pod.metadata.uid, NodeName("n1")))
        world.catch_up()
        assert set(world.room._owed) == set(world.room.all_keys()) == {Key("ns", name)}
        world.server.delete(Key("ns", name))
        world.catch_up()
        world.now += 61 * SECOND
    assert world.room._worth_a_try == set()
