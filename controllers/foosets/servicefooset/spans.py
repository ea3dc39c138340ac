"""The spans of a ServiceFooSet's episode, made when it closes from what the pods carry.

servicefooset.refine
├─ pod               from its creation to Ready, or to the close
│  ├─ create
│  ├─ admit          who named the scheduler, unless the user did
│  └─ ...            schedule and bind are the scheduler's to send
└─ ...
"""

from foosets.api.meta import SERVICEFOOSETS
from foosets.api.names import ConditionType, Kind
from foosets.planning.conditions import since
from foosets.planning.episodes import Episode, Outcome
from foosets.planning.memberspans import cut_off, pod_spans
from foosets.planning.ownership import owner_of
from foosets.planning.setspans import Closing, SetSpans, microseconds, subject_of
from foosets.planning.stamps import SECOND
from foosets.planning.trace import BLOCKED_AFTER_SECONDS, Microseconds, Span
from foosets.servicefooset.state import Observed


def spans_of(seen: Observed, episode: Episode, closing: Closing) -> tuple[Span, ...]:
    """Return all spans of the episode: of every traced pod that was created in it, and of the set itself."""
    at = _settled_at(seen, episode, closing)
    pods = pod_spans(seen.pods, episode, cut_off(closing, at))
    end = max([at, *(span.end for span in pods)])
    lineage = owner_of(SERVICEFOOSETS, seen.service).lineage
    spans = SetSpans(Kind.SERVICEFOOSET, subject_of(seen.service, lineage), episode, closing, end)
    return (*spans.outer(), *pods)


def _settled_at(seen: Observed, episode: Episode, closing: Closing) -> Microseconds:
    """Return when the episode was over, as status tells it, so that whoever exports it again says the same."""
    if closing.outcome == Outcome.BLOCKED and closing.cause is not None:
        return microseconds(closing.cause.since) + BLOCKED_AFTER_SECONDS * SECOND
    ready = since(seen.service.status.conditions, ConditionType.READY)
    return microseconds(ready or episode.trace.started_at)
