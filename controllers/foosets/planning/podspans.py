"""The spans of one pod, each a pure function of its row.

    pod                 create sent -> Ready (service), Succeeded or Failed (batch)     sent by the owner's controller
    ├─ create           POST sent -> the object exists                                  likewise
    ├─ admit            who wrote the scheduler's name; within create                   likewise
    ├─ schedule         seen by the scheduler -> node chosen, or refused                sent by the scheduler
    └─ bind             POST of the binding sent -> bound                               likewise

Two controllers send parts of this, each with its own clock and its own arrival times, and nobody sees all of it. Yet
children have to lie inside their parent. So an end that only one of them measures may lie at most SLACK after what
both read from the row, and the pod's end is never before that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from foosets.api.names import (
    ATTEMPT,
    CHILD,
    INDEX,
    SCHEDULER_ASSIGNED_BY,
    SET_NAME,
    SET_UID,
    STAMPS,
    TRACEPARENT,
    UNASSIGNED_SCHEDULER,
    Kind,
    Reason,
    Uid,
)
from foosets.api.pod import Condition, Pod
from foosets.planning.stamps import SECOND, Stamps, clamp_into_second, parse_time
from foosets.planning.trace import (
    BLOCKED_AFTER_SECONDS,
    Attribute,
    Context,
    Event,
    Hop,
    Microseconds,
    Span,
    SpanId,
    Subject,
    Value,
    clamp,
    error_text,
    parse_traceparent,
)
from foosets.planning.troubles import refused_by_scheduler

SLACK: Final = SECOND // 10
"""Microseconds that a create or a binding may end after the latest moment that the row itself tells."""
CREATED: Final = "created"
"""Key of the pod's own arrival; the others are condition types."""
MILESTONES: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
RUNNING: Final = "Running"
"""Decision of a phase that closes while its batch still runs."""

Arrivals = Mapping[str, Microseconds]
"""When the watch first brought each condition (by type) as it is now, and the pod itself (CREATED)."""
NO_ARRIVALS: Final[Arrivals] = {}


@dataclass(frozen=True, slots=True)
class Closing:
    """How a phase ends that does not reach its milestone.

    `at` is computed from the object (a transition time plus a delay of `foosets.planning.trace`), never read from a
    clock: the spans that others close for the same cause have to agree with it.
    """

    at: Microseconds
    reason: str
    message: str = ""
    failed: bool = True


def pod_context(pod: Pod) -> Context | None:
    """Return the context of the pod's own span as its creator wrote it, or None: such a pod has no spans."""
    return parse_traceparent(pod.metadata.annotations.get(TRACEPARENT, ""))


def pod_span(
    pod: Pod, context: Context, parent: SpanId, *, arrivals: Arrivals = NO_ARRIVALS, closing: Closing | None = None
) -> Span | None:
    """Return the span of the pod's life; None while it is short of its milestone and `closing` does not end it."""
    ended = _reached(pod, arrivals)
    if ended is not None:
        closing = _failure(pod, ended)
    elif closing is not None:
        ended = closing.at
    else:
        return None
    span = Span(
        context=context,
        parent=parent,
        name=Hop.POD,
        start=_started(pod),
        end=max(ended, _created_by(pod), _bound_by(pod) or 0),
        attributes=_attributes(pod, Hop.POD, closing),
        error=_error(closing),
        events=tuple(_milestones(pod, arrivals)),
    )
    return clamp(span, span)  # its events: a condition may have moved again since the milestone


def refusal(pod: Pod) -> Closing | None:
    """Return how the pod's and the scheduler's span end if nothing changes; None unless the scheduler has refused it.

    Both read it from the row, so that they agree. It is due when `at` has come.
    """
    refused, scheduled = refused_by_scheduler(pod), pod.condition("PodScheduled")
    if refused is None or scheduled is None:
        return None
    since = parse_time(scheduled.last_transition_time) or _started(pod)
    return Closing(since + BLOCKED_AFTER_SECONDS * SECOND, *refused)


def create_span(pod: Pod, context: Context, arrivals: Arrivals = NO_ARRIVALS) -> Span:
    """Return the act that made the pod, from the request that was sent to the object that was there."""
    low = _created_by(pod) - SLACK
    end = clamp_into_second(arrivals.get(CREATED), pod.metadata.creation_timestamp) or low
    return Span(
        context=context.child(Hop.CREATE),
        parent=context.span_id,
        name=Hop.CREATE,
        start=_started(pod),
        end=max(low, min(end, low + SLACK)),
        attributes=_attributes(pod, Hop.CREATE),
    )


def admit_span(pod: Pod, context: Context, arrivals: Arrivals = NO_ARRIVALS) -> Span | None:
    """Return the act that named the scheduler; None when no one of ours did, because the user or nobody had to.

    Admission runs within the create and leaves no time of its own, so the span has the create's.
    """
    assigned_by = pod.metadata.annotations.get(SCHEDULER_ASSIGNED_BY, "")
    unassigned = pod.spec.scheduler_name == UNASSIGNED_SCHEDULER
    if not assigned_by and not unassigned:
        return None
    create = create_span(pod, context, arrivals)
    reason = Reason.SCHEDULER_NOT_ASSIGNED.value if unassigned else assigned_by
    outcome: dict[str, Value] = {Attribute.DECISION: pod.spec.scheduler_name, Attribute.REASON: reason}
    return Span(
        context=context.child(Hop.ADMIT),
        parent=context.span_id,
        name=Hop.ADMIT,
        start=create.start,
        end=create.end,
        attributes=_attributes(pod, Hop.ADMIT) | outcome,
        error=reason if unassigned else "",
    )


def schedule_span(pod: Pod, context: Context, closing: Closing | None = None) -> Span | None:
    """Return the scheduler's queue wait and choice; None while the pod waits and `closing` does not end it."""
    stamps = _stamps(pod)
    if stamps.scheduled is not None and stamps.bind is not None:
        closing, end = None, min(stamps.scheduled, stamps.bind)
    elif closing is not None:
        end = closing.at
    else:
        return None
    start = max(_started(pod), min(stamps.schedule or _created_by(pod) - SLACK, end))
    return Span(
        context=context.child(Hop.SCHEDULE),
        parent=context.span_id,
        name=Hop.SCHEDULE,
        start=start,
        end=end,
        attributes=_attributes(pod, Hop.SCHEDULE, closing) | _node_chosen(pod),
        error=_error(closing),
    )


def bind_span(pod: Pod, context: Context, arrivals: Arrivals = NO_ARRIVALS) -> Span | None:
    """Return the act that bound the pod to its node; None unless a scheduler of ours did."""
    stamps = _stamps(pod)
    latest = _bound_by(pod)
    if stamps.bind is None or latest is None:
        return None
    scheduled = pod.condition("PodScheduled")
    end = clamp_into_second(arrivals.get("PodScheduled"), scheduled.last_transition_time if scheduled else None)
    return Span(
        context=context.child(Hop.BIND),
        parent=context.span_id,
        name=Hop.BIND,
        start=max(_started(pod), stamps.bind),
        end=max(latest - SLACK, min(end or 0, latest)),
        attributes=_attributes(pod, Hop.BIND) | _node_chosen(pod),
    )


# ---- times


def _stamps(pod: Pod) -> Stamps:
    return Stamps.parse(pod.metadata.annotations.get(STAMPS))


def _started(pod: Pod) -> Microseconds:
    """When the pod's life began: the request was sent, or failing a stamp, the object came to be."""
    return _stamps(pod).create or parse_time(pod.metadata.creation_timestamp) or 0


def _created_by(pod: Pod) -> Microseconds:
    """Return the latest end that a create span of this pod can have."""
    return max(_stamps(pod).create or 0, parse_time(pod.metadata.creation_timestamp) or 0) + SLACK


def _bound_by(pod: Pod) -> Microseconds | None:
    """Return the latest end that a bind span of this pod can have; None if it is not bound by a scheduler of ours."""
    bind = _stamps(pod).bind
    if bind is None:
        return None
    scheduled = pod.condition("PodScheduled")
    bound = parse_time(scheduled.last_transition_time) if scheduled and scheduled.status == "True" else None
    return max(bind, bound or 0) + SLACK


def _at(condition: Condition, arrivals: Arrivals) -> Microseconds | None:
    return clamp_into_second(arrivals.get(condition.type), condition.last_transition_time)


def _reached(pod: Pod, arrivals: Arrivals) -> Microseconds | None:
    """When the pod reached the end of its span: Ready of a service pod, the end of its containers of any other."""
    if pod.terminal:
        # The last conditions to move are those that containers' ends take back.
        return max((_at(condition, arrivals) or 0 for condition in pod.status.conditions), default=0)
    owner = pod.controller
    ready = pod.condition("Ready")
    if owner is None or owner.kind != Kind.SERVICEFOOSET or ready is None or ready.status != "True":
        return None
    return _at(ready, arrivals) or 0


def _milestones(pod: Pod, arrivals: Arrivals) -> Iterable[Event]:
    for kind in MILESTONES:
        condition = pod.condition(kind)
        at = _at(condition, arrivals) if condition else None
        if condition is not None and condition.status == "True" and at is not None:
            yield Event(kind, at)


# ---- words


def _failure(pod: Pod, at: Microseconds) -> Closing | None:
    """Return why the pod failed, if it did: its kubelet's word, or the first container that exited with an error."""
    if pod.status.phase != "Failed":
        return None
    if pod.status.reason:
        return Closing(at, pod.status.reason, pod.status.message)
    states = (status.state.terminated for status in pod.status.init_container_statuses + pod.status.container_statuses)
    ended = next((state for state in states if state is not None and state.exit_code), None)
    return Closing(at, ended.reason or "Error", f"exit code {ended.exit_code}") if ended else Closing(at, "Failed")


def _error(closing: Closing | None) -> str:
    return error_text(closing.reason, closing.message) if closing and closing.failed else ""


def _node_chosen(pod: Pod) -> dict[str, Value]:
    return {Attribute.DECISION: pod.spec.node_name} if pod.spec.node_name else {}


def _attributes(pod: Pod, hop: Hop, closing: Closing | None = None) -> dict[str, Value]:
    labels = pod.metadata.labels
    name, uid, child = labels.get(SET_NAME, ""), Uid(labels.get(SET_UID, "")), labels.get(CHILD, "")
    attributes = Subject(pod.metadata.namespace, name, uid, child).attributes(hop)
    attributes |= {Attribute.POD_NAME: pod.metadata.name, Attribute.POD_UID: pod.metadata.uid}
    if pod.spec.node_name:
        attributes[Attribute.NODE_NAME] = pod.spec.node_name
    for attribute, label in ((Attribute.INDEX, INDEX), (Attribute.ATTEMPT, ATTEMPT)):
        # Labels are within a user's reach: an index of a million digits is no number of ours.
        number = labels.get(label, "")
        if number.isascii() and number.isdigit() and len(number) <= 9:
            attributes[attribute] = int(number)
    if closing is not None:
        attributes[Attribute.REASON if closing.failed else Attribute.DECISION] = closing.reason
    return attributes
