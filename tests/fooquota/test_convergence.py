"""Whatever sets ask for and pods do, look after look comes to rest, within the limits and with nothing leaked.

Controllers are played that obey: a part makes pods up to the count that it is told, none larger than it is told, of the
newest spec that it has heard of. A FooSet hands a spec to its parts when all quotas have granted it; a set without
parent hears of each, and makes nothing of one before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from foosets.api.fooquota import FooQuota, Reservation
from foosets.api.names import Kind
from foosets.fooquota.state import Live, Observed, Part, Root
from foosets.planning.amounts import exceeding, parsed, total
from tests.builders import NOW, metadata
from tests.fooquota.world import quota, root, settled, written

QUOTAS = (quota("cores", cpu="10"), quota("pods", pods="8", cpu="14"))
ALONE = "c"
"""The set without parent."""


class Wish(NamedTuple):
    """So many pods of one part, and how many CPUs each takes."""

    pods: int
    cpu: int


Wishes = Mapping[str, Wish]


@dataclass
class Played:
    """One root: what it wants, what its parts' objects say, what their controllers have heard of, and its pods' CPUs.

    `seen` is the generation that the controller of a set without parent has heard of.
    """

    wants: Wishes
    objects: Wishes = field(default_factory=dict[str, Wish])
    heard: Wishes = field(default_factory=dict[str, Wish])
    pods: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    generation: int = 1
    seen: int = 0
    there: bool = True

    @property
    def live(self) -> dict[str, Live]:
        """What its pods take, part by part."""
        return {
            name: Live(len(sizes), {"cpu": sum(sizes) * 1000, "pods": len(sizes)})
            for name, sizes in self.pods.items()
            if sizes
        }

    def part(self, name: str) -> Part:
        """A part as the quota controller sees it."""
        wish = self.wants.get(name, Wish(0, 0))
        made = name in self.objects or name in self.heard
        acknowledged = not made or self.wants.get(name) == self.objects.get(name) == self.heard.get(name)
        if name == ALONE:
            acknowledged = self.seen == self.generation
        waits = name == ALONE or not made
        return Part(name, wish.pods, {"cpu": wish.cpu * 1000, "pods": 1}, acknowledged, waits=waits)

    def root(self, name: str) -> Root:
        """The root as the quota controller sees it."""
        parts = tuple(self.part(child) for child in sorted({*self.wants, *self.objects, *self.heard}) if self.there)
        kind = Kind.SERVICEFOOSET if name == ALONE else Kind.FOOSET
        return root(name, *parts, live=self.live, kind=kind, generation=self.generation, staying=self.there)


class World:
    """A namespace with its two quotas, of which `changed` were made or changed and have not been written since."""

    def __init__(self) -> None:
        self.roots: dict[str, Played] = {}
        self.seen = Observed(QUOTAS)
        self.now = NOW
        self.changed: set[str] = set()

    def look(self) -> None:
        """Let the quota controller look once."""
        self.seen = replace(self.seen, roots=tuple(played.root(name) for name, played in self.roots.items()))
        before = self.seen.quotas
        self.seen = written(self.seen, self.now) or self.seen
        for old, new in zip(before, self.seen.quotas, strict=True):
            if old is new:
                continue
            if new.metadata.name not in self.changed:
                above = exceeding(_reserved(new), parsed(new.spec.hard))
                assert above.keys().isdisjoint(exceeding(_reserved(new), _reserved(old)))
            self.changed.discard(new.metadata.name)

    def settle(self) -> None:
        """Let it look until nothing is left to write."""
        self.look()
        self.seen = settled(self.seen, self.now)

    def check(self) -> None:
        """What holds at every step: a root is charged once, and its pods are within its charge."""
        for one in self.seen.quotas:
            entries = one.status.reservations
            assert len({entry.uid for entry in entries}) == len(entries)
            for entry in entries:
                live = self.roots[entry.name].live.values() if entry.name in self.roots else ()
                assert exceeding(total(pods.amounts for pods in live), parsed(entry.requests)) == {}

    # ---- what users and controllers do

    def ask(self, name: str, wishes: Wishes) -> None:
        """Make a root, or change what it wants."""
        wishes = {ALONE: next(iter(wishes.values()), Wish(0, 0))} if name == ALONE else wishes
        played = self.roots.setdefault(name, Played(wishes))
        if played.there and played.wants != wishes:
            played.wants, played.generation = wishes, played.generation + 1

    def scale(self, name: str, child: str, pods: int) -> None:
        """Change the count of a part; that of a set without parent is its own."""
        played = self.roots.get(name)
        if played is None or not played.there:
            return
        if name == ALONE:
            self.ask(name, {ALONE: Wish(pods, played.wants[ALONE].cpu)})
        elif child in played.wants and child in played.objects:
            played.wants = {**played.wants, child: Wish(pods, played.wants[child].cpu)}
            played.objects = {**played.objects, child: Wish(pods, played.objects[child].cpu)}

    def limit(self, name: str, hard: Mapping[str, int] | None) -> None:
        """Make a quota or change its limits; None takes it away."""
        quotas = {one.metadata.name: one for one in self.seen.quotas}
        old = quotas.pop(name, None)
        self.now += timedelta(seconds=1)
        self.changed.add(name)
        if hard is not None:
            made = FooQuota.model_validate(
                {
                    "metadata": {**metadata(name), "creationTimestamp": self.now},
                    "spec": {"hard": {resource: str(value) for resource, value in hard.items()}},
                }
            )
            quotas[name] = made if old is None else old.model_copy(update={"spec": made.spec})
        self.seen = replace(self.seen, quotas=tuple(quotas.values()))

    def delete(self, name: str) -> None:
        """Take a root away; its children go with it, and its pods when they end."""
        if name in self.roots:
            played = self.roots[name]
            played.there, played.objects, played.heard = False, {}, {}
            self._bury(name)

    def hear(self, name: str) -> None:
        """Let a FooSet hand its newest generation to its parts, if all quotas have granted it."""
        played, entries = self.roots.get(name), self._entries(name)
        if played is not None and played.there and all(e and e.generation >= played.generation for e in entries):
            played.objects = played.wants

    def see(self, name: str) -> None:
        """Let the controllers of a root's parts hear of what their objects say."""
        played = self.roots.get(name)
        if played is not None and played.there:
            played.heard, played.seen = played.wants if name == ALONE else played.objects, played.generation

    def make(self, name: str) -> None:
        """Let every part make the pods that it has heard of and may have."""
        played, entries = self.roots.get(name), self._entries(name)
        for child, wish in played.heard.items() if played is not None else ():
            told = [next((one for one in e.children if one.name == child), None) if e else None for e in entries]
            granted = name != ALONE or all(e and e.generation >= self.roots[name].seen for e in entries)
            pods = self.roots[name].pods.setdefault(child, [])
            if granted and all(one and wish.cpu * 1000 <= parsed(one.pod_requests).get("cpu", 10**9) for one in told):
                pods.extend([wish.cpu] * (min(wish.pods, *(one.count for one in told if one)) - len(pods)))

    def end(self, name: str) -> None:
        """Let the oldest pod of every part end."""
        for pods in self.roots[name].pods.values() if name in self.roots else ():
            del pods[:1]
        self._bury(name)

    def _bury(self, name: str) -> None:
        if name in self.roots and not self.roots[name].there and not self.roots[name].live:
            del self.roots[name]

    def _entries(self, name: str) -> list[Reservation | None]:
        return [next((e for e in one.status.reservations if e.name == name), None) for one in self.seen.quotas]


def _reserved(one: FooQuota) -> dict[str, int]:
    nothing = dict.fromkeys(one.spec.hard, 0)
    return {**nothing, **total(parsed(entry.requests) for entry in one.status.reservations)}


def check_limits(world: World) -> None:
    """What holds beside that where limits stand: they are kept, and no pods are without a charge."""
    for one in world.seen.quotas:
        assert exceeding(_reserved(one), parsed(one.spec.hard)) == {}
        known = {entry.name for entry in one.status.reservations}
        assert not any(played.live for name, played in world.roots.items() if name not in known)


Event = Callable[[World], None]
NAMES = st.sampled_from("abc")
WISHES = st.dictionaries(st.sampled_from("xyz"), st.builds(Wish, st.integers(0, 5), st.integers(0, 4)), max_size=3)


def ask(name: str, wishes: Wishes) -> Event:
    return lambda world: world.ask(name, wishes)


def scale(name: str, child: str, count: int) -> Event:
    return lambda world: world.scale(name, child, count)


def limit(name: str, hard: Mapping[str, int] | None) -> Event:
    return lambda world: world.limit(name, hard)


def of_a_root(happen: Callable[[World, str], None]) -> st.SearchStrategy[Event]:
    return NAMES.map(lambda name: lambda world: happen(world, name))


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ask, NAMES, WISHES),
    st.builds(scale, NAMES, st.sampled_from("xyz"), st.integers(0, 5)),
    st.just(World.look),
    st.just(World.look),
    of_a_root(World.hear),
    of_a_root(World.see),
    of_a_root(World.make),
    of_a_root(World.end),
    of_a_root(World.delete),
)
LIMITS = st.dictionaries(st.sampled_from(("cpu", "pods")), st.integers(2, 14), min_size=1)
CHANGES: st.SearchStrategy[Event] = st.one_of(
    st.builds(limit, st.sampled_from(("cores", "pods")), LIMITS),
    st.builds(limit, st.sampled_from(("cores", "later")), LIMITS | st.none()),
)


def at(name: str, *happen: Callable[[World, str], None]) -> list[Event]:
    return [lambda world, one=one: one(world, name) for one in happen]


TWICE: list[Event] = [World.look, World.look]
FEWER_AND_LARGER_AND_MORE = [
    *(ask("c", {"x": Wish(3, 1)}), *TWICE, ask("c", {"x": Wish(1, 4)}), *TWICE, ask("c", {"x": Wish(3, 4)}), *TWICE),
    *at("c", World.see, World.make),
]
FEWER_AND_LARGER_AND_SCALED = [
    *(ask("a", {"x": Wish(3, 1)}), *TWICE, *at("a", World.hear, World.see), ask("a", {"x": Wish(1, 4)}), *TWICE),
    *(*at("a", World.hear), scale("a", "x", 3), *at("a", World.see, World.make)),
]
LOWERED_IN_MID_FLIGHT = [
    *(ask("a", {"x": Wish(4, 1)}), *TWICE, *at("a", World.hear, World.see, World.make), scale("a", "x", 6)),
    *(World.look, limit("pods", {"pods": 4}), *TWICE, *TWICE, *at("a", World.see, World.make)),
]


@settings(max_examples=300, deadline=None)  # how long an example takes says more about the machine
@given(st.lists(EVENTS, max_size=40))
@example(FEWER_AND_LARGER_AND_MORE)
@example(FEWER_AND_LARGER_AND_SCALED)
def test_limits_hold_at_every_step_and_it_comes_to_rest(events: list[Event]) -> None:
    world = World()

    for event in events:
        event(world)
        world.check()
        check_limits(world)

    world.settle()
    world.check()
    check_limits(world)
    assert written(world.seen) is None
    assert all({e.name for e in one.status.reservations} <= world.roots.keys() for one in world.seen.quotas)


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS | CHANGES, max_size=40))
@example(LOWERED_IN_MID_FLIGHT)
def test_where_limits_change_no_sum_is_raised_above_one_and_it_comes_to_rest(events: list[Event]) -> None:
    world = World()

    for event in events:
        event(world)
        world.check()

    world.settle()
    world.check()
    assert written(world.seen, world.now) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENTS, max_size=30))
def test_when_all_is_carried_out_each_is_charged_with_what_it_wants_alone(events: list[Event]) -> None:
    world = World()
    for event in events:
        event(world)

    for _ in range(12):  # as many rounds as the largest shift of pods between parts takes, and some
        for name in list(world.roots):
            world.look()
            world.look()
            world.hear(name)
            world.see(name)
            world.look()
            world.look()
            for child, pods in world.roots[name].pods.items():
                wish = world.roots[name].heard.get(child, Wish(0, 0))
                world.roots[name].pods[child] = [cpu for cpu in pods if cpu == wish.cpu][: wish.pods]
            world.make(name)
            world.check()
            world._bury(name)
    world.settle()

    queued = {entry.name for one in world.seen.quotas for entry in one.status.queue}
    assert world.roots.keys() - queued <= {entry.name for entry in world.seen.quotas[0].status.reservations}
    for entry in world.seen.quotas[0].status.reservations:
        played = world.roots[entry.name]
        if entry.name not in queued:
            assert played.live == {
                name: Live(wish.pods, {"cpu": wish.pods * wish.cpu * 1000, "pods": wish.pods})
                for name, wish in played.wants.items()
                if wish.pods
            }
            assert parsed(entry.requests)["cpu"] == sum(wish.pods * wish.cpu for wish in played.wants.values()) * 1000
