"""The fooset controller's shell: caches in, actions out."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS, Key
from foosets.api.names import Component, Kind, Uid
from foosets.api.servicefooset import ServiceFooSet
from foosets.fooset.plan import plan
from foosets.fooset.state import Child, Observed
from foosets.fooset.status import up_to_date
from foosets.kube.codec import ModelCodec
from foosets.kube.lists import Source
from foosets.planning.actions import Plan
from foosets.planning.allowance import Allowance
from foosets.planning.naming import child_name
from foosets.planning.obstacles import Obstacle
from foosets.planning.ownership import parent_of
from foosets.planning.reservations import Reservations
from foosets.planning.trace import Microseconds
from foosets.planning.unchanged import Unchanged
from foosets.runtime.manager import Assembly, Enqueue, Watch
from foosets.runtime.settings import Settings
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed

C = TypeVar("C", BatchFooSet, ServiceFooSet)


class FooSetRoom:
    """Caches of the sets, of everything that is their child, and of what quotas let them have."""

    component = Component.FOOSET

    def __init__(self, enqueue: Enqueue, clock: Callable[[], Microseconds]) -> None:
        self._enqueue = enqueue
        self._clock = clock
        self.foosets: Store[FooSet] = Store()
        self.batches: Store[BatchFooSet] = Store()
        self.services: Store[ServiceFooSet] = Store()
        self.quotas: Store[FooQuota] = Store()
        self._children: dict[tuple[str, Uid], set[tuple[Kind, Key]]] = {}
        self._bereaved: set[Key] = set()
        self._reservations = Reservations()
        self._asked = Unchanged()
        self._unread = Unchanged()
        self.foosets.subscribe(self._on_fooset)
        self.quotas.subscribe(self._on_quota)
        self.batches.subscribe(lambda before, after: self._on_child(Kind.BATCHFOOSET, before, after))
        self.services.subscribe(lambda before, after: self._on_child(Kind.SERVICEFOOSET, before, after))

    # ---- events

    def _on_fooset(self, before: FooSet | None, after: FooSet | None) -> None:
        if before is not None and (after is None or after.metadata.uid != before.metadata.uid):
            self._asked.forget(before.metadata.uid)
        changed = after or before
        if changed is not None:
            self._enqueue(changed.key)

    def _on_quota(self, before: FooQuota | None, after: FooQuota | None) -> None:
        for key in self._reservations.observe(before, after).among(self.foosets):
            self._enqueue(key)

    def _on_child(self, kind: Kind, before: Child | None, after: Child | None) -> None:
        """Keep the index of children by owner, and have the owner looked at, and whoever wants the name."""
        if before is not None and (after is None or after.metadata.uid != before.metadata.uid):
            self._unread.forget(before.metadata.uid)
        for child, there in ((before, False), (after, True)):
            owner = parent_of(child) if child is not None else None
            if child is None or owner is None:
                continue
            family = child.key.namespace, owner.uid  # an owner in another namespace is none
            owned = self._children.setdefault(family, set())
            (owned.add if there else owned.discard)((kind, child.key))
            if not owned:
                del self._children[family]
            parent = Key(child.key.namespace, owner.name)
            known = self.foosets.get(parent)
            if after is None and known is not None and known.metadata.uid == owner.uid:
                self._bereaved.add(parent)
            self._enqueue(parent)
        came_or_went = after if before is None else before if after is None else None
        if came_or_went is not None:
            for claimant in self._claimants(came_or_went.key):
                self._enqueue(claimant)

    def _claimants(self, child: Key) -> Iterator[Key]:
        """Yield the sets that may have an entry whose child has this name: `a-b-c` is a child of `a` or of `a-b`."""
        parts = child.name.split("-")
        for length in range(1, len(parts)):
            fooset = Key(child.namespace, "-".join(parts[:length]))
            if self.foosets.get(fooset) is not None:
                yield fooset

    # ---- what the engine asks

    def generation(self, key: Key) -> int:
        """Return the spec's generation."""
        fooset = self.foosets.get(key)
        return fooset.metadata.generation if fooset is not None else 0

    def observe(self, key: Key, obstacle: Obstacle | None) -> Observed | None:
        """Return the set, what it owns, and whatever has the names of its children."""
        fooset = self.foosets.get(key)
        if fooset is None:
            return None
        owned = self._children.get((key.namespace, fooset.metadata.uid), set())
        batch_keys = {_child_key(key, entry.name) for entry in fooset.spec.batch}
        service_keys = {_child_key(key, entry.name) for entry in fooset.spec.service}
        batch_keys |= {child for kind, child in owned if kind == Kind.BATCHFOOSET}
        service_keys |= {child for kind, child in owned if kind == Kind.SERVICEFOOSET}
        meta, at = fooset.metadata, self._clock()
        share = self._reservations.share(key.namespace, meta.uid)
        asked_since = self._asked.since(meta.uid, (meta.generation, share), at)
        allowance = Allowance(share, meta.generation, asked_since=asked_since)
        batches, services = _held(self.batches, batch_keys), _held(self.services, service_keys)
        unread = {
            child.metadata.uid: self._unread.since(child.metadata.uid, child.status.observed_generation, at)
            for child in (*batches.values(), *services.values())
            if not up_to_date(child)
        }
        return Observed(fooset, batches, services, obstacle, allowance, key in self._bereaved, unread)

    def plan(self, seen: Observed, now: datetime) -> Plan:
        """Return the plan."""
        return plan(seen, now)

    def acted(self, _plan: Plan, outcome: Performed, /) -> None:
        """Note who was there when asked, and go on; nothing is assumed about actions that did not happen."""
        for confirmed in outcome.written:
            if confirmed.resource == FOOSETS:
                self._bereaved.discard(confirmed.target)
                self._enqueue(confirmed.target)

    def all_keys(self) -> Iterable[Key]:
        """Return all sets."""
        return [row.key for row in self.foosets]

    def presumes(self, _key: Key, /) -> int:
        """No status of ours is about pods."""
        return 0

    def forget(self, key: Key) -> None:
        """Drop that it has lost a child: no more is remembered beyond the caches."""
        self._bereaved.discard(key)


def _child_key(fooset: Key, entry: str) -> Key:
    return Key(fooset.namespace, child_name(fooset.name, entry))


def _held(store: Store[C], keys: Iterable[Key]) -> dict[str, C]:
    return {key.name: row for key in sorted(keys) if (row := store.get(key)) is not None}


def assemble(enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> Assembly:
    """Put the room and its watches together."""
    del settings  # nothing about this room differs between installations
    room = FooSetRoom(enqueue, clock)
    return Assembly(
        room,
        [
            Watch(Source(FOOSETS, ModelCodec(FooSet)), room.foosets),
            Watch(Source(BATCHFOOSETS, ModelCodec(BatchFooSet)), room.batches),
            Watch(Source(SERVICEFOOSETS, ModelCodec(ServiceFooSet)), room.services),
            Watch(Source(FOOQUOTAS, ModelCodec(FooQuota)), room.quotas),
        ],
    )
