"""Whatever happens, a set comes to rest as its spec says, and no bound is broken on the way."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.api.names import ATTEMPT, INDEX
from foosets.planning.actions import Create, Plan
from foosets.planning.indexes import Attempts
from tests.servicefooset.builders import Raw, World, service, template

Event = Callable[[World], None]


def of_a_pod(happen: Callable[[World, str], None]) -> st.SearchStrategy[Event]:
    """Let something happen to one of the pods, if there is any."""

    def event(number: int) -> Event:
        def to(world: World) -> None:
            if world.pods:
                happen(world, sorted(world.pods)[number % len(world.pods)])

        return to

    return st.integers(0, 7).map(event)


def scale(replicas: int) -> Event:
    return lambda world: world.change(replicas=replicas)


def change(image: int) -> Event:
    return lambda world: world.change(template=template(f"web:{image}"))


def wait(seconds: float) -> Event:
    return lambda world: world.after(seconds)


def look(times: int) -> Event:
    def event(world: World) -> None:
        for _ in range(times):
            checked_look(world)

    return event


def get_ready(world: World, name: str) -> None:
    world.bind(name)
    world.ready(name)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.integers(0, 4).map(scale),
    st.integers(1, 3).map(change),
    st.sampled_from([0.5, 9.0, 40.0]).map(wait),
    st.integers(1, 4).map(look),
    of_a_pod(World.bind),
    of_a_pod(get_ready),
    of_a_pod(World.refuse),
    of_a_pod(World.end),
    of_a_pod(World.reject),
    of_a_pod(lambda world, name: world.end(name, "Succeeded")),
    of_a_pod(World.vanish),
    st.just(World.finish_deletions),
)


def attempts_of(world: World) -> Attempts:
    return Attempts.from_groups((group.indexes, group.attempt) for group in world.status().attempts)


def place(raw: Raw) -> tuple[int, int]:
    labels = raw["metadata"]["labels"]
    return int(labels[INDEX]), int(labels[ATTEMPT])


def checked_look(world: World) -> Plan:
    """Look once, and hold every bound against what came of it."""
    held = {member.index for member in world.live()}
    recorded, earlier = attempts_of(world), len(world.created)
    plan = world.look()
    slots = [place(raw) for raw in world.created[earlier:]]
    assert len(slots) == len([action for action in plan.actions if isinstance(action, Create)])
    for slot, attempt in slots:
        assert slot < world.service.spec.replicas
        assert slot not in held, "two live pods in one slot"
        assert attempt == recorded[slot], "an attempt that status did not show"
    assert all(attempts_of(world)[slot] >= attempt for slot, attempt in recorded.items())
    return plan


def come_to_rest(world: World) -> None:
    """Let time pass and the cluster do its part until the controller has nothing left to do."""
    checked_look(world)
    world.after(700)
    for _ in range(12):
        for _ in range(4):
            checked_look(world)
        world.finish_deletions()
        world.run_all()
        world.after(11)
    assert world.plan() == Plan()


def live_through(events: list[Event], *, lingers: bool) -> World:
    """Let the events happen, with a look after each, and then let the world come to rest."""
    world = World(service(), lingers=lingers)
    for event in events:
        event(world)
        checked_look(world)
    come_to_rest(world)
    assert [member.index for member in world.live()] == list(range(world.service.spec.replicas))
    assert {member.revision for member in world.live()} <= {world.seen().revision}
    assert len(world.pods) == world.service.spec.replicas, "a pod that ended was left behind"
    return world


UNTIMED = settings(max_examples=60, deadline=None)  # how long an example takes says more about the machine


@UNTIMED
@given(events=st.lists(EVENTS, max_size=25), lingers=st.booleans())
def test_it_comes_to_rest_as_the_spec_says_and_uses_no_attempt_twice(events: list[Event], *, lingers: bool) -> None:
    world = live_through(events, lingers=lingers)
    assert world.condition("Ready") == ("True", "Available")
    trace = world.status().trace
    assert trace is not None
    assert trace.closed
    made = [place(raw) for raw in world.created]
    assert len(set(made)) == len(made)


@UNTIMED
@given(events=st.lists(st.one_of(EVENTS, st.just(World.restart)), max_size=25), lingers=st.booleans())
def test_a_restart_at_any_time_leads_to_the_same_end(events: list[Event], *, lingers: bool) -> None:
    live_through(events, lingers=lingers)
