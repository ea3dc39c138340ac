"""Pods that kubelets reject: counted once, cleaned up, placed again, and never a storm."""

from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.api import names
from foosets.planning.naming import uid_hash
from foosets.planning.stamps import parse_time
from foosets.planning.trace import Attribute, Hop
from tests.servicefooset.builders import UID, World, acts, service

P = f"web-{uid_hash(names.Uid(UID))}-"
TEN_MINUTES = 600.0


def of(replicas: int) -> World:
    world = World(service({"replicas": replicas}))
    world.rest()
    return world


def done(world: World) -> list[str]:
    return [act for plan in world.rest() for act in acts(plan)]


def test_a_rejected_pod_is_counted_deleted_and_replaced_at_once() -> None:
    world = of(2)
    world.reject(f"{P}1")
    plan = world.look()
    assert acts(plan) == []
    assert world.status().placement_conflicts == 1
    assert sorted(done(world)) == [f"+{P}1-1", f"-{P}1"]
    world.run_all()
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert world.status().placement_conflicts == 1


def test_the_second_rejection_in_a_row_lets_the_slot_wait_and_says_why() -> None:
    world = of(1)
    for name in (f"{P}0", f"{P}0-1"):
        world.reject(name)
        world.rest()
    assert world.pods == {}
    assert world.condition("Placed") == ("False", "KubeletRejected")
    blocked = world.status().blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.name) == ("ServiceFooSet", "web")
    assert blocked.message.endswith(f"node n1 rejected {P}0-1, OutOfcpu: Pod was rejected: no cpu")
    world.restart()
    wake = world.plan().wake_after
    assert wake is not None
    assert 10 <= wake <= 20
    world.after(wake)
    assert done(world) == [f"?{P}dry-run", f"+{P}0-2"]


def test_a_slot_that_is_not_wanted_any_more_keeps_nothing_waiting_and_is_not_forgotten() -> None:
    world = of(2)
    for name in (f"{P}1", f"{P}1-1"):
        world.reject(name)
        world.run_all()
        world.rest()
    assert world.condition("Ready") == ("False", "KubeletRejected")
    world.change(replicas=1)
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert [(group.indexes, group.count) for group in world.status().rejections] == [("1", 2)]
    world.change(replicas=2)
    assert done(world) == []
    assert world.condition("Ready") == ("False", "KubeletRejected")


def test_a_rejected_pods_span_says_so_and_its_successors_are_its_siblings() -> None:
    world = of(1)
    world.reject(f"{P}0")
    plans = world.rest()
    world.run_all()
    spans = [span for plan in plans + world.rest() for span in plan.spans]
    assert len({span.context.span_id for span in spans}) == len(spans)
    pods = {span.attributes[Attribute.ATTEMPT]: span for span in spans if span.name == Hop.POD}
    assert pods[0].error == "OutOfcpu: Pod was rejected: no cpu"
    assert pods[1].error == ""
    assert pods[0].parent == pods[1].parent
    (refine,) = (span for span in spans if span.name == Hop.SERVICEFOOSET_REFINE)
    assert refine.context.span_id == pods[0].parent


STEPS = st.tuples(st.sampled_from(["reject", "look", "crash", "run"]), st.sampled_from([0.0, 0.5, 11.0, 45.0, 170.0]))


def take(world: World, step: str) -> None:
    match step:
        case "reject":
            for name in list(world.pods):
                world.reject(name)
        case "crash":
            world.look()
            world.restart()
        case "run":
            world.run_all()
        case _:
            world.rest()


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_rejections_are_counted_once_bounded_and_leave_nothing_behind(steps: list[tuple[str, float]]) -> None:
    world = of(2)
    for step, seconds in steps:
        take(world, step)
        world.after(seconds)
    world.rest()
    world.after(700)
    world.rest()
    assert world.status().placement_conflicts == len(world.rejected)
    assert len(world.live()) == len(world.pods) == 2
    for slot in ("0", "1"):
        of_slot = [raw["metadata"] for raw in world.rejected if raw["metadata"]["labels"][names.INDEX] == slot]
        times = [(parse_time(meta["creationTimestamp"]) or 0) / 1_000_000 for meta in of_slot]
        assert all(sixth - first >= TEN_MINUTES for first, sixth in zip(times, times[5:], strict=False))
