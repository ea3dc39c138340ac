"""Whatever happens, a set comes to rest with the children that its spec names, and an end is never taken back."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.api.names import Reason
from foosets.planning.obstacles import Obstacle
from tests.builders import batchfooset, fooset, template
from tests.fooset.world import COMPLETE, FAILED, READY, World

Event = Callable[[World], object]


def of_a_child(happen: Callable[[World, str], Any]) -> st.SearchStrategy[Event]:
    """Let something happen to one of its own children, if there is any."""

    def event(number: int) -> Event:
        def to(world: World) -> None:
            own = sorted(name for name, child in world.children.items() if world.seen().owns(child))
            if own:
                happen(world, own[number % len(own)])

        return to

    return st.integers(0, 7).map(event)


def spec(batch: set[str], service: set[str], host: str) -> Event:
    changed = {"template": template(hostname=host)}
    return lambda world: world.change(fooset(dict.fromkeys(batch, changed), dict.fromkeys(service, changed)))


def take(name: str) -> Event:
    return lambda world: world.children.setdefault(f"demo-{name}", batchfooset(f"demo-{name}"))


def refuse(seconds: float) -> Event:
    def event(world: World) -> None:
        at = world.now.timestamp()
        world.look(refused=Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota", at, at + seconds))

    return event


def wait(seconds: float) -> Event:
    return lambda world: world.after(seconds)


SPECS = st.builds(spec, st.sets(st.sampled_from("ab")), st.sets(st.sampled_from("xy")), st.sampled_from("pq"))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    SPECS,
    st.sampled_from("ab").map(take),
    st.sampled_from([1.0, 30.0, 60.0]).map(refuse),
    st.sampled_from([1.0, 11.0, 45.0]).map(wait),
    st.just(World.look),
    st.just(World.collect),
    of_a_child(lambda world, name: world.report(name, READY)),
    of_a_child(lambda world, name: world.report(name, READY, closed=True)),
    of_a_child(lambda world, name: world.report(name, COMPLETE, closed=True)),
    of_a_child(lambda world, name: world.report(name, FAILED, closed=True)),
    of_a_child(lambda world, name: world.block(name, "NoFit")),
    of_a_child(lambda world, name: world.scale(name, **{count(world, name): 3})),
)


def count(world: World, name: str) -> str:
    return "parallelism" if name in world.seen().batches else "replicas"


def ends(world: World) -> set[str]:
    return {c.type for c in world.status.conditions if c.status == "True"} & {"Complete", "Failed"}


@settings(max_examples=150, deadline=None)  # how long an example takes says more about the machine
@given(st.lists(EVENTS, max_size=20))
def test_a_set_comes_to_rest_as_its_spec_says(events: list[Event]) -> None:
    world = World(fooset({"a": {}}, {"x": {}}))
    ended: set[str] = set()
    for event in events:
        event(world)
        world.rest()
        assert ends(world) >= ended
        assert len(ends(world)) <= 1
        ended = ends(world)
    world.children = {name: child for name, child in world.children.items() if world.seen().owns(child)}
    for _ in range(3):
        world.after(61)
        world.rest()
        world.collect()
    world.rest()
    assert sorted(world.children) == sorted(f"demo-{entry.name}" for entry in world.seen().entries)
    traces = [span.context.trace_id for span in world.spans if span.parent is None]
    assert len(set(traces)) == len(traces), "a trace with two roots"
