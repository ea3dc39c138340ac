"""Nodes whose kubelets rejected a pod, as the scheduler's room sees them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import convert

from foosets.api.meta import Key
from foosets.api.pod import Pod
from foosets.planning.actions import Bind, Plan, SetPodCondition
from foosets.planning.setspans import microseconds
from foosets.planning.trace import Microseconds
from foosets.scheduler.controller import SchedulerRoom
from tests.placement.cells import node

NOW = datetime(2027, 1, 15, 8, 0, 30, tzinfo=UTC)


class Bench:
    """A room with two nodes. A pod is named after its owner: `web-3` is of `web`."""

    def __init__(self) -> None:
        self.now = NOW
        self.passes = timedelta()
        self.room = SchedulerRoom("foo-scheduler", lambda *_: None, self._clock)
        self.room.nodes.replace([node("n1"), node("n2")], 1)
        self.version = 1

    def _clock(self) -> Microseconds:
        self.now += self.passes
        return microseconds(self.now)

    def clock_runs(self, passes: timedelta) -> None:
        """Let time pass whenever the clock is read."""
        self.passes = passes

    def pod(self, name: str, **how: Any) -> Pod:
        self.version += 1
        owner = name.partition("-")[0]
        owned = {"uid": f"uid-{owner}", "kind": "ServiceFooSet", "name": owner, "controller": True}
        meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": str(self.version)}
        spec = {"schedulerName": "foo-scheduler", "nodeName": how.pop("node", "")}
        return convert({"metadata": meta | {"ownerReferences": [owned]}, "spec": spec, "status": how}, Pod)

    def look(self, name: str) -> Plan:
        seen = self.room.observe(Key("ns", name), None)
        assert seen is not None
        return self.room.plan(seen, self.now)

    def schedule(self, name: str) -> str:
        """Return the node that a new pod is bound to."""
        self.room.waiting.upsert(self.pod(name))
        (action,) = self.look(name).actions
        assert isinstance(action, Bind)
        self.room.waiting.remove(self.pod(name))
        return action.node

    def reject(self, name: str, where: str) -> None:
        self.room.bound.upsert(self.pod(name, node=where, phase="Pending"))
        self.room.bound.upsert(self.pod(name, node=where, phase="Failed", reason="OutOfcpu"))


def test_the_next_pods_of_the_set_go_to_another_node() -> None:
    bench = Bench()
    where = bench.schedule("web-0")
    bench.reject("web-0", where)
    assert {bench.schedule(f"web-{number}") for number in range(1, 6)}.isdisjoint({where})
    assert where in {bench.schedule(f"other-{number}") for number in range(6)}


def test_a_pod_of_a_set_that_all_nodes_rejected_says_so() -> None:
    bench = Bench()
    bench.reject("web-0", "n1")
    bench.reject("web-1", "n2")
    bench.room.waiting.upsert(bench.pod("web-2"))
    planned = bench.look("web-2")
    (action,) = planned.actions
    assert isinstance(action, SetPodCondition)
    assert action.condition.reason == "Unschedulable"
    assert action.condition.message == "0/2 nodes are available: 2 node(s) rejected a pod of this set."
    assert planned.wake_after == 10.0, "when the first has cooled down"


def test_a_node_that_has_cooled_down_by_the_time_of_telling_is_only_waited_for_as_others_are() -> None:
    bench = Bench()
    bench.reject("web-0", "n1")
    bench.reject("web-1", "n2")
    bench.room.waiting.upsert(bench.pod("web-2"))
    bench.clock_runs(timedelta(seconds=6))
    planned = bench.look("web-2")
    assert isinstance(planned.actions[0], SetPodCondition)
    assert planned.wake_after is not None
    assert planned.wake_after > 10.0
