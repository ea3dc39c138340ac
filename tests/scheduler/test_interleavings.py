"""The two watches in every order, with lost replies, restarts of names, and others who bind: what the room promises."""

from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from foosets.api.meta import Key
from foosets.api.names import NodeName
from foosets.api.pod import Condition
from foosets.planning.actions import Bind, SetPodCondition
from foosets.runtime.writers import Performed
from tests.placement.cells import node
from tests.scheduler.cluster import Fault, World, a_pod

NAMES = st.sampled_from([f"p{number}" for number in range(3)])
WATCHES = st.sampled_from(["waiting", "bound"])
NODES = ["n1", "n2"]
OTHERS = "others"
CPU = 4000


class Interleavings(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.world = World()
        for name in NODES:
            self.world.node(node(name))
        self.world.node(node(OTHERS, unschedulable=True))

    @rule(name=NAMES, cpu=st.sampled_from(["1", "3", "9"]))
    def create(self, name: str, cpu: str) -> None:
        self.world.server.create(a_pod(name, cpu))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.world.server.delete(Key("ns", name))

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        self.world.server.end(Key("ns", name))

    @rule(name=NAMES)
    def another_scheduler_binds(self, name: str) -> None:
        pod = self.world.server.pods.get(Key("ns", name))
        if pod is not None and not pod.spec.node_name:
            self.world.server.bind(Bind("ns", name, pod.metadata.uid, NodeName(OTHERS)))

    @rule(which=WATCHES, count=st.integers(1, 3))
    def deliver(self, which: str, count: int) -> None:
        self.world.deliver(which, count)

    @rule(which=WATCHES)
    def relist(self, which: str) -> None:
        self.world.server.relist(which)

    @rule()
    def bookmark(self) -> None:
        self.world.server.bookmark()

    @rule(
        number=st.integers(0, 4),
        fault=st.sampled_from([Fault.NONE, Fault.NONE, *Fault]),
        during=st.lists(WATCHES, max_size=3),
    )
    def look(self, number: int, fault: Fault, during: list[str]) -> None:
        world = self.world
        keys = list(world.keys)
        if not keys:
            return
        world.fault = fault
        world.during = during
        world.look(keys[number % len(keys)])
        world.during = []

    @rule(seconds=st.sampled_from([0.1, 1.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @invariant()
    def nothing_is_overcommitted(self) -> None:
        for name in NODES:
            assert self.world.truly_used(name) <= CPU

    @invariant()
    def no_bound_pod_goes_uncounted(self) -> None:
        for name in NODES:
            assert self.world.free(name) <= CPU - self.world.truly_used(name)

    @invariant()
    def every_pod_is_bound_once(self) -> None:
        uids = [uid for uid, _ in self.world.server.bindings]
        assert len(uids) == len(set(uids))

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.settle()
        self.nothing_is_overcommitted()
        self._nothing_is_left_behind()
        self._who_waits_fits_nowhere()

    def _nothing_is_left_behind(self) -> None:
        world = self.world
        assert len(world.room._decisions) == 0
        assert world.room._table.statistics()["assumed"] == 0
        for name in NODES:
            assert world.free(name) == CPU - world.truly_used(name)

    def _who_waits_fits_nowhere(self) -> None:
        world = self.world
        for pod in world.server.pods.values():
            if not pod.spec.node_name:
                wants = int(str(pod.spec.containers[0].resources.requests["cpu"])) * 1000
                assert wants > max(world.free(name) for name in NODES)
                assert pod.status.conditions[0].reason == "Unschedulable"


Interleavings.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestInterleavings = Interleavings.TestCase


@pytest.fixture
def world() -> World:
    world = World()
    world.node(node("n1"))
    world.node(node("n2"))
    return world


def test_many_pods_fill_the_nodes_and_no_more(world: World) -> None:
    for number in range(10):
        world.server.create(a_pod(f"p{number}"))
    world.settle()
    assert sorted(where for _, where in world.server.bindings) == ["n1"] * 4 + ["n2"] * 4
    waiting = [status for status in world.statuses().values() if status.conditions[0].status == "False"]
    assert [status.conditions[0].message for status in waiting] == ["0/2 nodes are available: 2 Insufficient cpu."] * 2


def test_pods_are_spread(world: World) -> None:
    for number in range(4):
        world.server.create(a_pod(f"p{number}"))
    world.settle()
    assert sorted(where for _, where in world.server.bindings) == ["n1", "n1", "n2", "n2"]


def test_a_stale_cache_of_waiting_pods_binds_nothing_twice(world: World) -> None:
    world.server.create(a_pod("p"))
    world.deliver("waiting")
    world.look_at_all()
    for _ in range(5):
        world.keys[Key("ns", "p")] = None
        world.look_at_all()
        world.pass_time(61)
    world.deliver("bound", 5)
    world.look_at_all()
    assert len(world.writes) == 1


def test_a_conflict_gives_the_room_back_and_is_not_repeated(world: World) -> None:
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    world.server.bind(Bind("ns", "p", world.server.pods[Key("ns", "p")].metadata.uid, NodeName("elsewhere")))
    for _ in range(3):
        world.look(Key("ns", "p"))
    assert len(world.writes) == 1
    assert {world.free("n1"), world.free("n2")} == {CPU}


def test_a_refused_binding_gives_the_room_back_and_is_tried_later(world: World) -> None:
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    world.fault = Fault.FORBIDDEN
    world.look(Key("ns", "p"))
    assert {world.free("n1"), world.free("n2")} == {CPU}
    world.look(Key("ns", "p"))
    assert [type(write) for write in world.writes] == [Bind, SetPodCondition]
    world.settle()
    assert len(world.server.bindings) == 1


def test_what_is_told_too_late_is_refused_once_and_changes_nothing(world: World) -> None:
    """Somebody else has bound the pod, and the watch has not brought that yet."""
    world.server.create(a_pod("p", "9"))
    world.deliver("waiting")
    world.server.bind(Bind("ns", "p", world.server.pods[Key("ns", "p")].metadata.uid, NodeName("elsewhere")))
    for _ in range(15):
        world.look_at_all()
        world.pass_time(1)
    assert [type(write) for write in world.writes] == [SetPodCondition]
    world.settle()
    assert len(world.writes) == 1
    assert world.obstructions.of(Key("ns", "p"), 0) is None
    assert world.statuses()["p"].conditions == [Condition("PodScheduled", "True")]


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.REQUEST_LOST, Fault.OVERLOADED])
def test_without_an_answer_the_same_node_is_asked_for_again(world: World, fault: Fault) -> None:
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    world.fault = fault
    world.look(Key("ns", "p"))
    assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]
    world.fault = Fault.NONE
    world.look(Key("ns", "p"))
    first, second = world.writes
    assert isinstance(first, Bind)
    assert isinstance(second, Bind)
    assert first.node == second.node
    assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]
    world.settle()
    assert len(world.server.bindings) == 1


def test_a_binding_that_met_a_bug_has_no_answer(world: World) -> None:
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    seen = world.room.observe(Key("ns", "p"), None)
    assert seen is not None
    planned = world.room.plan(seen, datetime.fromtimestamp(world.now / 1_000_000, UTC))
    world.room.acted(planned, Performed(bug=TypeError("a bug")))
    assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]
    again = world.look(Key("ns", "p"))
    assert again is not None
    assert again.actions == planned.actions
    world.settle()
    assert len(world.server.bindings) == 1


def test_a_refusal_says_nothing_of_an_earlier_try_without_answer(world: World) -> None:
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    for fault in (Fault.REPLY_LOST, Fault.FORBIDDEN):
        world.fault = fault
        world.look(Key("ns", "p"))
    assert len(world.server.bindings) == 1
    assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]


def test_a_pod_that_came_and_went_in_one_watch_is_not_bound_by_the_other(world: World) -> None:
    world.server.create(a_pod("p"))
    world.deliver("waiting")
    world.look_at_all()
    world.server.delete(Key("ns", "p"))
    world.deliver("bound", 5)
    world.keys[Key("ns", "p")] = None
    world.look_at_all()
    assert len(world.writes) == 1


def test_the_next_pod_of_a_name_is_bound_too(world: World) -> None:
    world.server.create(a_pod("p"))
    world.deliver("waiting")
    world.look_at_all()
    world.server.delete(Key("ns", "p"))
    world.server.create(a_pod("p"))
    world.settle()
    assert len(world.server.bindings) == 2


def test_late_news_of_an_earlier_pod_does_not_uncount_the_next_one(world: World) -> None:
    """The watch of bound pods is two lives behind."""
    world.server.create(a_pod("p", "4"))
    world.server.bind(Bind("ns", "p", world.server.pods[Key("ns", "p")].metadata.uid, NodeName("elsewhere")))
    world.server.delete(Key("ns", "p"))
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting", 5)
    world.look_at_all()
    for _ in range(4):
        assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]
        world.deliver("bound")


def test_a_pod_that_vanished_between_the_watches_leaves_no_room_behind(world: World) -> None:
    """It was bound and deleted while the watch of bound pods was broken."""
    world.server.create(a_pod("p", "4"))
    world.deliver("waiting")
    world.look_at_all()
    world.server.delete(Key("ns", "p"))
    world.server.relist("bound")
    world.deliver("waiting", 5)
    world.look_at_all()
    assert sorted([world.free("n1"), world.free("n2")]) == [0, CPU]
    world.settle()
    assert {world.free("n1"), world.free("n2")} == {CPU}


def test_room_that_is_made_lets_the_waiting_pods_look_at_once(world: World) -> None:
    world.server.create(a_pod("p0", "4"))
    world.server.create(a_pod("p1", "4"))
    world.settle()
    world.server.create(a_pod("p2", "4"))
    world.settle()
    assert len(world.server.bindings) == 2
    world.server.end(Key("ns", "p0"))
    world.deliver("bound", 5)
    world.look_at_all()
    assert len(world.server.bindings) == 3


def test_a_new_process_binds_nothing_that_is_bound(world: World) -> None:
    world.server.create(a_pod("p"))
    world.settle()
    world.new_process()
    world.node(node("n1"))
    world.settle()
    assert len(world.writes) == 1
    assert world.free("n1") == CPU - world.truly_used("n1")
