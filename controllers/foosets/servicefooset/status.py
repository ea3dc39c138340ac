"""The service controller's report: what was seen, as conditions and counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from foosets.api.names import OWNER_UID, UNBLOCKED_REASONS, ConditionType, Kind, Reason
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSetStatus
from foosets.api.status import AttemptRange
from foosets.placement.requests import pod_requests
from foosets.planning import rules
from foosets.planning.allowance import Standing
from foosets.planning.causes import Cause, blocked_by, deepest, on_the_set
from foosets.planning.conditions import Verdict, merged
from foosets.planning.episodes import Episode, closed_trace
from foosets.planning.indexes import Attempts, IndexSet, version_told
from foosets.planning.members import Members
from foosets.planning.rejections import Conflicts
from foosets.planning.setspans import microseconds
from foosets.planning.silence import silence_of, silent_from
from foosets.planning.stamps import SECOND, parse_time
from foosets.planning.trace import Microseconds
from foosets.planning.troubles import Trouble
from foosets.servicefooset.state import Observed


@dataclass(frozen=True, slots=True)
class Account:
    """What the pods come to at one moment; `changes_in` is the seconds until time alone changes it.

    `attempts` are the stored ones, `recorded`, and what the pods add to them: a slot whose pod ended or went is at
    the next one.
    """

    available: int
    updated: int
    troubles: tuple[Trouble, ...]
    attempts: Attempts
    recorded: Attempts
    conflicts: Conflicts
    standing: Standing
    changes_in: float | None

    @classmethod
    def of(cls, seen: Observed, now: datetime) -> "Account":
        """Look at every active pod once."""
        clock, ready_for = microseconds(now), seen.service.spec.min_ready_seconds
        active = [member for member in seen.pods.live.values() if member.active]
        available = [at for member in active if (at := available_from(member.pod, ready_for)) is not None]
        silent = [(at, member.pod) for member in active if (at := silent_from(member.pod)) is not None]
        ahead = [at - clock for at in (*available, *(at for at, _ in silent)) if at > clock]
        wanted = IndexSet.below(seen.service.spec.replicas)
        stored = seen.service.status.attempts
        recorded = Attempts.from_groups((group.indexes, group.attempt) for group in stored)
        return cls(
            available=sum(1 for at in available if at <= clock),
            updated=sum(1 for member in active if member.revision == seen.revision),
            troubles=(*seen.pods.troubles(clock), *(silence_of(pod) for at, pod in silent if at <= clock)),
            attempts=recorded.raised(_next_attempts(seen.pods)),
            recorded=recorded,
            conflicts=Conflicts.of(seen.service.status, seen.pods, recorded, now).among(wanted),
            standing=seen.allowance.standing(
                seen.service.status,
                now,
                pods=seen.service.spec.replicas,
                live=len(seen.pods.live),
                requests=seen.pod_requests,
            ),
            changes_in=min(ahead) / SECOND if ahead else None,
        )


def available_from(pod: Pod, ready_seconds: int) -> Microseconds | None:
    """Return the time from which a Ready pod counts as available, or None while it is not Ready (Deployment's rule)."""
    ready = pod.condition("Ready")
    if ready is None or not pod.ready:
        return None
    if ready_seconds == 0:
        return 0
    since = parse_time(ready.last_transition_time)
    return None if since is None else since + ready_seconds * SECOND


def _next_attempts(pods: Members) -> dict[int, int]:
    """Return the attempt after the last that is known to be over, by slot; for a service success is an end too."""
    attempts = {slot: last + 1 for slot, last in pods.retired.items()}
    for member in pods.succeeded.values():
        attempts[member.index] = max(attempts.get(member.index, 0), member.attempt + 1)
    return attempts


def cause_of(seen: Observed, account: Account, own: Cause | None) -> Cause | None:
    """Return what keeps the set: its template, or the deepest of its `own` cause and its pods' troubles."""
    fault = rules.service_template(seen.service.spec.template)
    if fault is not None:
        name = seen.service.metadata.name
        return Cause(Kind.SERVICEFOOSET, name, ConditionType.PLACED, fault.reason, fault.message)
    return deepest(account.troubles, seen.revision, own, seen.service.status.blocked_by)


def own_cause(seen: Observed, account: Account, now: datetime) -> Cause | None:
    """Return what keeps the set from having its pods placed: a quota, what its actions ran into, or a kubelet."""
    name = seen.service.metadata.name
    quota = account.standing.cause(Kind.SERVICEFOOSET, name, now)
    if quota is not None:
        return quota
    if seen.obstacle is not None:
        return Cause(Kind.SERVICEFOOSET, name, ConditionType.PLACED, seen.obstacle.reason, seen.obstacle.message)
    return account.conflicts.cause(Kind.SERVICEFOOSET, name)


def report(seen: Observed, account: Account, episode: Episode, now: datetime, *, closed: bool) -> ServiceFooSetStatus:
    """Return the whole status."""
    service, pods = seen.service, seen.pods
    own = own_cause(seen, account, now)
    cause = cause_of(seen, account, own)
    generation = service.metadata.generation
    made = (member.pod for member in pods if member.revision == seen.revision)
    return ServiceFooSetStatus(
        observed_generation=generation,
        conditions=merged(service.status.conditions, _verdicts(seen, account, cause, own), now, generation),
        blocked_by=blocked_by(service.status.blocked_by, cause, episode.trace_id, now),
        trace_id=episode.trace_id,
        trace=closed_trace(episode.trace, closed=closed),
        replicas=pods.active,
        placed_replicas=pods.placed,
        ready_replicas=pods.ready,
        available_replicas=account.available,
        updated_replicas=account.updated,
        attempts=tuple(AttemptRange(indexes=ranges, attempt=at) for ranges, at in account.attempts.grouped()),
        attempts_resource_version=version_told(
            service.status.attempts_resource_version, pods.version, raised=account.attempts != account.recorded
        ),
        placement_conflicts=account.conflicts.total,
        rejections=account.conflicts.rejections.grouped(),
        last_rejection=account.conflicts.last,
        pod_requests=pod_requests(seen.pod_requests, service.status.pod_requests, made),
        selector=f"{OWNER_UID}={service.metadata.uid}",
    )


def _verdicts(seen: Observed, account: Account, cause: Cause | None, own: Cause | None) -> Iterable[Verdict]:
    """Yield every condition; a service has no terminal one."""
    wanted = seen.service.spec.replicas
    placed = seen.pods.placed >= wanted
    ready = cause is None and seen.pods.active == account.updated == account.available == wanted
    reason, message = _reason(cause, placed=placed, ready=ready)
    blocked = reason not in UNBLOCKED_REASONS
    yield from account.standing.verdicts(Reason.PLACING)
    here = on_the_set(cause, own)
    why, said = (here.reason, here.message) if here is not None else (reason, message)
    yield Verdict(ConditionType.PLACED, placed, Reason.AVAILABLE if placed else why, "" if placed else said)
    yield Verdict(ConditionType.READY, ready, reason, message)
    yield Verdict(ConditionType.PROGRESSING, not (ready or blocked), reason, message)
    yield Verdict(ConditionType.STALLED, _stalled(seen, here), reason, message)


def _reason(cause: Cause | None, *, placed: bool, ready: bool) -> tuple[Reason, str]:
    if cause is not None:
        return cause.reason, cause.message
    if ready:
        return Reason.AVAILABLE, "all replicas are available"
    if placed:
        return Reason.PODS_STARTING, "pods are starting or being replaced"
    return Reason.PLACING, "pods are being created and placed"


def _stalled(seen: Observed, cause: Cause | None) -> bool:
    """Whether nothing will change until somebody changes the spec."""
    at_fault = rules.service_template(seen.service.spec.template) is not None
    return at_fault or (cause is not None and cause.reason in {Reason.UNSUPPORTED_TEMPLATE, Reason.NAME_COLLISION})
