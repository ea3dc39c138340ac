"""The fooquota controller's shell: caches in, statuses out. A key is a namespace, with all its quotas and sets.

What pods take is counted as events bring them, and what a set asks for is worked out again after it has changed, so
that a look costs a little for each root and nothing for each pod.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import anyio

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, PRIORITYCLASSES, SERVICEFOOSETS, Key
from foosets.api.names import SET_UID, Component, Kind, Uid
from foosets.api.pod import Pod
from foosets.api.priorityclass import PriorityClass
from foosets.api.servicefooset import ServiceFooSet
from foosets.fooquota.children import Child, demand_alone, demand_left, demand_of
from foosets.fooquota.plan import plan
from foosets.fooquota.state import Demand, Live, Observed, Root
from foosets.kube.codec import ModelCodec, StructCodec
from foosets.kube.lists import Source
from foosets.placement.charges import Charge, Charges
from foosets.planning.actions import Plan
from foosets.planning.amounts import total
from foosets.planning.obstacles import Obstacle
from foosets.planning.ownership import parent_of
from foosets.planning.trace import Microseconds
from foosets.runtime.manager import SWARM_SECONDS, Assembly, Enqueue, Late, Watch
from foosets.runtime.settings import Settings
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed


@dataclass(slots=True)
class _Families:
    """The sets of one namespace: by the root's uid the root itself, if it is there, and its children; all by uid."""

    members: dict[Uid, dict[Uid, FooSet | Child]] = field(default_factory=dict[Uid, dict[Uid, FooSet | Child]])
    roots: dict[Uid, Uid] = field(default_factory=dict[Uid, Uid])
    demands: dict[Uid, Demand] = field(default_factory=dict[Uid, Demand])

    def observe(self, before: FooSet | Child | None, after: FooSet | Child | None) -> None:
        """Take a change of one set. A child that its parent leaves behind becomes a root."""
        for row, there in ((before, False), (after, True)):
            if row is None:
                continue
            parent, uid = parent_of(row), row.metadata.uid
            root = parent.uid if parent is not None else uid
            family = self.members.setdefault(root, {})
            if there:
                family[uid], self.roots[uid] = row, root
            else:
                del family[uid], self.roots[uid]
            if not family:
                del self.members[root]
            self.demands.pop(root, None)

    def unseen(self, charges: Iterable[Charge]) -> frozenset[str]:
        """Return the owners of pods that have neither been seen nor seen to go: their watch is behind that of pods."""
        return frozenset(one.owner_name for one in charges if not (one.abandoned or one.owner in self.roots))

    def demand(self, root: Uid) -> Demand:
        """Return what a root asks for of which at least one object is there."""
        known = self.demands.get(root)
        if known is None:
            known = self.demands[root] = self._demand(root, dict(self.members[root]))
        return known

    def _demand(self, root: Uid, family: dict[Uid, FooSet | Child]) -> Demand:
        own = family.pop(root, None)
        children = [child for child in family.values() if not isinstance(child, FooSet)]
        if own is None:
            parent = parent_of(children[0])
            return demand_left((root, Kind.FOOSET, parent.name if parent is not None else ""), children)
        return demand_of(own, children) if isinstance(own, FooSet) else demand_alone(own)


class QuotaRoom:
    """Caches of quotas, sets, their pods and priority classes."""

    component = Component.FOOQUOTA

    def __init__(self, enqueue: Enqueue) -> None:
        self._enqueue = enqueue
        self.quotas: Store[FooQuota] = Store()
        self.foosets: Store[FooSet] = Store()
        self.batches: Store[BatchFooSet] = Store()
        self.services: Store[ServiceFooSet] = Store()
        self.classes: Store[PriorityClass] = Store()
        self.pods: Store[Pod] = Store()
        self.needed = anyio.Event()
        self._quotas: dict[str, set[Key]] = {}
        self._families: dict[str, _Families] = {}
        self._charges = Charges()
        self.quotas.subscribe(self._on_quota)
        self.foosets.subscribe(self._on_set)
        self.batches.subscribe(self._on_set)
        self.services.subscribe(self._on_set)
        self.pods.subscribe(self._on_pod)
        self.classes.subscribe(lambda _before, _after: self.look_at_all())

    # ---- events

    def _on_quota(self, before: FooQuota | None, after: FooQuota | None) -> None:
        quota = after or before
        assert quota is not None, "nothing does not become nothing"
        there = self._quotas.setdefault(quota.key.namespace, set())
        (there.discard if after is None else there.add)(quota.key)
        self._look(quota.key.namespace)
        if there:
            self.needed.set()
        else:
            del self._quotas[quota.key.namespace]

    def _on_set(self, before: FooSet | Child | None, after: FooSet | Child | None) -> None:
        row = after or before
        assert row is not None, "nothing does not become nothing"
        namespace = row.metadata.namespace
        families = self._families.setdefault(namespace, _Families())
        families.observe(before, after)
        if not families.members:
            del self._families[namespace]
        if after is None:
            self._charges.abandon(namespace, row.metadata.uid)
        same = before is not None and after is not None and before.metadata.generation == after.metadata.generation
        self._look(namespace, SWARM_SECONDS if same else 0.0)

    def _on_pod(self, before: Pod | None, after: Pod | None) -> None:
        namespace = self._charges.observe(before, after)
        if namespace is not None:
            self._look(namespace, SWARM_SECONDS)

    def look_at_all(self) -> None:
        """Have every namespace looked at that has a quota."""
        for namespace in self._quotas:
            self._look(namespace)

    def _look(self, namespace: str, after: float = 0.0) -> None:
        if namespace in self._quotas:
            self._enqueue(Key("", namespace), after)

    # ---- what the engine asks

    def generation(self, _key: Key, /) -> int:
        """Return 0: a namespace's plan has no actions that run into obstacles."""
        return 0

    def observe(self, key: Key, _obstacle: Obstacle | None, /) -> Observed | None:
        """Return the namespace, if there is a quota in it."""
        quotas = tuple(quota for one in sorted(self._quotas.get(key.name, ())) if (quota := self.quotas.get(one)))
        if not quotas:
            return None
        priorities = {row.metadata.name: row.value for row in self.classes}
        default = max((row.value for row in self.classes if row.global_default), default=0)
        return Observed(quotas, tuple(self._roots(key.name)), priorities, default, complete=self.pods.synced.is_set())

    def plan(self, seen: Observed, now: datetime) -> Plan:
        """Return the plan."""
        return plan(seen, now)

    def acted(self, plan: Plan, outcome: Performed) -> None:
        """Nothing to take note of: a plan has no actions."""

    def all_keys(self) -> Iterable[Key]:
        """Return the namespaces with a quota."""
        return [Key("", namespace) for namespace in self._quotas]

    def presumes(self, _key: Key, /) -> int:
        """Return 0: a status that was written in the knowledge of more pods than this cache has grants no less."""
        return 0

    def forget(self, key: Key) -> None:
        """Nothing to drop: what is remembered goes with its rows."""

    # ---- the roots of a namespace

    def _roots(self, namespace: str) -> Iterator[Root]:
        families = self._families.get(namespace, _Families())
        charges: dict[Uid, list[Charge]] = {}
        for charge in self._charges.of(namespace):
            charges.setdefault(families.roots.get(charge.owner, charge.root), []).append(charge)
        for root in families.members:
            owned = charges.pop(root, [])
            yield Root(families.demand(root), _live(owned), families.unseen(owned))
        for root, left in charges.items():
            kind = Kind.FOOSET if left[0].derived else left[0].owner_kind
            demand = demand_left((root, kind, left[0].root_name), ())
            yield Root(demand, _live(left), families.unseen(left))


def _live(charges: list[Charge]) -> dict[str, Live]:
    """Return the pods by the name of their owner: one that was made anew may have pods of the old one left."""
    live: dict[str, Live] = {}
    for charge in charges:
        known = live.get(charge.owner_name, Live())
        live[charge.owner_name] = Live(known.count + charge.count, total([known.amounts, charge.amounts]))
    return live


def assemble(enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> Assembly:
    """Put the room and its watches together. Pods are watched from the first quota on: a watch of them is not free."""
    del settings, clock  # nothing about this room differs between installations, and it stamps nothing
    room = QuotaRoom(enqueue)
    pods = Source(PODS, StructCodec(Pod), label_selector=SET_UID)
    return Assembly(
        room,
        [
            Watch(Source(FOOQUOTAS, ModelCodec(FooQuota)), room.quotas),
            Watch(Source(FOOSETS, ModelCodec(FooSet)), room.foosets, awaited=False),
            Watch(Source(BATCHFOOSETS, ModelCodec(BatchFooSet)), room.batches, awaited=False),
            Watch(Source(SERVICEFOOSETS, ModelCodec(ServiceFooSet)), room.services, awaited=False),
            Watch(Source(PRIORITYCLASSES, StructCodec(PriorityClass)), room.classes, awaited=False),
            Watch(pods, room.pods, awaited=False, late=Late(room.needed, room.look_at_all)),
        ],
    )
