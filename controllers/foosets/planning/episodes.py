"""Episodes: when a set's trace begins, which trace that is, and when it may be closed.

An episode begins with a new generation of the spec, and with the first work after a closed episode. A child that its
parent created or changed joins the parent's trace, whose context stands in an annotation; work that began below (a
scaled child, a replaced pod) is a trace of its own, linked to the one before. The episode is written to status before
any of its spans or objects exist, so that a restart goes on in the same trace; it is marked closed after its spans
were exported, so that a restart in between exports them again instead of losing them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from foosets.api.customresource import INT32_MAX, CustomResource
from foosets.api.names import TRACEPARENT, Kind
from foosets.api.status import Status, Trace
from foosets.planning.ownership import parent_of
from foosets.planning.trace import (
    BLOCKED_AFTER_SECONDS,
    REFINE,
    ROLLOUT,
    RUNNING_AFTER_SECONDS,
    Context,
    Height,
    TraceId,
    close_margin,
    parse_traceparent,
    span_id,
    trace_id,
)


class TakesPart(Protocol):
    """A set's pods, as far as traces are concerned."""

    def take_part_in(self, trace: TraceId) -> bool:
        """Whether one of them was created in that trace."""
        ...


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of one set.

    `above` is the context that the refine span hangs under: the parent's, or this set's own root. `root` is that
    root, or None when the episode is part of the parent's trace. `recorded` is whether status shows the episode.
    """

    trace: Trace
    trace_id: TraceId
    above: Context
    root: Context | None
    refine: Context
    links: tuple[Context, ...]
    recorded: bool


def joined_context(resource: CustomResource) -> Context | None:
    """Return the trace context that the parent's controller wrote on a derived child."""
    return parse_traceparent(resource.metadata.annotations.get(TRACEPARENT, "")) if parent_of(resource) else None


def episode_of(resource: CustomResource, kind: Kind, status: Status, now: datetime, *, working: bool) -> Episode:
    """Return the episode that the set is in; `working` is whether its plan is about to change something."""
    stored = status.trace
    generation = resource.metadata.generation
    if stored is None or stored.generation != generation:
        return _fresh(resource, kind, status, now, 0)
    if stored.closed and working:
        return _fresh(resource, kind, status, now, stored.episode + 1)
    return _episode(resource, kind, stored, recorded=True)


def superseded(resource: CustomResource, kind: Kind, status: Status) -> Episode | None:
    """Return the open episode that a new generation cuts off, whose spans are due with the next one's beginning."""
    stored = status.trace
    if stored is None or stored.closed or stored.generation == resource.metadata.generation:
        return None
    return _episode(resource, kind, stored, recorded=True)


@dataclass(frozen=True, slots=True)
class Episodes:
    """The episode that a set is in, and the one that objects created now belong to.

    They differ after a closed episode, as long as what is done only tries whether a refusal still stands: a set that is
    refused for ever would else begin an episode with every try.
    """

    current: Episode
    creating: Episode


def episodes_of(  # noqa: PLR0913 - the set, and what its plan and its pods know
    resource: CustomResource, kind: Kind, status: Status, now: datetime, *, working: bool, pods: TakesPart
) -> Episodes:
    """Return the episodes; one in which there are `pods` already has begun, however small the work was."""
    current = episode_of(resource, kind, status, now, working=working)
    if not current.trace.closed:
        return Episodes(current, current)
    following = _fresh(resource, kind, status, now, current.trace.episode + 1)
    return Episodes(following if pods.take_part_in(following.trace_id) else current, following)


def _fresh(resource: CustomResource, kind: Kind, status: Status, now: datetime, number: int) -> Episode:
    joined = joined_context(resource)
    consumed = status.trace.parent if status.trace is not None else ""
    trace = Trace(
        generation=resource.metadata.generation,
        episode=number % (INT32_MAX + 1),  # nobody counts so far; who writes a status by hand may begin there
        started_at=now,
        parent=joined.traceparent if joined is not None else "",
        joined=joined is not None and joined.traceparent != consumed,
        previous=status.trace_id,
    )
    return _episode(resource, kind, trace, recorded=False)


def _episode(resource: CustomResource, kind: Kind, trace: Trace, *, recorded: bool) -> Episode:
    uid = resource.metadata.uid
    parent = parse_traceparent(trace.parent)
    if trace.joined and parent is not None:
        refine = Context(parent.trace_id, span_id(parent.trace_id, REFINE[kind], uid))
        return Episode(trace, parent.trace_id, parent, None, refine, (), recorded)
    own = trace_id(uid, trace.generation, trace.episode)
    root = Context(own, span_id(own, ROLLOUT[kind], uid))
    refine = Context(own, span_id(own, REFINE[kind], uid))
    return Episode(trace, own, root, root, refine, _links(trace, uid, kind), recorded)


def _links(trace: Trace, uid: str, kind: Kind) -> tuple[Context, ...]:
    """Return the link back to the trace that came before, to the span of this very set in it."""
    if not trace.previous:
        return ()
    before = TraceId(trace.previous)
    return (Context(before, span_id(before, REFINE[kind], uid)),)


def closed_trace(trace: Trace, *, closed: bool) -> Trace:
    """Return the trace as status stores it once its spans are exported."""
    return trace.model_copy(update={"closed": True}) if closed else trace


class Outcome(StrEnum):
    """How a phase ended; the value of the span's decision."""

    READY = "Ready"
    COMPLETE = "Complete"
    FAILED = "Failed"
    RUNNING = "Running"
    SUPERSEDED = "Superseded"
    BLOCKED = "Blocked"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an episode ends now, or in how many seconds it is worth asking again; both None while it goes on."""

    outcome: Outcome | None = None
    ask_again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What decides about the end of an episode.

    `finished` is set when nothing more will happen; `awaited_since` if the episode's children still have to close
    theirs, and since when. `running_since` when all that is left is a batch that runs; `blocked_since` while one
    unchanged cause blocks.
    """

    finished: Outcome | None = None
    awaited_since: datetime | None = None
    running_since: datetime | None = None
    blocked_since: datetime | None = None


def settle(progress: Progress, height: Height, now: datetime) -> Settlement:
    """Decide whether an episode ends; parents wait longer than their children, whose spans come first."""
    if progress.finished is not None and progress.awaited_since is not None:
        return _after(progress.awaited_since, close_margin(height), progress.finished, now)
    if progress.finished is not None:
        return Settlement(progress.finished)
    if progress.blocked_since is not None:
        return _after(progress.blocked_since, BLOCKED_AFTER_SECONDS + close_margin(height), Outcome.BLOCKED, now)
    if progress.running_since is not None:
        return _after(progress.running_since, RUNNING_AFTER_SECONDS + close_margin(height), Outcome.RUNNING, now)
    return Settlement()


def _after(since: datetime, seconds: float, outcome: Outcome, now: datetime) -> Settlement:
    left = (since + timedelta(seconds=seconds) - now).total_seconds()
    return Settlement(outcome) if left <= 0 else Settlement(ask_again_in=left)
