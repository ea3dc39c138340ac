"""The fooset controller's report: its children's progress rolled up, and the root cause below."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import CHILDREN_MAX, BatchEntry, ChildStatus, FooSet, FooSetStatus, PartKind
from foosets.api.names import UNBLOCKED_REASONS, ConditionType, Kind, Reason
from foosets.api.status import BlockedBy
from foosets.fooset.children import desired, differs
from foosets.fooset.state import Child, Entry, Observed
from foosets.planning import rules
from foosets.planning.allowance import Standing
from foosets.planning.causes import Cause, blocked_by
from foosets.planning.conditions import Verdict, holds, merged
from foosets.planning.episodes import Episode, closed_trace
from foosets.planning.naming import child_name
from foosets.planning.silence import SILENT_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Refinement:
    """How the entries and the children stand to each other.

    `missing` have no child yet, `changed` have one that must be written, `taken` have an object of another owner in
    its place; `orphans` are children without entry. `current` are the children that are as they should be. With a
    `fault` in the spec nothing is made of it: what runs goes on.
    """

    missing: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    taken: tuple[Entry, ...]
    orphans: tuple[Child, ...]
    current: tuple[Child, ...]
    fault: rules.Fault | None = None

    @classmethod
    def of(cls, seen: Observed) -> "Refinement":
        """Compare the spec with what is there; what is being deleted counts as missing, and is waited for."""
        missing: list[Entry] = []
        changed: list[Entry] = []
        taken: list[Entry] = []
        current: list[Child] = []
        for entry in seen.entries:
            child = seen.child_of(entry)
            if child is None or (child.terminating and seen.owns(child)):
                missing.append(entry)
            elif not seen.owns(child):
                taken.append(entry)
            elif differs(child, desired(seen, entry)):
                changed.append(entry)
            else:
                current.append(child)
        orphans = [child for child in seen.removed if not child.terminating]
        fault = rules.fooset(seen.fooset.spec)
        return cls(tuple(missing), tuple(changed), tuple(taken), tuple(orphans), tuple(current), fault)

    @property
    def complete(self) -> bool:
        """Whether every entry has its child and no other child is left, as a spec without fault has it."""
        return not (self.fault or self.missing or self.changed or self.taken or self.orphans)


def up_to_date(child: Child) -> bool:
    """Whether the child's controller has acted on its newest spec."""
    return child.status.observed_generation == child.metadata.generation


def _has(child: Child, condition: ConditionType) -> bool:
    return up_to_date(child) and holds(child.status.conditions, condition)


def ended(child: BatchFooSet) -> bool:
    """Whether the batch has come to its end, one way or the other."""
    return _has(child, ConditionType.COMPLETE) or _has(child, ConditionType.FAILED)


def recorded_end(fooset: FooSet) -> ConditionType | None:
    """Return the terminal condition that status shows, if any."""
    ends = (ConditionType.COMPLETE, ConditionType.FAILED)
    return next((kind for kind in ends if holds(fooset.status.conditions, kind)), None)


def terminal(seen: Observed, refinement: Refinement) -> ConditionType | None:
    """Return Complete or Failed once the set has come to its end; what is stored already never changes.

    It is Failed when a batch child is. It is Complete when all batch children are and there is no service: a service
    never ends, so a set with one goes on.
    """
    recorded = recorded_end(seen.fooset)
    if recorded is not None:
        return recorded
    batches = [child for child in refinement.current if isinstance(child, BatchFooSet)]
    if any(_has(child, ConditionType.FAILED) for child in batches):
        return ConditionType.FAILED
    finished = refinement.complete and bool(batches) and not seen.fooset.spec.service
    if finished and all(_has(child, ConditionType.COMPLETE) for child in batches):
        return ConditionType.COMPLETE
    return None


def standing(seen: Observed, refinement: Refinement, now: datetime) -> Standing:
    """Return how its wish stands with the quotas; one that has ended has none, unless something is left to be made."""
    status = seen.fooset.status
    if terminal(seen, refinement) is not None and refinement.complete:
        return seen.allowance.ended(status)
    return seen.allowance.standing(status, now)


def _unread(seen: Observed, refinement: Refinement) -> Child | None:
    """Return the child that has waited longest for a look of its controller; None if none waits."""
    unread = (child for child in refinement.current if not up_to_date(child))
    return min(unread, key=lambda child: seen.unread[child.metadata.uid], default=None)


def silent_from(seen: Observed, refinement: Refinement) -> datetime | None:
    """Return when a child that nobody has looked at yet counts as one whose controller is silent; None without one."""
    child = _unread(seen, refinement)
    return seen.unread[child.metadata.uid] + timedelta(seconds=SILENT_AFTER_SECONDS) if child is not None else None


def _root_cause(seen: Observed, refinement: Refinement, now: datetime) -> Cause | BlockedBy | None:
    """Return what blocks the set: its own fault, else the deepest condition below, else what this controller ran into.

    A set that has failed is blocked by what ended it, whatever was written into it since.
    """
    failed = _failed(seen, refinement)
    name = seen.fooset.metadata.name
    fault = refinement.fault
    if fault is not None and not failed:
        return Cause(Kind.FOOSET, name, ConditionType.REFINED, fault.reason, fault.message)
    asked = failed or [child for child in refinement.current if up_to_date(child)]
    below = [child.status.blocked_by for child in asked if child.status.blocked_by]
    if below:
        return _deepest(below)
    if refinement.taken:
        message = f"the name of the child for entry {refinement.taken[0].name} is taken by an object of another owner"
        return Cause(Kind.FOOSET, name, ConditionType.REFINED, Reason.NAME_COLLISION, message)
    quota = standing(seen, refinement, now).cause(Kind.FOOSET, name, now)
    if quota is not None:
        return quota
    if seen.obstacle is not None:
        return Cause(Kind.FOOSET, name, ConditionType.REFINED, seen.obstacle.reason, seen.obstacle.message)
    return _silence(seen, refinement, now)


def _failed(seen: Observed, refinement: Refinement) -> list[BatchFooSet]:
    """Return the parts that end the set; of a set that has failed also those that were edited or removed since."""
    if recorded_end(seen.fooset) == ConditionType.FAILED:
        batches = (child for child in seen.batches.values() if seen.owns(child))
        return [child for child in batches if holds(child.status.conditions, ConditionType.FAILED)]
    return [
        child for child in refinement.current if isinstance(child, BatchFooSet) and _has(child, ConditionType.FAILED)
    ]


def _silence(seen: Observed, refinement: Refinement, now: datetime) -> Cause | None:
    """Return the cause that is a controller which does not look at the child that has waited longest for it."""
    child, silent = _unread(seen, refinement), silent_from(seen, refinement)
    if child is None or silent is None or silent > now:
        return None
    kind = Kind.BATCHFOOSET if isinstance(child, BatchFooSet) else Kind.SERVICEFOOSET
    message = f"the {kind.lower()} controller has not looked at it: is it running?"
    return Cause(kind, child.metadata.name, ConditionType.READY, Reason.CONTROLLER_SILENT, message)


def _deepest(causes: list[BlockedBy]) -> BlockedBy:
    """Return the cause furthest down; of several there the oldest, then by name. The message counts the others."""
    depth = max(_depth(cause) for cause in causes)
    at_depth = sorted((c for c in causes if _depth(c) == depth), key=lambda cause: (cause.since, cause.name))
    first, others = at_depth[0], len(at_depth) - 1
    return first.model_copy(update={"message": f"{first.message} (and {others} more blocked)"}) if others else first


def _depth(cause: BlockedBy) -> int:
    return 1 if cause.kind == "Pod" else 0


def report(seen: Observed, refinement: Refinement, episode: Episode, now: datetime, *, closed: bool) -> FooSetStatus:
    """Return the whole status."""
    fooset = seen.fooset
    stored = fooset.status
    cause = _root_cause(seen, refinement, now)
    blocked = cause if isinstance(cause, BlockedBy) else blocked_by(stored.blocked_by, cause, episode.trace_id, now)
    generation = fooset.metadata.generation
    quota = standing(seen, refinement, now).verdicts(Reason.REFINING)
    return FooSetStatus(
        observed_generation=generation,
        conditions=merged(stored.conditions, (*quota, *_verdicts(seen, refinement, blocked)), now, generation),
        blocked_by=blocked,
        trace_id=episode.trace_id,
        trace=closed_trace(episode.trace, closed=closed),
        batch_ready=_ready_of(seen, seen.fooset.spec.batch),
        service_ready=_ready_of(seen, seen.fooset.spec.service),
        children=tuple(_parts(seen))[:CHILDREN_MAX],
    )


def _verdicts(seen: Observed, refinement: Refinement, cause: BlockedBy | None) -> Iterable[Verdict]:
    """Yield every condition; Complete and Failed only once they hold, as Job does."""
    end = terminal(seen, refinement)
    complete, failed = end == ConditionType.COMPLETE, end == ConditionType.FAILED
    children_ready = refinement.complete and all(_has(child, ConditionType.READY) for child in refinement.current)
    ready = complete or (children_ready and cause is None and not failed)
    reason, message = _reason(refinement, cause, ready=ready, end=end)
    blocked = reason not in UNBLOCKED_REASONS
    refined = refinement.complete
    why, said = _why_held(refinement, failed=failed) or (reason, message)
    yield Verdict(ConditionType.REFINED, refined, Reason.AVAILABLE if refined else why, "" if refined else said)
    yield Verdict(ConditionType.READY, ready, reason, message)
    yield Verdict(ConditionType.PROGRESSING, not (ready or blocked), reason, message)
    if end is not None:
        stored = seen.fooset.status.condition(end)
        yield Verdict(end, True, stored.reason, stored.message) if stored else Verdict(end, True, reason, message)
    stuck = any(_has(child, ConditionType.STALLED) for child in refinement.current)
    held = stuck or refinement.fault is not None or bool(refinement.taken)
    yield Verdict(ConditionType.STALLED, failed or held, why, said)


def _why_held(refinement: Refinement, *, failed: bool) -> tuple[str, str] | None:
    """Return the fault as a reason and message; of a set that has failed, its end is the reason for everything."""
    fault = refinement.fault
    return (fault.reason, fault.message) if fault is not None and not failed else None


def _reason(
    refinement: Refinement, cause: BlockedBy | None, *, ready: bool, end: ConditionType | None
) -> tuple[str, str]:
    if end == ConditionType.COMPLETE:
        return Reason.COMPLETED, "all batch parts have completed"
    if cause is not None:
        return cause.reason, f"{cause.kind} {cause.name}: {cause.message}"
    if end == ConditionType.FAILED:
        return Reason.CHILD_FAILED, "a batch part has failed"
    if ready:
        return Reason.AVAILABLE, "all parts are ready"
    if not refinement.complete:
        return Reason.REFINING, "the parts are being made"
    placed = all(_has(child, ConditionType.PLACED) for child in refinement.current)
    return (Reason.PODS_STARTING, "pods are starting") if placed else (Reason.PLACING, "pods are being placed")


def _ready_of(seen: Observed, entries: Iterable[Entry]) -> str:
    children = [seen.child_of(entry) for entry in entries]
    ready = sum(1 for c in children if c is not None and seen.owns(c) and _has(c, ConditionType.READY))
    return f"{ready}/{len(children)}"


def _parts(seen: Observed) -> Iterator[ChildStatus]:
    """Yield the counts of each entry, then those of removed ones; a name that is an entry's again stands for that."""
    names = {entry.name for entry in seen.entries}
    for entry in seen.entries:
        child = seen.child_of(entry)
        if child is not None and seen.owns(child):
            yield _counts(entry.name, child)
        else:
            yield ChildStatus(name=entry.name, kind=_kind(entry))
    for child in seen.removed:
        name = child.metadata.name.removeprefix(child_name(seen.fooset.metadata.name, ""))
        if name not in names:
            names.add(name)
            yield _counts(name, child).model_copy(update={"desired": 0})


def _kind(entry: Entry) -> PartKind:
    return Kind.BATCHFOOSET if isinstance(entry, BatchEntry) else Kind.SERVICEFOOSET


def _counts(name: str, child: Child) -> ChildStatus:
    if isinstance(child, BatchFooSet):
        batch = child.status
        return ChildStatus(
            name=name,
            kind=Kind.BATCHFOOSET,
            desired=child.spec.completions,
            created=batch.active,
            placed=batch.active,
            ready=batch.ready,
            succeeded=batch.succeeded,
            failed=batch.failed,
            placement_conflicts=batch.placement_conflicts,
        )
    service = child.status
    return ChildStatus(
        name=name,
        kind=Kind.SERVICEFOOSET,
        desired=child.spec.replicas,
        created=service.replicas,
        placed=service.placed_replicas,
        ready=service.ready_replicas,
        placement_conflicts=service.placement_conflicts,
    )
