"""The spans of a BatchFooSet's episode, made when it closes from what the pods carry.

batchfooset.refine
├─ place             sync: first seen -> first decision; decide -> first request; commit: until the last pod is there
├─ pod               from its creation to its end, or to the close
│  └─ create
└─ ...
"""

from datetime import datetime
from itertools import islice
from typing import Final

from foosets.api.names import STAMPS, Kind
from foosets.batchfooset.state import Observed
from foosets.planning.children import Lineage
from foosets.planning.episodes import Episode, Outcome
from foosets.planning.members import TRACED_PODS, Member
from foosets.planning.podspans import Closing as PodClosing
from foosets.planning.podspans import create_span, pod_context, pod_span
from foosets.planning.setspans import Closing, SetSpans, microseconds, subject_of
from foosets.planning.stamps import Stamps
from foosets.planning.trace import Hop, Microseconds, Span, clamp

MAX_PODS: Final = 900
"""Pods with spans in one trace: two each, and the rest of 2,000 is for the others."""


def spans_of(seen: Observed, episode: Episode, lineage: Lineage, closing: Closing, now: datetime) -> tuple[Span, ...]:
    """Return all spans of the episode: of every traced pod that was created in it, and of the set itself."""
    pods = [pod for pod in seen.pods if _traced(pod, episode)]
    pod_spans = [span for pod in islice(pods, MAX_PODS) for span in _pod(pod, episode, closing, now)]
    end = max((span.end for span in pod_spans), default=microseconds(now))
    spans = SetSpans(Kind.BATCHFOOSET, subject_of(seen.batch, lineage), episode, closing, end)
    outer = spans.outer()
    committed = max((span.end for span in pod_spans if span.name == Hop.CREATE), default=None)
    return (*outer, *_place(spans, outer[-1], pods, committed), *pod_spans)


def _traced(member: Member, episode: Episode) -> bool:
    context = pod_context(member.pod)
    named = member.index < TRACED_PODS or member.pod.status.phase == "Failed"
    return named and context is not None and context.trace_id == episode.trace_id


def _pod(member: Member, episode: Episode, closing: Closing, now: datetime) -> list[Span]:
    context = pod_context(member.pod)
    if context is None:
        return []
    blocked = closing.outcome == Outcome.BLOCKED and closing.cause is not None
    reason = closing.cause.reason if blocked and closing.cause else closing.outcome
    close = PodClosing(microseconds(now), reason, failed=blocked)
    pod = pod_span(member.pod, context, episode.refine.span_id, arrivals=member.arrivals, closing=close)
    create = create_span(member.pod, context, member.arrivals)
    return [pod, create] if pod is not None else [create]


def _place(spans: SetSpans, refine: Span, pods: list[Member], committed: Microseconds | None) -> list[Span]:
    """Return the placement as one act: an error when nodes could not be found, and without commit if nothing was.

    `committed` is when the last pod came to be.
    """
    stamps = [Stamps.parse(pod.pod.metadata.annotations.get(STAMPS)) for pod in pods]
    decides = min((stamp.decide for stamp in stamps if stamp.decide is not None), default=spans.start)
    decided = min((stamp.create for stamp in stamps if stamp.create is not None), default=refine.end)
    error = spans.closing.error if _unplaced(spans.closing) else ""
    place = spans.act(Hop.PLACE, refine, (spans.start, committed or refine.end), error)
    steps = [
        spans.act(Hop.SYNC, place, (spans.start, decides)),
        spans.act(Hop.DECIDE, place, (decides, decided), error),
    ]
    if committed is not None:
        steps.append(spans.act(Hop.COMMIT, place, (decided, committed)))
    place = clamp(place, refine)
    return [place, *(clamp(step, place) for step in steps)]


def _unplaced(closing: Closing) -> bool:
    return closing.cause is not None and closing.cause.kind == Kind.BATCHFOOSET and closing.outcome == Outcome.BLOCKED
