"""The pods of one set, by index: counters and index sets that the event path keeps, so that plans need no scan.

A pod is *live* until it has ended or is gone; a terminating pod is live and not *active*. An index is free again when
no live pod holds it. Every count is a set's size, so that an event seen twice is counted once. What ended stays
remembered when its pod is gone; after a restart it is known as far as the pods are still there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from foosets.api.meta import Key
from foosets.api.names import ATTEMPT, INDEX, OWNER_UID, REVISION, Kind, Uid
from foosets.api.pod import OwnerReference, Pod
from foosets.planning.podspans import CREATED, NO_ARRIVALS, Arrivals, pod_context
from foosets.planning.trace import Microseconds, TraceId
from foosets.planning.troubles import Trouble, trouble_of

UNKNOWN_INDEX: Final = -1
TRACED_PODS: Final = 100
"""Indexes below this have spans, and their arrival times are kept; of the others only failures have."""


class Member(Struct, frozen=True, gc=False):
    """One pod of the set. `arrivals` is when the watch brought its conditions, as far as this process saw it."""

    pod: Pod
    index: int
    attempt: int
    arrivals: Arrivals

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.pod.metadata.name

    @property
    def uid(self) -> Uid:
        """The pod's uid."""
        return self.pod.metadata.uid

    @property
    def revision(self) -> str:
        """The revision that the pod was made from."""
        return self.pod.metadata.labels.get(REVISION, "")

    @property
    def active(self) -> bool:
        """Whether it is live and nobody has asked for its end."""
        return not self.pod.terminal and not self.pod.terminating

    @property
    def taken_away(self) -> bool:
        """Whether somebody or its node ended it, rather than itself (`DisruptionTarget`, KEP-3329)."""
        disrupted = self.pod.condition("DisruptionTarget")
        return self.pod.terminating or (disrupted is not None and disrupted.status == "True")


class Members:
    """All pods of one owner that the cache shows."""

    __slots__ = (
        "_active",
        "_completed",
        "_failed",
        "_failures",
        "_known",
        "_live",
        "_placed",
        "_ready",
        "_retired",
        "_revisions",
        "_succeeded",
        "_traces",
        "_troubles",
    )

    def __init__(self) -> None:
        self._known: dict[str, Member] = {}
        self._live: dict[int, Member] = {}
        self._failed: dict[str, Member] = {}
        self._succeeded: dict[int, Member] = {}
        self._retired: dict[int, int] = {}
        self._completed: set[int] = set()
        self._failures: set[tuple[int, int]] = set()
        self._troubles: dict[str, Trouble] = {}
        self._traces: Counter[TraceId] = Counter()
        self._revisions: Counter[str] = Counter()
        self._active: set[str] = set()
        self._placed: set[str] = set()
        self._ready: set[str] = set()

    # ---- what plans read

    @property
    def live(self) -> Mapping[int, Member]:
        """The pod that holds each index."""
        return self._live

    @property
    def succeeded(self) -> Mapping[int, Member]:
        """A pod that succeeded, by index."""
        return self._succeeded

    @property
    def completed(self) -> AbstractSet[int]:
        """Every index of which a pod was seen to succeed, also when that pod is gone."""
        return self._completed

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        """What keeps active pods from getting on, by the pod's name."""
        return self._troubles

    @property
    def failed(self) -> Mapping[str, Member]:
        """Pods that failed, by name."""
        return self._failed

    @property
    def failures(self) -> AbstractSet[tuple[int, int]]:
        """Index and attempt of every pod that was seen to fail by itself, also when that pod is gone."""
        return self._failures

    @property
    def retired(self) -> Mapping[int, int]:
        """The highest attempt of each index that was seen to end without success, or on its way out, or gone."""
        return self._retired

    def take_part_in(self, trace: TraceId) -> bool:
        """Whether one of the traced pods was created in that trace."""
        return self._traces[trace] > 0

    @property
    def active(self) -> int:
        """How many pods are active."""
        return len(self._active)

    @property
    def revisions(self) -> AbstractSet[str]:
        """Every revision that active pods were made from."""
        return self._revisions.keys()

    @property
    def placed(self) -> int:
        """How many active pods have a node."""
        return len(self._placed)

    @property
    def ready(self) -> int:
        """How many active pods are Ready."""
        return len(self._ready)

    def __iter__(self) -> Iterator[Member]:
        """All pods that the cache shows, live ones first."""
        yield from self._live.values()
        yield from self._succeeded.values()
        yield from self._failed.values()

    def __bool__(self) -> bool:
        """Whether any pod is there."""
        return bool(self._live or self._succeeded or self._failed)

    # ---- what the event path writes

    def observe(self, before: Pod | None, after: Pod | None, at: Microseconds | None) -> None:
        """Take a change of one pod; `at` is when the watch brought it, None for the first list."""
        held = self._drop(before.metadata.name) if before is not None else None
        if after is None:
            if held is not None:
                self._retire(held)
            return
        member = _member(after, held, at)
        if member.index != UNKNOWN_INDEX:
            self._add(member)

    def _add(self, member: Member) -> None:
        name = member.name
        self._known[name] = member
        self._count_trace(member, 1)
        phase = member.pod.status.phase
        if phase == "Succeeded":
            self._succeeded[member.index] = member
            self._completed.add(member.index)
            return
        if phase == "Failed":
            self._failed[name] = member
            self._retire(member)
            if not member.taken_away:
                self._failures.add((member.index, member.attempt))
            return
        self._live[member.index] = member
        if not member.active:
            self._retire(member)
            return
        self._active.add(name)
        self._revisions[member.revision] += 1
        if member.pod.spec.node_name:
            self._placed.add(name)
        if member.pod.ready:
            self._ready.add(name)
            return
        trouble = trouble_of(member.pod)
        if trouble is not None:
            self._troubles[name] = trouble

    def _drop(self, name: str) -> Member | None:
        held = self._known.pop(name, None)
        if held is None:
            return None
        if name in self._active:
            self._active.remove(name)
            self._placed.discard(name)
            self._ready.discard(name)
            self._troubles.pop(name, None)
            self._count_revision(held.revision)
        self._failed.pop(name, None)
        for by_index in (self._live, self._succeeded):
            if by_index.get(held.index) is held:
                del by_index[held.index]
        self._count_trace(held, -1)
        return held

    def _count_revision(self, gone: str) -> None:
        self._revisions[gone] -= 1
        if not self._revisions[gone]:
            del self._revisions[gone]

    def _count_trace(self, member: Member, change: int) -> None:
        if member.index >= TRACED_PODS:
            return
        context = pod_context(member.pod)
        if context is not None:
            self._traces[context.trace_id] += change

    def _retire(self, member: Member) -> None:
        if member.attempt >= self._retired.get(member.index, 0):
            self._retired[member.index] = member.attempt


def _member(pod: Pod, before: Member | None, at: Microseconds | None) -> Member:
    index = _number(pod, INDEX)
    arrivals = _arrivals(pod, before, at) if at is not None and index < TRACED_PODS else NO_ARRIVALS
    return Member(pod, index, _number(pod, ATTEMPT), arrivals)


def _arrivals(pod: Pod, before: Member | None, at: Microseconds) -> Arrivals:
    """Return the arrivals with what is new in this row: the pod itself, and conditions that moved."""
    if before is None:
        return {CREATED: at} | {condition.type: at for condition in pod.status.conditions}
    known = {condition.type: condition.status for condition in before.pod.status.conditions}
    moved = {c.type: at for c in pod.status.conditions if known.get(c.type) != c.status}
    return {**before.arrivals, **moved} if moved else before.arrivals


def _number(pod: Pod, label: str) -> int:
    """Return the number that a label holds; labels of ours are guarded, but not by every cluster."""
    text = pod.metadata.labels.get(label, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else UNKNOWN_INDEX


class Memberships:
    """The members of every owner of one kind, fed with all pods that a watch brings."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._by_owner: dict[Uid, Members] = {}
        self._gone: set[Uid] = set()

    def of(self, owner: Uid) -> Members:
        """Return the pods of one owner."""
        members = self._by_owner.get(owner)
        return Members() if members is None else members  # one without pods still remembers

    def observe(self, before: Pod | None, after: Pod | None, at: Microseconds | None) -> Key | None:
        """Take a change of one pod; return the owner that it concerns, or None when that is not of our kind."""
        owner_before, owner_after = self._owner(before), self._owner(after)
        pod, owner = after or before, owner_after or owner_before
        if pod is None or owner is None:
            return None
        members = self._by_owner.get(owner.uid)
        if members is None:
            members = self._by_owner[owner.uid] = Members()
        members.observe(before if owner_before else None, after if owner_after else None, at)
        if self._gone:
            self._sweep(owner.uid)
        return Key(pod.metadata.namespace, owner.name)

    def forget(self, owner: Uid) -> None:
        """Drop an owner that is gone, as soon as its pods are."""
        self._gone.add(owner)
        self._sweep(owner)

    def _owner(self, pod: Pod | None) -> OwnerReference | None:
        """Return the pod's controller if it is a set of our kind and its label says so too."""
        owner = pod.controller if pod is not None else None
        if pod is None or owner is None:
            return None
        ours = owner.kind == self._kind and owner.uid == pod.metadata.labels.get(OWNER_UID)
        return owner if ours else None

    def _sweep(self, owner: Uid) -> None:
        if owner in self._gone and not self._by_owner.get(owner):
            self._by_owner.pop(owner, None)
            self._gone.discard(owner)
