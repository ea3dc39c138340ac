"""Whatever sets ask for and pods do, look after look comes to rest, within the limits and with nothing leaked.

Controllers are played that obey: a part makes pods up to the count that it is told, of the newest spec that it has
heard of, and hears of one when all quotas have granted it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.api.fooquota import Reservation
from foosets.fooquota.state import Live, Observed, Part, Root
from foosets.planning.amounts import exceeding, parsed, total
from tests.fooquota.world import quota, root, settled, written

QUOTAS = (quota("cores", cpu="10"), quota("pods", pods="8", cpu="14"))


class Wish(NamedTuple):
    """So many pods of one part, and how many CPUs each takes."""

    pods: int
    cpu: int


Wishes = Mapping[str, Wish]


@dataclass
class Played:
    """One root: what it wants, what its controllers have heard of, and what CPU each of its pods takes."""

    wants: Wishes
    heard: Wishes = field(default_factory=dict[str, Wish])
    pods: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    generation: int = 1
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
        acknowledged = self.wants.get(name) == self.heard.get(name)
        return Part(name, wish.pods, {"cpu": wish.cpu * 1000, "pods": 1}, acknowledged)

    def root(self, name: str) -> Root:
        """The root as the quota controller sees it."""
        parts = tuple(self.part(child) for child in sorted({*self.wants, *self.heard}) if self.there)
        return root(name, *parts, live=self.live, generation=self.generation, staying=self.there)


class World:
    """A namespace with its two quotas."""

    def __init__(self) -> None:
        self.roots: dict[str, Played] = {}
        self.seen = Observed(QUOTAS)

    def look(self) -> None:
        """Let the quota controller look once."""
        self.seen = replace(self.seen, roots=tuple(played.root(name) for name, played in self.roots.items()))
        self.seen = written(self.seen) or self.seen

    def check(self) -> None:
        """What holds at every step: limits are kept, a root is charged once, and its pods are within its charge."""
        for one in self.seen.quotas:
            entries = one.status.reservations
            assert exceeding(total(parsed(entry.requests) for entry in entries), parsed(one.spec.hard)) == {}
            assert len({entry.uid for entry in entries}) == len(entries)
            given = {entry.name: parsed(entry.requests) for entry in entries}
            for name, played in self.roots.items():
                nothing = dict.fromkeys(one.spec.hard, 0)
                assert exceeding(total(live.amounts for live in played.live.values()), given.get(name, nothing)) == {}

    # ---- what users and controllers do

    def ask(self, name: str, wishes: Wishes) -> None:
        """Make a root, or change what it wants."""
        played = self.roots.setdefault(name, Played(wishes))
        if played.there and played.wants != wishes:
            played.wants, played.generation = wishes, played.generation + 1

    def delete(self, name: str) -> None:
        """Take a root away; its children go with it, and its pods when they end."""
        if name in self.roots:
            self.roots[name].there, self.roots[name].heard = False, {}
            self._bury(name)

    def hear(self, name: str) -> None:
        """Let a root's controllers hear of its newest generation, if all quotas have granted it."""
        played, entries = self.roots.get(name), self._entries(name)
        if played is not None and played.there and all(e and e.generation >= played.generation for e in entries):
            played.heard = played.wants

    def make(self, name: str) -> None:
        """Let every part make the pods that it has heard of and may have."""
        played, entries = self.roots.get(name), self._entries(name)
        for child, wish in played.heard.items() if played is not None else ():
            told = [{one.name: one.count for one in entry.children}.get(child, 0) if entry else 0 for entry in entries]
            pods = self.roots[name].pods.setdefault(child, [])
            pods.extend([wish.cpu] * (min(wish.pods, *told) - len(pods)))

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


Event = Callable[[World], None]
NAMES = st.sampled_from("abc")
WISHES = st.dictionaries(st.sampled_from("xyz"), st.builds(Wish, st.integers(0, 5), st.integers(0, 4)), max_size=3)


def ask(name: str, wishes: Wishes) -> Event:
    return lambda world: world.ask(name, wishes)


def of_a_root(happen: Callable[[World, str], None]) -> st.SearchStrategy[Event]:
    return NAMES.map(lambda name: lambda world: happen(world, name))


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ask, NAMES, WISHES),
    st.just(World.look),
    st.just(World.look),
    of_a_root(World.hear),
    of_a_root(World.make),
    of_a_root(World.end),
    of_a_root(World.delete),
)


@settings(max_examples=300, deadline=None)  # how long an example takes says more about the machine
@given(st.lists(EVENTS, max_size=40))
def test_limits_hold_at_every_step_and_it_comes_to_rest(events: list[Event]) -> None:
    world = World()

    for event in events:
        event(world)
        world.check()

    world.look()
    world.seen = settled(world.seen)
    world.check()
    assert written(world.seen) is None
    assert all({e.name for e in one.status.reservations} <= world.roots.keys() for one in world.seen.quotas)


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
            for child, pods in world.roots[name].pods.items():
                wish = world.roots[name].heard.get(child, Wish(0, 0))
                world.roots[name].pods[child] = [cpu for cpu in pods if cpu == wish.cpu][: wish.pods]
            world.make(name)
            world.check()
            world._bury(name)
    world.look()
    world.seen = settled(world.seen)

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
