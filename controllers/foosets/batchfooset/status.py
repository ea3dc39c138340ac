"""The batch controller's report: what was seen, as conditions and counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from foosets.api.batchfooset import BatchFooSet, BatchFooSetStatus
from foosets.api.names import OWNER_UID, UNBLOCKED_REASONS, ConditionType, Kind, Reason
from foosets.api.status import AttemptRange
from foosets.batchfooset.state import Observed
from foosets.placement.requests import pod_requests
from foosets.planning import rules
from foosets.planning.allowance import Standing
from foosets.planning.causes import Cause, blocked_by, deepest, on_the_set
from foosets.planning.conditions import Verdict, holds, merged
from foosets.planning.episodes import Episode, closed_trace
from foosets.planning.indexes import ALL, Attempts, IndexSet, format_ranges, stored_ranges, version_told
from foosets.planning.rejections import Conflicts
from foosets.planning.setspans import microseconds
from foosets.planning.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Account:
    """What the set has achieved: status as stored, and what the pods add to it.

    `remaining` is how many of the spec's indexes have not completed. A failed pod counts once: its attempt is then
    below the stored one, which is raised in the same status write. So does one that its kubelet rejected, among the
    `conflicts`.
    """

    completed: IndexSet
    remaining: int
    failed: int
    attempts: Attempts
    recorded: Attempts
    conflicts: Conflicts
    standing: Standing
    troubles: tuple[Trouble, ...]

    @classmethod
    def of(cls, seen: Observed, now: datetime) -> "Account":
        """Add the pods to the stored status; adding them again adds nothing."""
        status, spec = seen.batch.status, seen.batch.spec
        recorded = Attempts.from_groups((group.indexes, group.attempt) for group in status.attempts)
        uncounted = sum(1 for index, attempt in seen.pods.failures.items() if attempt >= recorded[index])
        completed = stored_ranges(status.completed_indexes) | seen.pods.completed
        replaced = {index: last + 1 for index, last in seen.pods.retired.items() if index not in completed}
        settled = completed if recorded_end(seen.batch) is None else ALL
        remaining = spec.completions - len(completed & IndexSet.below(spec.completions))
        failed = status.failed + uncounted
        if _end(seen.batch, remaining, failed) is not None:
            standing = seen.allowance.ended(status)
        else:
            wanted = min(spec.parallelism, remaining)
            live = len(seen.pods.live)
            standing = seen.allowance.standing(status, now, pods=wanted, live=live, requests=seen.pod_requests)
        return cls(
            completed=completed,
            remaining=remaining,
            failed=failed,
            attempts=recorded.raised(replaced),
            recorded=recorded,
            conflicts=Conflicts.of(status, seen.pods, recorded, now, settled=settled),
            standing=standing,
            troubles=seen.pods.troubles(microseconds(now)),
        )


def recorded_end(batch: BatchFooSet) -> ConditionType | None:
    """Return the terminal condition that status shows, if any."""
    ends = (ConditionType.COMPLETE, ConditionType.FAILED)
    return next((kind for kind in ends if holds(batch.status.conditions, kind)), None)


def terminal(seen: Observed, account: Account) -> ConditionType | None:
    """Return Complete or Failed once the set has come to its end; what is stored already never changes."""
    return _end(seen.batch, account.remaining, account.failed)


def _end(batch: BatchFooSet, remaining: int, failed: int) -> ConditionType | None:
    recorded = recorded_end(batch)
    if recorded is not None:
        return recorded
    if failed > batch.spec.backoff_limit:
        return ConditionType.FAILED
    return ConditionType.COMPLETE if remaining <= 0 else None


def cause_of(seen: Observed, account: Account, own: Cause | None) -> Cause | None:
    """Return what keeps the set: its end, its template, or the deepest of its `own` cause and its pods' troubles."""
    name = seen.batch.metadata.name
    kind = Kind.BATCHFOOSET
    end = terminal(seen, account)
    if end == ConditionType.COMPLETE:
        return None
    if end == ConditionType.FAILED:
        return Cause(kind, name, ConditionType.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED, _failure(seen, account))
    fault = rules.batch_template(seen.batch.spec.template)
    if fault is not None:
        return Cause(kind, name, ConditionType.PLACED, fault.reason, fault.message)
    return deepest(account.troubles, seen.revision, own, seen.batch.status.blocked_by)


def own_cause(seen: Observed, account: Account, now: datetime) -> Cause | None:
    """Return what keeps the set from placing pods: a quota, what its actions ran into, or a kubelet."""
    kind, name = Kind.BATCHFOOSET, seen.batch.metadata.name
    quota = account.standing.cause(kind, name, now)
    if quota is not None:
        return quota
    if seen.obstacle is not None:
        return Cause(kind, name, ConditionType.PLACED, seen.obstacle.reason, seen.obstacle.message)
    lacking = seen.pods.active < min(seen.batch.spec.parallelism, account.remaining)
    return account.conflicts.cause(kind, name) if lacking else None


def _failure(seen: Observed, account: Account) -> str:
    limit = seen.batch.spec.backoff_limit
    return f"{account.failed} pods failed, which is more than the backoffLimit of {limit}"


def report(seen: Observed, account: Account, episode: Episode, now: datetime, *, closed: bool) -> BatchFooSetStatus:
    """Return the whole status."""
    batch, pods = seen.batch, seen.pods
    own = own_cause(seen, account, now)
    cause = cause_of(seen, account, own)
    generation = batch.metadata.generation
    made = (member.pod for member in pods if member.revision == seen.revision)
    return BatchFooSetStatus(
        observed_generation=generation,
        conditions=merged(batch.status.conditions, _verdicts(seen, account, cause, own), now, generation),
        blocked_by=blocked_by(batch.status.blocked_by, cause, episode.trace_id, now),
        trace_id=episode.trace_id,
        trace=closed_trace(episode.trace, closed=closed),
        active=pods.active,
        ready=pods.ready,
        succeeded=len(account.completed),
        failed=account.failed,
        completed_indexes=format_ranges(account.completed),
        attempts=tuple(AttemptRange(indexes=ranges, attempt=at) for ranges, at in account.attempts.grouped()),
        attempts_resource_version=version_told(
            batch.status.attempts_resource_version, pods.version, raised=account.attempts != account.recorded
        ),
        placement_conflicts=account.conflicts.total,
        rejections=account.conflicts.rejections.grouped(),
        last_rejection=account.conflicts.last,
        pod_requests=pod_requests(seen.pod_requests, batch.status.pod_requests, made),
        selector=f"{OWNER_UID}={batch.metadata.uid}",
    )


def _verdicts(seen: Observed, account: Account, cause: Cause | None, own: Cause | None) -> Iterable[Verdict]:
    """Yield every condition; Complete and Failed only once they hold, as Job does."""
    end = terminal(seen, account)
    wanted = min(seen.batch.spec.parallelism, account.remaining)
    complete, failed = end == ConditionType.COMPLETE, end == ConditionType.FAILED
    placed = complete or (not failed and seen.pods.placed >= wanted)
    ready = complete or (placed and cause is None and seen.pods.ready >= wanted)
    reason, message = _reason(cause, placed=placed, ready=ready, complete=complete)
    blocked = reason not in UNBLOCKED_REASONS
    yield from account.standing.verdicts(Reason.PLACING)
    here = on_the_set(cause, own)
    why, said = (here.reason, here.message) if here is not None else (reason, message)
    yield Verdict(ConditionType.PLACED, placed, Reason.AVAILABLE if placed else why, "" if placed else said)
    yield Verdict(ConditionType.READY, ready, reason, message)
    yield Verdict(ConditionType.PROGRESSING, not (ready or blocked), reason, message)
    if end is not None:
        yield Verdict(end, True, reason, message)
    yield Verdict(ConditionType.STALLED, failed or _stalled(seen, here), reason, message)


def _reason(cause: Cause | None, *, placed: bool, ready: bool, complete: bool) -> tuple[Reason, str]:
    if cause is not None:
        return cause.reason, cause.message
    if complete:
        return Reason.COMPLETED, "every index has completed"
    if ready:
        return Reason.AVAILABLE, "all active pods are ready"
    return (Reason.PODS_STARTING, "pods are starting") if placed else (Reason.PLACING, "pods are being placed")


def _stalled(seen: Observed, cause: Cause | None) -> bool:
    """Whether nothing will change until somebody changes the spec."""
    at_fault = rules.batch_template(seen.batch.spec.template) is not None
    return at_fault or (cause is not None and cause.reason in {Reason.UNSUPPORTED_TEMPLATE, Reason.NAME_COLLISION})
