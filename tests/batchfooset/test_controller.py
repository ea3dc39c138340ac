"""The room as the engine drives it: stores fed by hand as watches would, and plans carried out on them."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import convert

from foosets.api.batchfooset import BatchFooSet, BatchFooSetStatus
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, NODES, PODS, Key
from foosets.api.names import SET_UID, Component, Reason, Uid
from foosets.api.pod import Pod
from foosets.batchfooset.controller import BatchRoom, assemble
from foosets.batchfooset.plan import plan as plan_alone
from foosets.batchfooset.state import Observed
from foosets.planning.actions import Action, Create, Delete, DryRun, Plan
from foosets.planning.obstacles import Obstacle
from foosets.planning.setspans import microseconds
from foosets.planning.stamps import Stamps
from foosets.runtime.apply import Written
from foosets.runtime.manager import SWARM_SECONDS
from foosets.runtime.obstruction import Obstructions
from foosets.runtime.settings import Settings
from foosets.runtime.writers import Performed
from tests.builders import NOW, Raw, batchfooset, derived, fooquota, raw_pod, template
from tests.placement.cells import node, raw_node

KEY = Key("ns", "work")


def asking(cpu: str, **spec: Any) -> Raw:
    """A spec whose pods ask for so much."""
    pods = template()
    pods["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    return {"template": pods} | spec


class Bench:
    """The room on a test bench: what the engine does with one key, and what the API server does with the actions."""

    def __init__(self) -> None:
        self.now = NOW
        self.asked: list[tuple[Key, float]] = []
        self.obstructions = Obstructions(random.Random(0))
        self.room = BatchRoom(self._ask, lambda: microseconds(self.now))
        self.version = 100
        self.news = False
        self.watching = True
        self.pods: dict[str, Raw] = {}
        self.node_of: dict[str, str] = {}
        self.answer: Callable[[bytes], bytes] = lambda sent: sent
        """What the API server makes of a pod that is sent."""

    def _ask(self, key: Key, after: float = 0.0, /) -> None:
        self.asked.append((key, after))

    def bump(self) -> str:
        self.version += 1
        return str(self.version)

    # ---- events

    def batch(self, batch: BatchFooSet) -> None:
        meta = batch.metadata.model_copy(update={"resource_version": self.bump()})
        self.room.batches.upsert(batch.model_copy(update={"metadata": meta}))

    def node(self, name: str = "n1", cpu: str = "4", **changes: Any) -> None:
        raw = raw_node(name, allocatable={"cpu": cpu}, **changes)
        raw["metadata"]["resourceVersion"] = self.bump()
        self.room.nodes.upsert(convert(raw, type(node())))

    def pod(self, raw: Raw) -> None:
        raw = json.loads(json.dumps(raw))
        raw["metadata"]["resourceVersion"] = self.bump()
        self.pods[raw["metadata"]["name"]] = raw
        self.node_of[raw["metadata"]["name"]] = raw["spec"]["nodeName"]
        self.room.pods.upsert(convert(raw, Pod))

    def reject(self, *names: str) -> None:
        """Let kubelets refuse pods."""
        for name in names:
            self.pods[name]["status"] = {"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected: no cpu"}
            self.pod(self.pods[name])

    def end(self, name: str, phase: str = "Succeeded") -> None:
        self.pods[name]["status"] = {"phase": phase}
        self.pod(self.pods[name])

    # ---- the engine

    def look(self, key: Key = KEY, *, refuse: int = 0) -> Plan:
        """Observe, plan, and perform all but the last `refuse` actions."""
        self.now += timedelta(milliseconds=300)
        room, at = self.room, self.now.timestamp()
        generation = room.generation(key)
        seen = room.observe(key, self.obstructions.of(key, generation))
        assert seen is not None
        plan = room.plan(seen, self.now)
        outcome = Performed()
        for action in plan.actions[: len(plan.actions) - refuse]:
            assert isinstance(action, Create | Delete | DryRun)
            target = Key(action.namespace, action.name)
            if isinstance(action, DryRun):
                outcome.written.append(self.tried(action))
                continue
            outcome.written.append(Written(PODS, target, seen.batch.metadata.uid, self.version + 1))
            if isinstance(action, Create) and self.watching:
                self.pod({"status": {"phase": "Pending"}} | self._created(action))
            elif isinstance(action, Delete):
                self.room.pods.remove(convert(self.pods.pop(action.name), Pod))
        room.acted(plan, outcome)
        self.news = self.obstructions.learn(key, generation, plan, outcome, at)
        if plan.status is not None:
            stored = BatchFooSetStatus.model_validate_json(plan.status.status)
            self.batch(seen.batch.model_copy(update={"status": stored}))
        return plan

    def tried(self, action: Action) -> Written:
        """Let a dry run pass."""
        assert isinstance(action, DryRun)
        target = Key(action.namespace, action.name)
        return Written(PODS, target, Uid(""), 0, answer=self.answer(action.body))

    def rest(self, key: Key = KEY) -> int:
        """Look until nothing is written any more; return the number of writes."""
        writes = 0
        for _ in range(12):
            plan = self.look(key)
            new = len(plan.actions) + (plan.status is not None)
            if not new and not self.news:
                return writes
            writes += new
        raise AssertionError("no rest")

    def _created(self, action: Create) -> Raw:
        raw = json.loads(self.answer(action.body))
        raw["metadata"]["uid"] = f"uid-{action.name}"
        return raw

    def status(self) -> BatchFooSetStatus:
        batch = self.room.batches.get(KEY)
        assert batch is not None
        return batch.status

    def nodes_of_pods(self) -> list[str]:
        return [raw["spec"]["nodeName"] for raw in self.pods.values()]


def test_the_set_its_pods_and_nothing_else_ask_for_a_look() -> None:
    bench = Bench()
    bench.batch(batchfooset())
    bench.pod(raw_pod(0))
    bench.pod(raw_pod(1, kind="ReplicaSet"))
    bench.node()
    assert bench.asked == [(KEY, 0.0), (KEY, SWARM_SECONDS)]


def test_what_is_gone_is_not_observed() -> None:
    assert Bench().room.observe(KEY, None) is None
    assert Bench().room.generation(KEY) == 0


def test_each_pod_is_created_on_a_node_with_the_times_of_the_decision() -> None:
    bench = Bench()
    bench.node("n1", "2")
    bench.node("n2", "2")
    bench.batch(batchfooset(spec=asking("1", parallelism=4, completions=4)))
    assert bench.look().actions == ()
    bench.look()
    creates = bench.look().actions
    assert len(creates) == 4
    assert sorted(bench.nodes_of_pods()) == ["n1", "n1", "n2", "n2"]
    for raw in bench.pods.values():
        stamps = Stamps.parse(raw["metadata"]["annotations"]["foo.example.com/stamps"])
        assert stamps.decide is not None
        assert stamps.decided is not None
        assert stamps.create is not None
        assert stamps.decide <= stamps.decided <= stamps.create


def test_the_choice_is_repeated_by_whoever_decides_again() -> None:
    choices: list[list[str]] = []
    for _ in range(2):
        bench = Bench()
        for number in range(5):
            bench.node(f"n{number}")
        bench.batch(batchfooset(spec={"parallelism": 3, "completions": 3, "placement": {"strategy": "Spread"}}))
        bench.rest()
        choices.append(bench.nodes_of_pods())
    assert choices[0] == choices[1]


def test_what_fits_is_created_and_the_rest_is_told() -> None:
    bench = Bench()
    bench.node("n1", "2")
    bench.batch(batchfooset(spec=asking("1", parallelism=3, completions=3)))
    bench.rest()
    assert bench.nodes_of_pods() == ["n1", "n1"]
    blocked = bench.status().blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.reason) == ("BatchFooSet", "NoFit")
    assert "1 Insufficient cpu" in blocked.message


def test_room_that_was_assumed_for_a_refused_pod_is_given_back() -> None:
    bench = Bench()
    bench.node("n1", "2")
    bench.batch(batchfooset(spec=asking("1", parallelism=2, completions=2)))
    bench.look()
    bench.look()
    assert len(bench.look(refuse=2).actions) == 2
    assert len(bench.look().actions) == 2, "the node has room for them once more"


def test_room_that_was_assumed_for_pods_made_and_gone_unseen_is_given_back() -> None:
    bench = Bench()
    bench.node("n1", "2")
    bench.batch(batchfooset(spec=asking("1", parallelism=2, completions=2)))
    bench.look()
    bench.look()
    bench.watching = False
    assert len(bench.look().actions) == 2
    bench.room.pods.replace([], bench.version + 1)  # a list after a gap in the watch, and after the pods
    bench.watching = True
    bench.batch(batchfooset("other", spec=asking("2")))

    bench.rest(Key("ns", "other"))

    assert [pod for pod in bench.pods if pod.startswith("other")] != []
    assert bench.room._table.statistics() == {"nodes": 1, "pods": 1, "assumed": 0}
    assert bench.room._created == []


# ---- waiting for room


def blocked() -> Bench:
    """A set that fits nowhere, long enough for its trace to be closed."""
    bench = Bench()
    bench.node("n1", "1")
    bench.batch(batchfooset(spec=asking("2")))
    bench.rest()
    bench.now += timedelta(seconds=40)
    bench.rest()
    trace = bench.status().trace
    assert trace is not None
    assert trace.closed
    bench.asked.clear()
    return bench


NOTHING_NEW = {
    "time passes": lambda _: None,
    "a node's heartbeat": lambda bench: bench.node("n1", "1"),
    "another node that will not do": lambda bench: bench.node("n2", "1"),
    "somebody's pod ends": lambda bench: bench.pod(raw_pod(0, phase="Succeeded", kind="Job")),
}


@pytest.mark.parametrize("happen", NOTHING_NEW.values(), ids=NOTHING_NEW.keys())
def test_a_set_that_fits_nowhere_stays_quiet_for_hours(happen: Any) -> None:
    bench = blocked()
    episode = bench.status().trace
    message = bench.status().blocked_by
    for _ in range(10):
        bench.now += timedelta(seconds=61)
        happen(bench)
        bench.rest()
    assert bench.status().trace == episode
    assert bench.pods.keys() <= {"work-x-0-0"}
    assert message is not None
    assert bench.status().blocked_by is not None


def test_a_heartbeat_makes_no_room() -> None:
    bench = blocked()
    bench.node("n1", "1")
    assert bench.asked == []


def test_a_set_that_has_failed_waits_for_no_room() -> None:
    bench = Bench()
    bench.node("n1", "1")
    bench.batch(batchfooset(spec=asking("1", parallelism=2, completions=2, backoffLimit=0)))
    bench.rest()
    blocked = bench.status().blocked_by
    assert blocked is not None
    assert blocked.reason == "NoFit"
    bench.node("n1", "0")
    bench.end(*bench.pods, phase="Failed")
    bench.rest()
    bench.now += timedelta(minutes=5)
    bench.rest()
    bench.node("n2", "0")
    assert bench.look().wake_after is None
    bench.asked.clear()
    bench.node("n3", "0")
    assert bench.asked == []


def test_a_set_that_fits_nowhere_looks_again_after_a_minute_even_if_nothing_happens() -> None:
    bench = blocked()
    for _ in range(3):
        wake = bench.look().wake_after
        assert wake is not None
        assert 0 < wake <= 60
        bench.now += timedelta(seconds=wake)


def test_events_that_make_room_let_those_who_wait_look_again_soon_and_together() -> None:
    bench = blocked()
    bench.node("n2", "4")
    bench.node("n3", "4")
    assert bench.asked == [(KEY, 0.1)]


def test_room_for_a_set_that_waited_is_used_at_once_in_a_new_trace() -> None:
    bench = blocked()
    first = bench.status().trace_id
    bench.node("n2", "4")
    assert len(bench.look().actions) == 1
    assert bench.nodes_of_pods() == ["n2"]
    bench.rest()
    status = bench.status()
    assert status.blocked_by is None
    assert status.trace is not None
    assert (status.trace.previous, status.trace.closed) == (first, False)
    (raw,) = bench.pods.values()
    assert status.trace_id in raw["metadata"]["annotations"]["tracing.k8s.io/traceparent"]


def test_room_that_is_gone_again_before_it_was_used_is_no_room() -> None:
    bench = blocked()
    before = bench.status()
    bench.node("n2", "4")
    bench.node("n2", "1")
    bench.rest()
    assert bench.pods == {}
    assert bench.status().trace == before.trace


def test_a_refusal_is_not_looked_through() -> None:
    bench = Bench()
    bench.node()
    bench.batch(batchfooset())
    refusal = Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota", 0.0, NOW.timestamp() + 7)
    seen = bench.room.observe(KEY, refusal)
    assert seen is not None
    assert seen.obstacle == refusal


# ---- nodes that reject


def rejecting(*nodes: str, parallelism: int = 1, **spec: Any) -> Bench:
    """A set at rest on these nodes."""
    bench = Bench()
    for name in nodes:
        bench.node(name, "4")
    bench.batch(batchfooset(spec=asking("1", parallelism=parallelism, completions=parallelism, **spec)))
    bench.rest()
    return bench


def test_the_next_attempt_goes_to_another_node_than_the_one_that_rejected() -> None:
    bench = rejecting("n1", "n2", "n3")
    (first,) = bench.pods
    bench.reject(first)
    bench.rest()
    (again,) = bench.pods
    assert again.endswith("-0-1")
    assert bench.node_of[again] != bench.node_of[first]
    assert bench.status().placement_conflicts == 1


def test_a_node_that_rejected_is_still_there_for_other_sets() -> None:
    bench = rejecting("n1")
    bench.reject(*bench.pods)
    bench.batch(batchfooset("other", spec=asking("1")))
    bench.rest(Key("ns", "other"))
    assert bench.nodes_of_pods().count("n1") == 2


def test_a_set_whose_only_nodes_rejected_its_pods_says_so_and_tries_again_when_one_has_cooled_down() -> None:
    bench = rejecting("n1")
    bench.node("n2", "0")
    bench.reject(*bench.pods)
    bench.rest()
    assert bench.pods == {}
    blocked = bench.status().blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.condition, blocked.reason) == ("BatchFooSet", "Placed", "KubeletRejected")
    assert blocked.message == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) rejected a pod of this set."
    wake = bench.look().wake_after
    assert wake is not None
    assert 0 < wake <= 10
    bench.now += timedelta(seconds=wake)
    bench.rest()
    assert bench.nodes_of_pods() == ["n1"]
    assert bench.status().blocked_by is None


def test_a_node_that_has_cooled_down_while_it_was_left_out_is_no_bug() -> None:
    bench = rejecting("n1")
    bench.reject(*bench.pods)
    bench.rest()
    (until,) = bench.room._cooling.nodes(Uid("uid-work"), microseconds(bench.now)).values()
    seen = bench.room.observe(KEY, None)
    assert seen is not None
    ticks = iter([until - 1])
    bench.room._clock = lambda: next(ticks, until + 1)
    assert bench.room.plan(seen, bench.now).obstacle is not None


def test_a_controller_that_finds_rejected_pods_at_its_start_leaves_their_nodes_out() -> None:
    bench = rejecting("n1", "n2")
    (first,) = bench.pods
    bench.reject(first)
    again = Bench()
    again.now = bench.now
    again.node("n1", "4")
    again.node("n2", "4")
    seen = bench.room.batches.get(KEY)
    assert seen is not None
    again.batch(seen)
    again.pod(bench.pods[first])
    again.rest()
    (name,) = again.pods
    assert again.node_of[name] != bench.node_of[first]


def test_what_was_in_flight_to_a_node_that_rejects_is_all_that_it_costs() -> None:
    bench = rejecting("n1", "n2", parallelism=8)
    for name in [name for name in bench.pods if bench.node_of[name] == "n1"]:
        bench.reject(name)
    bench.rest()
    bench.now += timedelta(seconds=5)
    bench.rest()
    assert bench.nodes_of_pods() == ["n2"] * 4
    assert bench.status().placement_conflicts == 4


# ---- what is remembered


def test_the_template_is_read_once_a_generation() -> None:
    bench = Bench()
    bench.batch(batchfooset())
    first, again = bench.room.observe(KEY, None), bench.room.observe(KEY, None)
    bench.batch(batchfooset(spec={"template": template(hostname="h")}, generation=2))
    changed = bench.room.observe(KEY, None)
    assert isinstance(first, Observed)
    assert isinstance(again, Observed)
    assert isinstance(changed, Observed)
    assert first.revision == again.revision != changed.revision


def test_a_set_made_again_under_its_name_starts_afresh() -> None:
    bench = Bench()
    bench.batch(batchfooset())
    bench.pod(raw_pod(0, phase="Succeeded"))
    bench.batch(batchfooset(uid="another"))
    seen = bench.room.observe(KEY, None)
    assert seen is not None
    assert not seen.pods
    assert plan_alone(seen, NOW).plan.status is not None


def test_a_set_asks_from_when_its_spec_its_pods_or_what_the_quotas_say_was_first_seen() -> None:
    bench, asked = Bench(), list[datetime]()
    for change in (
        lambda: bench.batch(batchfooset()),
        lambda: bench.batch(batchfooset()),
        lambda: bench.batch(batchfooset(generation=2)),
        lambda: bench.room.quotas.upsert(fooquota()),
        bench.rest,  # tries the template
        lambda: bench.batch(batchfooset(generation=2, uid="another")),
    ):
        change()
        seen = bench.room.observe(KEY, None)
        assert seen is not None
        asked.append(seen.allowance.asked_since)
        bench.now += timedelta(seconds=60)
    assert len(set(asked)) == 5
    assert asked[0] == asked[1]
    assert asked == sorted(asked)


def test_what_another_of_its_name_has_left_takes_of_what_its_root_hands_down() -> None:
    bench = Bench()
    bench.pod(raw_pod(0, labels={SET_UID: "uid-demo"}))
    bench.pod(raw_pod(1, labels={SET_UID: "uid-older"}))
    bench.batch(batchfooset(uid="another", **derived("demo", "work")))
    seen = bench.room.observe(KEY, None)
    assert seen is not None
    assert seen.allowance.taken == 1


def test_the_room_watches_all_bound_pods_since_all_take_room() -> None:
    assembly = assemble(Bench()._ask, Settings(), lambda: 0)
    sources = {watch.source.resource: watch.source for watch in assembly.watches}
    assert assembly.room.component == Component.BATCHFOOSET
    assert set(sources) == {BATCHFOOSETS, PODS, NODES, FOOQUOTAS}
    assert (sources[PODS].field_selector, sources[PODS].label_selector) == ("spec.nodeName!=", "")
