"""The scheduler's part of a pod's trace.

pod
├─ schedule          seen by the scheduler -> node chosen; or -> refused for so long that the trace closes
└─ bind              POST of the binding sent -> bound

Both are made from the pod alone, so that a scheduler that was restarted sends the same spans again.
"""

from datetime import datetime
from typing import Final

from foosets.api.names import INDEX, SET_UID, STAMPS, TRACEPARENT
from foosets.api.pod import Pod
from foosets.planning.member import TRACED_PODS
from foosets.planning.podspans import bind_span, pod_context, refusal, schedule_span
from foosets.planning.setspans import microseconds
from foosets.planning.stamps import SECOND, Stamps
from foosets.planning.trace import Context, Microseconds, Span
from foosets.scheduler.state import Bound, Waiting

REPEAT_SECONDS: Final = 60
"""After a restart spans are sent again if they are at most this old; they may not have got out before."""


def bound_spans(bound: Bound) -> tuple[Span, ...]:
    """Return the spans of a pod that this scheduler bound."""
    context = _traced(bound.pod)
    if context is None:
        return ()
    found = (schedule_span(bound.pod, context), bind_span(bound.pod, context, bound.arrivals))
    return tuple(span for span in found if span is not None)


def owes_spans(pod: Pod, now: Microseconds) -> bool:
    """Whether a bound pod was bound by this scheduler, so recently that its spans may not be out yet."""
    if _traced(pod) is None:
        return False
    bind = Stamps.parse(pod.metadata.annotations.get(STAMPS)).bind
    return bind is not None and now - bind < REPEAT_SECONDS * SECOND


def refused_span(waiting: Waiting, now: datetime) -> tuple[tuple[Span, ...], float | None]:
    """Return the span of a refusal that has stood for too long, once; before that, in how many seconds it will."""
    context, closing = _traced(waiting.pod), refusal(waiting.pod)
    if context is None or closing is None or waiting.mourned:
        return (), None
    overdue = (microseconds(now) - closing.at) / SECOND
    if overdue < 0:
        return (), -overdue
    span = schedule_span(waiting.pod, context, closing)
    return (span,) if span is not None and overdue < REPEAT_SECONDS else (), None


def stamped(pod: Pod, now: Microseconds) -> bool:
    """Whether the pod's binding carries stamps: the pod is part of a trace, and a refusal has not closed its phase.

    What happens after that belongs to no open span, so it gets none.
    """
    closing = refusal(pod)
    part = SET_UID in pod.metadata.labels or TRACEPARENT in pod.metadata.annotations
    return part and (closing is None or now < closing.at)


def _traced(pod: Pod) -> Context | None:
    """Return the context of the pod's span; None for a pod whose owner sends none, since it has too many pods."""
    index = pod.metadata.labels.get(INDEX, "0")
    few = index.isascii() and index.isdigit() and len(index) <= 9 and int(index) < TRACED_PODS
    return pod_context(pod) if few else None
