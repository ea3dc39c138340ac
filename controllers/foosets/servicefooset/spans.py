"""The spans of a ServiceFooSet's episode, made when it closes from what the pods carry.

servicefooset.refine
├─ pod               from its creation to Ready, or to the close
│  ├─ create
│  ├─ admit          who named the scheduler, unless the user did
│  └─ ...            schedule and bind are the scheduler's to send
└─ ...
"""

from foosets.api.meta import SERVICEFOOSETS
from foosets.api.names import Kind
from foosets.planning.episodes import Episode
from foosets.planning.memberspans import cut_off, pod_spans
from foosets.planning.ownership import owner_of
from foosets.planning.setspans import Closing, SetSpans, microseconds, settled_at, subject_of
from foosets.planning.trace import Span
from foosets.servicefooset.state import Observed


def spans_of(seen: Observed, episode: Episode, closing: Closing) -> tuple[Span, ...]:
    """Return all spans of the episode: of every traced pod that was created in it, and of the set itself."""
    at = settled_at(seen.service.status, episode, closing)
    pods = pod_spans(seen.pods.traced, episode, cut_off(closing, at))
    start = min([microseconds(episode.trace.started_at), *(span.start for span in pods)])
    end = max([at, *(span.end for span in pods)])
    subject = subject_of(seen.service, owner_of(SERVICEFOOSETS, seen.service).lineage)
    spans = SetSpans(Kind.SERVICEFOOSET, subject, episode, closing, start, end)
    outer = spans.outer()
    return (*outer, *spans.quota(outer, seen.service.status), *pods)
