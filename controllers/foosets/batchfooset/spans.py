"""The spans of a BatchFooSet's episode, made when it closes from what the pods carry.

batchfooset.refine
├─ place             sync: first seen -> first decision; decide -> first request; commit: until the last pod is there
├─ pod               from its creation to its end, or to the close
│  └─ create
└─ ...
"""

from foosets.api.meta import BATCHFOOSETS
from foosets.api.names import STAMPS, Kind
from foosets.batchfooset.state import Observed
from foosets.planning.episodes import Episode, Outcome
from foosets.planning.member import Member
from foosets.planning.memberspans import cut_off, is_traced, pod_spans
from foosets.planning.ownership import owner_of
from foosets.planning.setspans import Closing, SetSpans, microseconds, settled_at, subject_of
from foosets.planning.stamps import Stamps
from foosets.planning.trace import Hop, Microseconds, Span, clamp


def spans_of(seen: Observed, episode: Episode, closing: Closing) -> tuple[Span, ...]:
    """Return all spans of the episode: of every traced pod that was created in it, and of the set itself."""
    at = settled_at(seen.batch.status, episode, closing)
    pods = pod_spans(seen.pods.traced, episode, cut_off(closing, at))
    start = min([microseconds(episode.trace.started_at), *(span.start for span in pods)])
    end = max([at, *(span.end for span in pods)])
    subject = subject_of(seen.batch, owner_of(BATCHFOOSETS, seen.batch).lineage)
    spans = SetSpans(Kind.BATCHFOOSET, subject, episode, closing, start, end)
    outer = spans.outer()
    committed = max((span.end for span in pods if span.name == Hop.CREATE), default=None)
    members = [member for member in seen.pods.traced if is_traced(member, episode)]
    return (*outer, *spans.quota(outer, seen.batch.status), *_place(spans, outer[-1], members, committed), *pods)


def _place(spans: SetSpans, refine: Span, pods: list[Member], committed: Microseconds | None) -> list[Span]:
    """Return the placement as one act: an error when nodes could not be found, and without commit if nothing was.

    `committed` is when the last pod came to be. An episode in which nothing was to be placed has none of it.
    """
    stamps = [Stamps.parse(pod.pod.metadata.annotations.get(STAMPS)) for pod in pods]
    decides = min((stamp.decide for stamp in stamps if stamp.decide is not None), default=spans.start)
    decided = min((stamp.create for stamp in stamps if stamp.create is not None), default=refine.end)
    error = spans.closing.error if _unplaced(spans.closing) else ""
    if committed is None and not error:
        return []
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
