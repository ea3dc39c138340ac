"""What to do about one BatchFooSet.

Example: completions 5, parallelism 2, index 0 completed, the pod of index 1 runs, that of index 2 failed. The plan
wants one more pod, that of index 2 with attempt 1; but only once status says that index 2 is at attempt 1, so that a
restart cannot use the number again. The first plan therefore only writes status, the second creates the pod.

A template that this process has not seen to pass a dry run is tried first: until it has passed, no pod is made from it,
and none makes way for one.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from foosets.api.meta import BATCHFOOSETS, PODS
from foosets.api.names import ConditionType, Kind
from foosets.batchfooset.children import dry_run
from foosets.batchfooset.spans import spans_of
from foosets.batchfooset.state import Observed, Wanted
from foosets.batchfooset.status import Account, recorded_end, report, terminal
from foosets.planning import rules
from foosets.planning.actions import MAX_ACTIONS, Delete, Plan
from foosets.planning.conditions import since
from foosets.planning.episodes import Episode, Outcome, Progress, Settlement, episodes_of, settle, superseded
from foosets.planning.indexes import IndexSet
from foosets.planning.member import Member
from foosets.planning.memberspans import pod_spans
from foosets.planning.obstacles import Obstacle, held_back, holds_deletions
from foosets.planning.reports import status_write
from foosets.planning.setspans import Closing, microseconds
from foosets.planning.trace import Context, Height, Span
from foosets.planning.troubles import over_in


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A plan whose `wanted` pods still need nodes; `context` is the refine span that they are created under."""

    plan: Plan = field(default_factory=Plan)
    wanted: tuple[Wanted, ...] = ()
    context: Context | None = None


def plan(seen: Observed, now: datetime) -> BatchPlan:
    """Return what to do, and the status that tells it."""
    batch = seen.batch
    if batch.terminating:
        return BatchPlan()  # the garbage collector deletes the pods; creating more would race with it
    account = Account.of(seen, now)
    obstacle = _standing(seen, account)
    pause = held_back(obstacle, now)
    stuck = holds_deletions(obstacle, now)
    surplus, rejected = ((), ()) if stuck else (_surplus(seen, account), _rejected(seen, account))
    wanted = _wanted(seen, account) if pause is None else ()
    untried = pause is None and _is_untried(seen, account)
    working = bool(surplus or (wanted and obstacle is None)) or terminal(seen, account) != recorded_end(batch)
    episodes = episodes_of(batch, Kind.BATCHFOOSET, batch.status, now, working=working, pods=seen.pods)
    episode = episodes.current
    status = report(seen, account, episode, now, closed=episode.trace.closed)
    write = status_write(BATCHFOOSETS, batch, batch.status, status)
    if not episode.recorded:
        # the obstacle was not tried again yet, so it stands
        spans = (*_cut_off(seen, now), *_rejections(seen, account, episode))
        return BatchPlan(Plan(status=write, spans=spans, obstacle=obstacle))
    settlement = Settlement() if episode.trace.closed else settle(_progress(seen, account), Height.CHILD, now)
    if settlement.outcome is not None and write is None and not (working or rejected):
        return BatchPlan(_closing(seen, account, episode, Closing(settlement.outcome, status.blocked_by), now))
    waits = (
        pause,
        settlement.ask_again_in,
        account.conflicts.due_in(now),
        account.standing.silent_in(now),
        over_in(account.troubles, microseconds(now)),
    )
    deletes = (Delete(PODS, batch.metadata.namespace, pod.name, pod.uid) for pod in (*surplus, *rejected)[:MAX_ACTIONS])
    trial = (dry_run(batch, seen.revision, episodes.creating.trace_id),) if untried else ()
    return BatchPlan(
        Plan(
            actions=(*deletes, *trial),
            status=write,
            spans=_rejections(seen, account, episode),
            obstacle=obstacle if pause is not None else None,
            wake_after=min((seconds for seconds in waits if seconds is not None), default=None),
        ),
        wanted=() if untried else wanted,
        context=episodes.creating.refine,
    )


def _standing(seen: Observed, account: Account) -> Obstacle | None:
    """Return what stands in the way of what is still to be done; after the end pods are only deleted."""
    obstacle = seen.obstacle
    if obstacle is None or obstacle.deleting or terminal(seen, account) is None:
        return obstacle
    return None


def _wanted(seen: Observed, account: Account) -> tuple[Wanted, ...]:
    """Return the pods to create: the lowest free indexes, as many as parallelism leaves room for.

    An index whose next attempt status does not show yet waits for the next plan, and one whose pods were rejected
    until it is due.
    """
    spec, held = seen.batch.spec, seen.pods.held
    if terminal(seen, account) is not None or not seen.reserved or rules.batch_template(spec.template):
        return ()
    room = seen.allowance.beside(len(held), min(spec.parallelism, account.remaining) - len(held))
    free = IndexSet.below(spec.completions) - account.completed - held - IndexSet.of(account.conflicts.waiting)
    chosen = islice(free, max(0, min(room, MAX_ACTIONS)))
    return tuple(
        Wanted(index, account.attempts[index]) for index in chosen if account.attempts[index] == account.recorded[index]
    )


def _is_untried(seen: Observed, account: Account) -> bool:
    """Whether the template needs its dry run now: pods are wanted, were there room for them, or are to be replaced."""
    spec = seen.batch.spec
    if seen.pod_requests is not None or terminal(seen, account) is not None or rules.batch_template(spec.template):
        return False
    wanted = min(spec.parallelism, account.remaining)
    return len(seen.pods.held) < wanted or (wanted > 0 and not seen.pods.revisions <= {seen.revision})


def _surplus(seen: Observed, account: Account) -> tuple[Member, ...]:
    """Return the pods to delete: at the end all, before it those without a place and the highest too many.

    A template that cannot run, has not passed its dry run, or has nothing reserved for it, replaces nothing: what runs
    goes on.
    """
    if not _may_have_surplus(seen, account):
        return ()
    spec = seen.batch.spec
    replaces = seen.reserved and seen.pod_requests is not None and not rules.batch_template(spec.template)
    active = [pod for _, pod in sorted(seen.pods.live.items()) if pod.active]
    if terminal(seen, account) is not None:
        return tuple(active[:MAX_ACTIONS])
    fits = [
        pod
        for pod in active
        if (pod.revision == seen.revision or not replaces)
        and pod.index < spec.completions
        and pod.index not in account.completed
    ]
    keep = {pod.name for pod in fits[: min(spec.parallelism, account.remaining)]}
    return tuple(pod for pod in active if pod.name not in keep)[:MAX_ACTIONS]


def _rejected(seen: Observed, account: Account) -> tuple[Member, ...]:
    """Return the pods to delete that their kubelets rejected; until status shows that, the pod is the one record."""
    there = (member for member in seen.pods.rejected.values() if not member.pod.terminating)
    return tuple(member for member in there if member.attempt < account.recorded[member.index])


def _rejections(seen: Observed, account: Account, episode: Episode) -> tuple[Span, ...]:
    """Return the spans of the pods whose rejection is recorded now, after which they are deleted."""
    if episode.trace.closed:
        return ()
    fresh = (member for member in seen.pods.rejected.values() if member.attempt >= account.recorded[member.index])
    return tuple(pod_spans(fresh, episode))


def _may_have_surplus(seen: Observed, account: Account) -> bool:
    """Whether it is worth looking at pod after pod; it is not while a set just grows and runs."""
    spec, pods = seen.batch.spec, seen.pods
    return (
        pods.active > min(spec.parallelism, account.remaining)
        or not pods.revisions <= {seen.revision}
        or pods.held.end > spec.completions
        or bool(account.completed & pods.held)
        or terminal(seen, account) is not None
    )


def _progress(seen: Observed, account: Account) -> Progress:
    """Return how far the episode has got, as status tells it."""
    end = terminal(seen, account)
    if end is not None:
        return Progress(finished=Outcome.COMPLETE if end == ConditionType.COMPLETE else Outcome.FAILED)
    status = seen.batch.status
    return Progress(
        running_since=since(status.conditions, ConditionType.READY),
        blocked_since=status.blocked_by.since if status.blocked_by else None,
    )


def _cut_off(seen: Observed, now: datetime) -> tuple[Span, ...]:
    """Return the spans of the episode that a new generation has overtaken, if it was still open."""
    old = superseded(seen.batch, Kind.BATCHFOOSET, seen.batch.status)
    return spans_of(seen, old, Closing(Outcome.SUPERSEDED, at=microseconds(now))) if old is not None else ()


def _closing(seen: Observed, account: Account, episode: Episode, closing: Closing, now: datetime) -> Plan:
    """Return the plan that exports the episode's spans and marks it closed."""
    status = report(seen, account, episode, now, closed=True)
    return Plan(
        status=status_write(BATCHFOOSETS, seen.batch, seen.batch.status, status),
        spans=spans_of(seen, episode, closing),
        obstacle=_standing(seen, account),
    )
