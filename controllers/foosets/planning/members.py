"""The pods of one set, by index: counters and index sets that the event path keeps, so that plans need no scan.

A pod is *live* until it has ended or is gone; a terminating pod is live and not *active*. An index is free again when
no live pod holds it. A pod is taken out of every count before it is counted anew, so that an event seen twice is
counted once. What ended stays remembered when its pod is gone; after a restart it is known as far as the pods are
still there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from foosets.api.pod import Pod
from foosets.planning.indexes import IndexSet, Tally
from foosets.planning.kubelets import Refusal
from foosets.planning.member import TRACED_PODS, Member
from foosets.planning.podspans import pod_context
from foosets.planning.trace import Microseconds, TraceId
from foosets.planning.troubles import Trouble, crash_loop_after, trouble_of


class Members:
    """All pods of one owner that the cache shows."""

    __slots__ = (
        "_active",
        "_completed",
        "_failed",
        "_failures",
        "_held",
        "_known",
        "_live",
        "_placed",
        "_ready",
        "_rejected",
        "_rejections",
        "_retired",
        "_revisions",
        "_succeeded",
        "_traced",
        "_traces",
        "_troubles",
        "_version",
    )

    def __init__(self) -> None:
        self._known: dict[str, Member] = {}
        self._live: dict[int, Member] = {}
        self._held = Tally()
        self._failed: dict[str, Member] = {}
        self._succeeded: dict[str, Member] = {}
        self._retired: dict[int, int] = {}
        self._completed = Tally()
        self._failures: dict[int, int] = {}
        self._rejected: dict[str, Member] = {}
        self._rejections: dict[int, Refusal] = {}
        self._troubles: dict[str, Trouble] = {}
        self._traced: dict[str, Member] = {}
        self._traces: Counter[TraceId] = Counter()
        self._revisions: Counter[str] = Counter()
        self._active = 0
        self._placed = 0
        self._ready = 0
        self._version = 0

    # ---- what plans read

    @property
    def live(self) -> Mapping[int, Member]:
        """The pod that holds each index."""
        return self._live

    @property
    def held(self) -> IndexSet:
        """The indexes that live pods hold."""
        return self._held.indexes()

    @property
    def succeeded(self) -> Mapping[str, Member]:
        """Pods that succeeded, by name."""
        return self._succeeded

    @property
    def completed(self) -> IndexSet:
        """Every index of which a pod was seen to succeed, also when that pod is gone."""
        return self._completed.indexes()

    def troubles(self, at: Microseconds) -> tuple[Trouble, ...]:
        """What keeps active pods from getting on at that time."""
        return tuple(trouble for trouble in self._troubles.values() if trouble.lasts(at))

    @property
    def failed(self) -> Mapping[str, Member]:
        """Pods that failed, by name; also those that were rejected."""
        return self._failed

    @property
    def failures(self) -> Mapping[int, int]:
        """The highest attempt of each index that was seen to fail by itself, also when that pod is gone.

        Those below it are counted: there is no pod of an attempt before status says the attempt.
        """
        return self._failures

    @property
    def rejected(self) -> Mapping[str, Member]:
        """Pods that their kubelets refused, by name."""
        return self._rejected

    @property
    def rejections(self) -> Mapping[int, Refusal]:
        """The newest pod of each index that was seen to be refused, also when it is gone."""
        return self._rejections

    @property
    def retired(self) -> Mapping[int, int]:
        """The highest attempt of each index that was seen to end without success, or on its way out, or gone."""
        return self._retired

    def take_part_in(self, trace: TraceId) -> bool:
        """Whether one of the first pods was created in that trace."""
        return trace in self._traces

    @property
    def traced(self) -> list[Member]:
        """The pods that may have spans; those that failed, of which there may be many, are the last."""
        return sorted(self._traced.values(), key=lambda member: member.pod.status.phase == "Failed")

    @property
    def active(self) -> int:
        """How many pods are active."""
        return self._active

    @property
    def revisions(self) -> AbstractSet[str]:
        """Every revision that active pods were made from."""
        return self._revisions.keys()

    @property
    def placed(self) -> int:
        """How many active pods have a node."""
        return self._placed

    @property
    def ready(self) -> int:
        """How many active pods are Ready."""
        return self._ready

    @property
    def version(self) -> int:
        """The newest resourceVersion of a pod that was ever seen, also when that pod is gone; 0 before the first."""
        return self._version

    def __iter__(self) -> Iterator[Member]:
        """All pods that the cache shows."""
        return iter(self._known.values())

    def __bool__(self) -> bool:
        """Whether any pod is there."""
        return bool(self._known)

    # ---- what the event path writes

    def observe(self, before: Pod | None, after: Pod | None, at: Microseconds | None) -> None:
        """Take a change of one pod; `at` is when the watch brought it, None for the first list."""
        pod = after or before
        assert pod is not None, "nothing does not become nothing"
        self._version = max(self._version, int(pod.metadata.resource_version))
        troubled = self._troubles.get(pod.metadata.name)
        held = self._drop(pod.metadata.name)
        if after is None:
            if held is not None:
                self._retire(held)
            return
        member = Member.of(after, held, at)
        if member.known:
            self._add(member)
            self._judge(member, troubled, at)

    def _add(self, member: Member) -> None:
        name, index = member.name, member.index
        self._known[name] = member
        if member.traced:
            self._traced[name] = member
            self._count_trace(member, 1)
        if member.live:
            self._live[index] = member
            self._held.add(index)
        elif member.pod.status.phase == "Succeeded":
            self._succeeded[name] = member
            self._completed.add(index)
            return
        else:
            self._failed[name] = member
            if member.rejected:
                self._reject(member)
            elif not member.taken_away:
                self._failures[index] = max(member.attempt, self._failures.get(index, 0))
        if not member.active:
            self._retire(member)
            return
        self._count(member, 1)

    def _judge(self, member: Member, before: Trouble | None, at: Microseconds | None) -> None:
        """Note what keeps an active pod from getting on; `before` is what did until now."""
        if not member.active:
            return
        trouble = trouble_of(member.pod) if not member.ready else None
        trouble = trouble or crash_loop_after(before, member.pod, at)
        if trouble is not None:
            self._troubles[member.name] = trouble

    def _drop(self, name: str) -> Member | None:
        held = self._known.pop(name, None)
        if held is None:
            return None
        if held.traced:
            del self._traced[name]
            self._count_trace(held, -1)
        if held.active:
            self._count(held, -1)
            self._troubles.pop(name, None)
        if self._live.get(held.index) is held:
            del self._live[held.index]
            self._held.discard(held.index)
        else:
            self._succeeded.pop(name, None)
            self._failed.pop(name, None)
            self._rejected.pop(name, None)
        return held

    def _count(self, member: Member, change: int) -> None:
        """Count an active pod in, or out again."""
        self._active += change
        self._placed += change if member.pod.spec.node_name else 0
        self._ready += change if member.ready else 0
        revision, revisions = member.revision, self._revisions
        revisions[revision] += change
        if not revisions[revision]:
            del revisions[revision]

    def _count_trace(self, member: Member, change: int) -> None:
        context = pod_context(member.pod) if member.index < TRACED_PODS else None
        if context is None:
            return
        trace, traces = context.trace_id, self._traces
        traces[trace] += change
        if not traces[trace]:
            del traces[trace]

    def _reject(self, member: Member) -> None:
        self._rejected[member.name] = member
        before = self._rejections.get(member.index)
        if before is None or before.attempt <= member.attempt:
            self._rejections[member.index] = Refusal.of(member.pod, member.attempt)

    def _retire(self, member: Member) -> None:
        if member.attempt >= self._retired.get(member.index, 0):
            self._retired[member.index] = member.attempt
