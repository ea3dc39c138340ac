"""What to do about one ServiceFooSet.

Example: replicas 3, the pods of slots 0 and 1 run, that of slot 2 was evicted. The first plan only writes status,
where slot 2 is now at attempt 1, so that a restart cannot use the number 0 again. The second, which sees that,
deletes the evicted pod and creates the one of attempt 1. No plan changes a pod: a new template replaces them, each
slot being free again once its pod is gone.

A template that this process has not seen to pass a dry run is tried first: until it has passed, no pod is made from it,
and none makes way for one. Where the old pods are what keeps it from passing, since they fill a quota, they make way
in small numbers.
"""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from foosets.api.meta import PODS, SERVICEFOOSETS
from foosets.api.names import UNASSIGNED_SCHEDULER, ConditionType, Kind
from foosets.api.servicefooset import ServiceFooSet
from foosets.planning import rules
from foosets.planning.actions import MAX_ACTIONS, Delete, Plan
from foosets.planning.conditions import holds
from foosets.planning.episodes import Episode, Outcome, Progress, Settlement, episodes_of, settle, superseded
from foosets.planning.member import Member
from foosets.planning.memberspans import pod_spans
from foosets.planning.obstacles import held_back, holds_deletions
from foosets.planning.reports import status_write
from foosets.planning.setspans import Closing, microseconds
from foosets.planning.stamps import SECOND, parse_time
from foosets.planning.trace import Height, Span
from foosets.planning.troubles import over_in
from foosets.servicefooset.children import create, dry_run
from foosets.servicefooset.spans import spans_of
from foosets.servicefooset.state import Observed, Wanted
from foosets.servicefooset.status import Account, report

REST_SECONDS: Final = 10
"""A slot whose pod ended by itself rests until that pod is this old: one that ends at once costs six pods a minute, not
a storm. Pods that ran for longer are replaced at once; how long rejected ones wait, `planning.rejections` says."""
CROWDED_SHARE: Final = 4
"""One in so many pods, and one at least, makes way at a time for those of a template that could not be tried, as by
Deployment's default for maxUnavailable. Should the new ones not fit the quota, either, no more are lost."""


def plan(seen: Observed, now: datetime) -> Plan:
    """Return what to do, and the status that tells it."""
    service = seen.service
    if service.terminating:
        return Plan()  # the garbage collector deletes the pods; creating more would race with it
    account = Account.of(seen, now)
    resting = _resting(seen, now)
    pause = held_back(seen.obstacle, now)
    wanted = _wanted(seen, account, resting) if pause is None else ()
    stuck = holds_deletions(seen.obstacle, now)
    surplus = () if stuck else _surplus(seen)
    untried = pause is None and _is_untried(seen)
    working = bool(surplus or (wanted and seen.obstacle is None))
    episodes = episodes_of(service, Kind.SERVICEFOOSET, service.status, now, working=working, pods=seen.pods)
    episode = episodes.current
    status = report(seen, account, episode, now, closed=episode.trace.closed)
    write = status_write(SERVICEFOOSETS, service, service.status, status)
    if not episode.recorded:
        # the obstacle was not tried again yet, so it stands
        return Plan(status=write, spans=_cut_off(seen, now), obstacle=seen.obstacle)
    settlement = Settlement() if episode.trace.closed else settle(_progress(service), Height.CHILD, now)
    if settlement.outcome is not None and write is None and not working:
        return _closing(seen, account, episode, Closing(settlement.outcome, status.blocked_by), now)
    ended = () if stuck or write is not None else _ended(seen, resting)
    deletes = (Delete(PODS, pod.pod.metadata.namespace, pod.name, pod.uid) for pod in (*surplus, *ended))
    trace = episodes.creating.trace_id
    trial = (dry_run(seen, trace),) if untried else ()
    creates = (create(seen, one, trace, microseconds(now)) for one in wanted if not untried)
    waits = (
        pause,
        account.changes_in,
        settlement.ask_again_in,
        account.conflicts.due_in(now),
        account.standing.silent_in(now),
        over_in(account.troubles, microseconds(now)),
        *resting.values(),
    )
    return Plan(
        actions=(*deletes, *trial, *creates)[:MAX_ACTIONS],
        status=write,
        spans=() if episode.trace.closed else tuple(pod_spans(ended, episode)),
        obstacle=seen.obstacle if pause is not None else None,
        wake_after=min((seconds for seconds in waits if seconds is not None), default=None),
    )


def _wanted(seen: Observed, account: Account, resting: Container[int]) -> tuple[Wanted, ...]:
    """Return the pods to create: the lowest free slots.

    A slot whose next attempt status does not show yet waits for the next plan, and one whose pods were rejected until
    it is due. Where it is crowded, those above all older pods wait until these are replaced: the room is theirs.
    """
    spec, live = seen.service.spec, seen.pods.live
    if rules.service_template(spec.template) or not seen.reserved:
        return ()
    older = _outdated(seen) if seen.crowded else []
    end = older[-1].index if older else spec.replicas
    waiting = account.conflicts.waiting
    room = seen.allowance.beside(len(live), MAX_ACTIONS)
    free = (slot for slot in range(end) if not (slot in live or slot in resting or slot in waiting))
    return tuple(
        Wanted(slot, account.attempts[slot])
        for slot in islice(free, room)
        if account.attempts[slot] == account.recorded[slot]
    )


def _is_untried(seen: Observed) -> bool:
    """Whether the template needs its dry run now: pods are wanted, were there room for them, or are to be replaced."""
    spec, live = seen.service.spec, seen.pods.live
    if seen.pod_requests is not None or rules.service_template(spec.template):
        return False
    lacking = any(slot not in live for slot in range(spec.replicas))
    return lacking or bool(_outdated(seen))


def _surplus(seen: Observed) -> tuple[Member, ...]:
    """Return the active pods to delete: those of too high a slot, and those that are outdated.

    A template that cannot run, has not passed its dry run, or has nothing reserved for it, replaces nothing: what runs
    goes on.
    """
    spec = seen.service.spec
    replaces = seen.reserved and seen.pod_requests is not None and not rules.service_template(spec.template)
    too_high = (pod for pod in _active(seen) if pod.index >= spec.replicas)
    return (*(_making_way(seen) if replaces else ()), *too_high)


def _making_way(seen: Observed) -> list[Member]:
    """Return the outdated pods to replace now: all, or where it is crowded no more than may be missing.

    They go from the lowest slot up, so that what is missing already are slots below the first of them.
    """
    outdated = _outdated(seen)
    if not (seen.crowded and outdated):
        return outdated
    first = outdated[0].index
    missing = first - sum(1 for pod in _active(seen) if pod.index < first)
    return outdated[: max(0, max(1, seen.service.spec.replicas // CROWDED_SHARE) - missing)]


def _outdated(seen: Observed) -> list[Member]:
    """Return the active pods in slots that are wanted and in which others are: of an older template, or never named.

    One that was left to admission to give its scheduler's name never gets it later. No other name is looked at: whose
    admission writes its own into every pod would have them replaced without end.
    """
    active = (pod for pod in _active(seen) if pod.index < seen.service.spec.replicas)
    return [pod for pod in active if pod.revision != seen.revision or (seen.names_scheduler and _is_unnamed(pod))]


def _is_unnamed(member: Member) -> bool:
    spec = member.pod.spec
    return spec.scheduler_name == UNASSIGNED_SCHEDULER and not spec.node_name


def _active(seen: Observed) -> list[Member]:
    return [member for _, member in sorted(seen.pods.live.items()) if member.active]


def _ended_by_itself(seen: Observed) -> Iterator[Member]:
    """Yield the pods that ended although nobody had asked for it: evicted, rejected, or lost with their node."""
    for member in (*seen.pods.failed.values(), *seen.pods.succeeded.values()):
        if not member.pod.terminating:
            yield member


def _resting(seen: Observed, now: datetime) -> Mapping[int, float]:
    """Return the seconds for which slots are not to be filled again."""
    rest = {
        member.index: (parse_time(member.pod.metadata.creation_timestamp) or 0) + REST_SECONDS * SECOND
        for member in _ended_by_itself(seen)
        if not member.rejected
    }
    clock = microseconds(now)
    return {slot: (until - clock) / SECOND for slot, until in rest.items() if until > clock}


def _ended(seen: Observed, resting: Container[int]) -> tuple[Member, ...]:
    """Return the ended pods to delete, to be asked only when status says all there is to say of them.

    Until then the pod is the one record that its attempt is over.
    """
    return tuple(member for member in _ended_by_itself(seen) if member.index not in resting)


def _progress(service: ServiceFooSet) -> Progress:
    """Return how far the episode has got, as status tells it."""
    status = service.status
    return Progress(
        finished=Outcome.READY if holds(status.conditions, ConditionType.READY) else None,
        blocked_since=status.blocked_by.since if status.blocked_by else None,
    )


def _cut_off(seen: Observed, now: datetime) -> tuple[Span, ...]:
    """Return the spans of the episode that a new generation has overtaken, if it was still open."""
    old = superseded(seen.service, Kind.SERVICEFOOSET, seen.service.status)
    return spans_of(seen, old, Closing(Outcome.SUPERSEDED, at=microseconds(now))) if old is not None else ()


def _closing(seen: Observed, account: Account, episode: Episode, closing: Closing, now: datetime) -> Plan:
    """Return the plan that exports the episode's spans and marks it closed."""
    status = report(seen, account, episode, now, closed=True)
    return Plan(
        status=status_write(SERVICEFOOSETS, seen.service, seen.service.status, status),
        spans=spans_of(seen, episode, closing),
        obstacle=seen.obstacle,
    )
