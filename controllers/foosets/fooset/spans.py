"""The spans of a FooSet's episode, made when it closes.

foosets.rollout    first seen, or created -> settled
├─ fooset.admit    API server: created -> first seen; of the first generation only
├─ fooset.quota    first seen -> reserved; only where a FooQuota applies
└─ fooset.refine   first seen -> settled; the children's refine phases hang below it
"""

from dataclasses import replace
from datetime import datetime

from foosets.api.fooset import FooSet
from foosets.api.names import TRACEPARENT, Kind
from foosets.fooset.state import Observed
from foosets.planning.children import Lineage
from foosets.planning.episodes import Episode
from foosets.planning.podspans import SLACK
from foosets.planning.setspans import Closing, SetSpans, microseconds, subject_of
from foosets.planning.stamps import SECOND
from foosets.planning.trace import Hop, Microseconds, Span, parse_traceparent


def _created(fooset: FooSet, first_seen: Microseconds) -> Microseconds:
    """Return when the set was created, as late as its whole second allows: no wait is shown that may not have been."""
    second = microseconds(fooset.metadata.creation_timestamp)
    return min(first_seen, second + SECOND - 1)


def spans_of(seen: Observed, episode: Episode, closing: Closing, now: datetime) -> tuple[Span, ...]:
    """Return the root, admission and refinement.

    They end a moment after the decision to close them, since spans of pods may end up to SLACK after the truth.
    """
    fooset = seen.fooset
    subject = subject_of(fooset, Lineage(fooset.metadata.name, fooset.metadata.uid))
    start = microseconds(episode.trace.started_at)
    spans = SetSpans(Kind.FOOSET, subject, episode, closing, start, microseconds(now) + SLACK)
    first = episode.trace.generation == 1 and episode.trace.episode == 0
    created = _created(fooset, spans.start)
    outer = spans.outer(created if first else None)
    root, refine = outer
    admit = (spans.act(Hop.FOOSET_ADMIT, root, (created, spans.start)),) if first else ()
    users = parse_traceparent(fooset.metadata.annotations.get(TRACEPARENT, ""))
    return (
        replace(root, links=(*root.links, users)) if users is not None else root,
        *admit,
        *spans.quota(outer, fooset.status),
        refine,
    )
