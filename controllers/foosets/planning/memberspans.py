"""The spans of a set's pods: which pods have some, and how those end that their set's episode cuts off."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from foosets.planning.episodes import Episode, Outcome
from foosets.planning.member import Member
from foosets.planning.podspans import RUNNING, Closing, admit_span, create_span, pod_context, pod_span, refusal
from foosets.planning.setspans import Closing as SetClosing
from foosets.planning.trace import Context, Microseconds, Span

MAX_PODS: Final = 390
"""Pods with spans in one trace: five spans each, with the scheduler's two; the rest of 2,000 is for the others."""


def is_traced(member: Member, episode: Episode) -> bool:
    """Whether a pod has spans in an episode: it was created in it, and is one of the first or has run and failed."""
    return _context(member, episode) is not None


def cut_off(closing: SetClosing, at: Microseconds) -> Closing:
    """Return how the pods' phases end that are still open when their set's episode ends, as of `at`."""
    if closing.outcome == Outcome.BLOCKED and closing.cause is not None:
        return Closing(at, closing.cause.reason, closing.cause.message)
    return Closing(at, closing.outcome, failed=False)


def pod_spans(pods: Iterable[Member], episode: Episode, closing: Closing | None = None) -> list[Span]:
    """Return the spans of the traced pods whose phase is over, or is cut off by `closing`."""
    contexts = ((member, _context(member, episode)) for member in pods)
    traced = islice(((member, context) for member, context in contexts if context is not None), MAX_PODS)
    return [span for member, context in traced for span in _spans(member, context, episode, closing)]


def _spans(member: Member, context: Context, episode: Episode, closing: Closing | None) -> list[Span]:
    pod, arrivals = member.pod, member.arrivals
    if closing is not None and closing.failed:
        # what the scheduler says of the same pod has to agree; a pod that runs is not what blocks its set
        closing = Closing(closing.at, RUNNING, failed=False) if pod.ready else refusal(pod) or closing
    life = pod_span(pod, context, episode.refine.span_id, arrivals=arrivals, closing=closing)
    if life is None:
        return []
    admit = admit_span(pod, context, arrivals)
    return [life, create_span(pod, context, arrivals), *([admit] if admit is not None else [])]


def _context(member: Member, episode: Episode) -> Context | None:
    context = pod_context(member.pod) if member.traced else None
    return context if context is not None and context.trace_id == episode.trace_id else None
