"""The room with its stores fed by hand as watches would, and the keys that it asked to look at."""

from typing import Any

from msgspec import convert

from foosets.api import names
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, PRIORITYCLASSES, SERVICEFOOSETS, Key
from foosets.api.names import Component
from foosets.api.pod import Pod
from foosets.api.priorityclass import PriorityClass
from foosets.fooquota.controller import QuotaRoom, assemble
from foosets.fooquota.state import Observed, Root
from foosets.runtime.manager import SWARM_SECONDS
from foosets.runtime.settings import Settings
from tests.builders import NOW, batchfooset, derived, fooset, raw_pod, servicefooset
from tests.fooquota.world import pods, quota

NS = Key("", "ns")
NOW_OR = (NS, 0.0)
SOON = (NS, SWARM_SECONDS)


class Bench:
    """A room with a quota, unless told otherwise."""

    def __init__(self, *quotas: str) -> None:
        self.asked: list[tuple[Key, float]] = []
        self.room = QuotaRoom(self._ask)
        self.room.pods.synced.set()
        for name in quotas or ("team",):
            self.room.quotas.upsert(quota(name, cpu="10"))
        self.asked.clear()

    def _ask(self, key: Key, after: float = 0.0, /) -> None:
        self.asked.append((key, after))

    def seen(self) -> Observed:
        seen = self.room.observe(NS, None)
        assert seen is not None
        return seen

    def roots(self) -> dict[str, Root]:
        return {root.demand.name: root for root in self.seen().roots}


def pod(index: int = 0, owner: str = "work", root: str = "", version: str = "1", **changes: Any) -> Pod:
    """A pod of a set called `owner`, which is a part of `root` if there is one."""
    raw = raw_pod(index, **changes)
    raw["metadata"] |= {"name": f"{owner}-{index}", "uid": f"uid-{owner}-{index}", "resourceVersion": version}
    raw["metadata"]["ownerReferences"][0] |= {"name": owner, "uid": f"uid-{owner}"}
    raw["metadata"]["labels"] |= {names.OWNER_UID: f"uid-{owner}", names.SET_UID: f"uid-{owner}"}
    if root:
        raw["metadata"]["labels"] |= {names.SET_UID: f"uid-{root}", names.SET_NAME: root, names.CHILD: "part"}
    return convert(raw, Pod)


# ---- events


def test_a_namespace_without_quota_is_never_looked_at() -> None:
    bench = Bench()
    bench.room.quotas.remove(quota(cpu="10"))
    bench.asked.clear()

    bench.room.foosets.upsert(fooset())
    bench.room.pods.upsert(pod())
    bench.room.classes.upsert(convert({"metadata": {"name": "high"}}, PriorityClass))

    assert bench.asked == []
    assert bench.room.observe(NS, None) is None


def test_pods_are_wanted_from_the_first_quota_on() -> None:
    room = QuotaRoom(lambda _key, _after=0.0, /: None)
    assert not room.needed.is_set()
    room.quotas.upsert(quota(cpu="10"))
    assert room.needed.is_set()


def test_a_quota_that_comes_changes_or_goes_asks_for_a_look() -> None:
    bench = Bench("team")
    bench.room.quotas.upsert(quota("other", cpu="10"))
    bench.room.quotas.remove(quota("other", cpu="10"))
    assert bench.asked == [NOW_OR, NOW_OR]
    assert [one.metadata.name for one in bench.seen().quotas] == ["team"]


def test_a_set_is_looked_at_at_once_when_it_asks_for_something_else_and_soon_when_it_only_tells() -> None:
    bench = Bench()
    bench.room.foosets.upsert(fooset(resourceVersion="1"))
    bench.room.foosets.upsert(fooset(resourceVersion="2", status={"batchReady": "1/1"}))
    bench.room.foosets.upsert(fooset(resourceVersion="3", generation=2))
    bench.room.foosets.remove(fooset(resourceVersion="4", generation=2))
    assert bench.asked == [NOW_OR, SOON, NOW_OR, NOW_OR]
    assert bench.seen().roots == ()


def test_pods_are_gathered_and_only_those_that_take_more_or_less() -> None:
    bench = Bench()
    bench.room.pods.upsert(pod(version="1"))
    bench.room.pods.upsert(pod(version="2", phase="Running", ready=True))
    bench.room.pods.remove(pod(version="3"))
    assert bench.asked == [SOON, SOON]


def test_a_priority_class_concerns_every_namespace_with_a_quota() -> None:
    bench = Bench()
    bench.room.classes.upsert(convert({"metadata": {"name": "high"}, "value": 5}, PriorityClass))
    bench.room.classes.upsert(
        convert({"metadata": {"name": "usual"}, "value": 3, "globalDefault": True}, PriorityClass)
    )
    assert bench.asked == [NOW_OR, NOW_OR]
    assert (bench.seen().priorities, bench.seen().default_priority) == ({"high": 5, "usual": 3}, 3)


# ---- roots


def test_a_fooset_and_its_children_are_one_root_and_other_sets_one_each() -> None:
    bench = Bench()
    bench.room.foosets.upsert(fooset({"work": {}}))
    bench.room.batches.upsert(batchfooset("demo-work", **derived("demo", "work")))
    bench.room.services.upsert(servicefooset("web"))
    bench.room.pods.upsert(pod(owner="demo-work", root="demo"))
    bench.room.pods.upsert(pod(owner="web", kind="ServiceFooSet"))

    assert {name: root.demand.kind for name, root in bench.roots().items()} == {
        "demo": "FooSet",
        "web": "ServiceFooSet",
    }
    assert bench.roots()["demo"].live == {"demo-work": pods(1)}
    assert bench.roots()["web"].live == {"web": pods(1)}


def test_a_demand_is_worked_out_again_when_a_child_has_changed() -> None:
    bench = Bench()
    spec = {"parallelism": 4, "completions": 4}
    bench.room.foosets.upsert(fooset({"work": spec}))
    assert bench.roots()["demo"].demand is bench.roots()["demo"].demand

    child = batchfooset("demo-work", spec, {"succeeded": 3}, **derived("demo", "work"))
    bench.room.batches.upsert(child)

    assert [part.want for part in bench.roots()["demo"].demand.parts] == [1]


def test_children_that_a_fooset_leaves_behind_are_roots_with_their_pods() -> None:
    bench = Bench()
    bench.room.batches.upsert(batchfooset("demo-work", resourceVersion="1", **derived("demo", "work")))
    bench.room.pods.upsert(pod(owner="demo-work", root="demo"))
    assert {name: root.demand.staying for name, root in bench.roots().items()} == {"demo": False}

    bench.room.batches.upsert(batchfooset("demo-work", resourceVersion="2"))

    (root,) = bench.seen().roots
    assert (root.demand.name, root.demand.staying, root.live) == ("demo-work", True, {"demo-work": pods(1)})


def test_of_a_set_that_is_gone_its_pods_are_a_root() -> None:
    bench = Bench()
    bench.room.pods.upsert(pod(0, owner="demo-work", root="demo"))
    bench.room.pods.upsert(pod(1, owner="work"))

    assert {name: (root.demand.kind, root.demand.uid, root.demand.staying) for name, root in bench.roots().items()} == {
        "demo": ("FooSet", "uid-demo", False),
        "work": ("BatchFooSet", "uid-work", False),
    }


def test_a_set_that_is_not_seen_yet_may_go_on_making_pods_and_one_that_was_seen_to_go_does_not() -> None:
    bench = Bench()
    bench.room.foosets.upsert(fooset({"work": {}}))
    bench.room.pods.upsert(pod(owner="demo-work", root="demo"))
    bench.room.pods.upsert(pod(owner="lost"))
    assert {name: root.unseen for name, root in bench.roots().items()} == {"demo": {"demo-work"}, "lost": {"lost"}}

    child = batchfooset("demo-work", **derived("demo", "work"))
    bench.room.batches.upsert(child)
    assert bench.roots()["demo"].unseen == set()
    bench.room.batches.remove(child)
    assert bench.roots()["demo"].unseen == set()


def test_of_sets_that_are_gone_with_their_pods_nothing_is_remembered() -> None:
    room = QuotaRoom(lambda *_: None)
    made, its_pod = batchfooset("work"), pod(owner="work")
    room.batches.upsert(made)
    room.pods.upsert(its_pod)
    room.batches.remove(made)
    room.pods.remove(its_pod)
    assert room._families == {}
    assert list(room._charges.of("ns")) == []


def test_pods_of_a_child_that_was_made_anew_count_together_with_the_old_ones() -> None:
    bench = Bench()
    bench.room.batches.upsert(batchfooset("demo-work", uid="new", **derived("demo", "work")))
    old, new = pod(0, owner="demo-work", root="demo"), pod(1, owner="demo-work", root="demo")
    new.metadata.labels[names.OWNER_UID] = new.metadata.owner_references[0].uid = names.Uid("new")
    bench.room.pods.upsert(old)
    bench.room.pods.upsert(new)

    assert bench.roots()["demo"].live == {"demo-work": pods(2)}


# ---- what the engine asks


def test_nothing_is_planned_before_the_pods_are_known() -> None:
    bench = Bench()
    bench.room.pods = QuotaRoom(bench._ask).pods
    assert not bench.seen().complete
    assert bench.room.plan(bench.seen(), NOW).status is None


def test_all_namespaces_are_looked_at_once_the_pods_are_known() -> None:
    bench = Bench()
    bench.room.look_at_all()
    assert bench.asked == [NOW_OR]


def test_the_room_plans_a_status_and_nothing_else() -> None:
    bench = Bench()
    bench.room.services.upsert(servicefooset("web"))
    plan = bench.room.plan(bench.seen(), NOW)
    assert plan.actions == ()
    assert plan.status is not None
    assert (plan.status.resource, plan.status.name) == (FOOQUOTAS, "team")
    assert (bench.room.generation(NS), bench.room.presumes(NS)) == (0, 0)


def test_the_room_reads_what_is_charged_and_pods_late() -> None:
    assembly = assemble(Bench()._ask, Settings(), lambda: 0)
    assert assembly.room.component == Component.FOOQUOTA
    read = {watch.source.resource for watch in assembly.watches}
    assert read == {FOOQUOTAS, FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, PODS, PRIORITYCLASSES}
    assert [watch.source.resource for watch in assembly.watches if watch.late is not None] == [PODS]
    assert [watch.source.resource for watch in assembly.watches if watch.awaited] == [FOOQUOTAS]
