"""What to do about one FooSet.

Example: entries `a` (batch) and `b` (service), where the child of `a` is there and as it should be, `b` has none, and
a child of a removed entry `c` is left. The plan deletes `c` and applies `b`; it does not touch `a`. The first plan of a
new generation only writes the trace's episode to status: the children carry its context from their first moment.

What is refused of one part keeps no other from being made. What has to go goes first, and also while applies wait after
a refusal: it may be what fills the quota that refused them.

A child that went may have gone with the FooSet, whose own watch is only later in telling it. So nothing is made after
that before the API server has said that the FooSet is there; else the garbage collector and we would keep each other
busy until the watch has caught up.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from foosets.api.batchfooset import BatchFooSet
from foosets.api.meta import BATCHFOOSETS, FOOSETS, SERVICEFOOSETS
from foosets.api.names import ConditionType, Kind
from foosets.fooset.children import apply, desired
from foosets.fooset.spans import spans_of
from foosets.fooset.state import Child, Observed
from foosets.fooset.status import Refinement, ended, recorded_end, report, silent_from, standing, terminal, up_to_date
from foosets.planning.actions import Action, Confirm, Delete, Plan
from foosets.planning.conditions import since
from foosets.planning.episodes import Episode, Outcome, Progress, Settlement, episodes_of, settle, superseded
from foosets.planning.obstacles import held_back, holds_deletions
from foosets.planning.reports import status_write
from foosets.planning.setspans import Closing
from foosets.planning.trace import Height, Span


def plan(seen: Observed, now: datetime) -> Plan:
    """Return what to do, and the status that tells it."""
    fooset = seen.fooset
    if fooset.terminating:
        return Plan()  # the garbage collector deletes the children; making more would race with it
    refinement = Refinement.of(seen)
    due = seen.allowance.covered and _due(seen, refinement)
    working = (due and seen.obstacle is None) or terminal(seen, refinement) != recorded_end(fooset)
    episodes = episodes_of(fooset, Kind.FOOSET, fooset.status, now, working=working, pods=seen)
    episode = episodes.current
    status = report(seen, refinement, episode, now, closed=episode.trace.closed)
    write = status_write(FOOSETS, fooset, fooset.status, status)
    if not episode.recorded:
        # the obstacle was not tried again yet, so it stands
        return Plan(status=write, spans=_cut_off(seen, now), obstacle=seen.obstacle)
    settlement = (
        Settlement() if episode.trace.closed else settle(_progress(seen, refinement, episode), Height.FOOSET, now)
    )
    if settlement.outcome is not None and write is None and not working:
        closed = report(seen, refinement, episode, now, closed=True)
        return Plan(
            status=status_write(FOOSETS, fooset, fooset.status, closed),
            spans=spans_of(seen, episode, Closing(settlement.outcome, status.blocked_by), now),
            obstacle=seen.obstacle,
        )
    pause = held_back(seen.obstacle, now)
    if pause is None and seen.allowance.covered and seen.bereaved and _creatable(seen, refinement):
        meta = fooset.metadata
        there = Confirm(FOOSETS, meta.namespace, meta.name, meta.uid)
        return Plan(actions=(there,), status=write, obstacle=seen.obstacle)
    silent = silent_from(seen, refinement)
    silent_in = (silent - now).total_seconds() if silent is not None and silent > now else None
    answer_in = standing(seen, refinement, now).silent_in(now)
    waits = [seconds for seconds in (pause, settlement.ask_again_in, silent_in, answer_in) if seconds is not None]
    return Plan(
        actions=_actions(seen, refinement, episodes.creating, now),
        status=write,
        obstacle=seen.obstacle if pause is not None else None,
        wake_after=min(waits, default=None),
        independent=True,
    )


def _cut_off(seen: Observed, now: datetime) -> tuple[Span, ...]:
    """Return the spans of the episode that a new generation has overtaken, if it was still open."""
    old = superseded(seen.fooset, Kind.FOOSET, seen.fooset.status)
    return spans_of(seen, old, Closing(Outcome.SUPERSEDED), now) if old is not None else ()


def _due(seen: Observed, refinement: Refinement) -> bool:
    """Whether something can be done now."""
    writable = refinement.fault is None and bool(refinement.changed or refinement.orphans)
    return writable or _creatable(seen, refinement)


def _creatable(seen: Observed, refinement: Refinement) -> bool:
    """Whether a child can be made now: one that is still on its way out has to be waited for, a fault mended."""
    return refinement.fault is None and any(seen.child_of(entry) is None for entry in refinement.missing)


def _actions(seen: Observed, refinement: Refinement, episode: Episode, now: datetime) -> tuple[Action, ...]:
    if refinement.fault is not None or not seen.allowance.covered:
        return ()
    deletes = () if holds_deletions(seen.obstacle, now) else (_delete(child) for child in refinement.orphans)
    entries = (*refinement.missing, *refinement.changed) if held_back(seen.obstacle, now) is None else ()
    applies = (
        apply(seen, desired(seen, entry), seen.child_of(entry), episode.refine)
        for entry in entries
        if entry in refinement.changed or seen.child_of(entry) is None
    )
    return (*deletes, *applies)


def _delete(child: Child) -> Delete:
    meta = child.metadata
    resource = BATCHFOOSETS if isinstance(child, BatchFooSet) else SERVICEFOOSETS
    return Delete(resource, meta.namespace, meta.name, meta.uid)


def _progress(seen: Observed, refinement: Refinement, episode: Episode) -> Progress:
    """Return how far the episode has got, as status tells it."""
    status = seen.fooset.status
    end = terminal(seen, refinement)
    ready_since = since(status.conditions, ConditionType.READY)
    ended_since = since(status.conditions, end) if end is not None else ready_since
    running = any(isinstance(c, BatchFooSet) and not ended(c) for c in refinement.current)
    if ended_since is not None and (end is not None or not running):
        outcome = _OUTCOMES.get(end, Outcome.READY)
        awaited_since = max(ended_since, episode.trace.started_at)
        return Progress(finished=outcome, awaited_since=awaited_since if _children_open(refinement, episode) else None)
    return Progress(
        running_since=ready_since,
        blocked_since=status.blocked_by.since if status.blocked_by else None,
    )


_OUTCOMES: Final[Mapping[ConditionType | None, Outcome]] = {
    ConditionType.COMPLETE: Outcome.COMPLETE,
    ConditionType.FAILED: Outcome.FAILED,
}


def _children_open(refinement: Refinement, episode: Episode) -> bool:
    """Whether a child that takes part in this trace, or is about to, has not exported its spans yet."""
    return any(
        not up_to_date(child)
        or (child.status.trace_id == episode.trace_id and not (child.status.trace and child.status.trace.closed))
        for child in refinement.current
    )
