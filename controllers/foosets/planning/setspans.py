"""The spans of one set: its root, where it has one, and its refine phase."""

from dataclasses import dataclass
from datetime import datetime

from foosets.api.customresource import CustomResource
from foosets.api.names import ConditionType, Kind
from foosets.api.status import BlockedBy, Status
from foosets.planning.children import Lineage
from foosets.planning.conditions import since
from foosets.planning.episodes import Episode, Outcome
from foosets.planning.stamps import SECOND
from foosets.planning.trace import (
    BLOCKED_AFTER_SECONDS,
    REFINE,
    ROLLOUT,
    RUNNING_AFTER_SECONDS,
    Attribute,
    Hop,
    Microseconds,
    Span,
    Subject,
    Value,
    error_text,
)


@dataclass(frozen=True, slots=True)
class Closing:
    """How an episode ended, and why if it was blocked or failed; `at` is set where status does not tell when."""

    outcome: Outcome
    cause: BlockedBy | None = None
    at: Microseconds | None = None

    @property
    def error(self) -> str:
        """The error text of the phases that this closes; a batch that simply runs on is none."""
        if self.outcome not in {Outcome.BLOCKED, Outcome.FAILED}:
            return ""
        return error_text(self.cause.reason, self.cause.message) if self.cause else self.outcome.value


def microseconds(moment: datetime) -> Microseconds:
    """Return the moment in microseconds since the epoch, exactly."""
    return int(moment.timestamp()) * SECOND + moment.microsecond


def subject_of(resource: CustomResource, lineage: Lineage) -> Subject:
    """Return the root that a set's spans are about, and the entry that the set is of."""
    return Subject(resource.metadata.namespace, lineage.set_name, lineage.set_uid, lineage.child)


def settled_at(status: Status, episode: Episode, closing: Closing) -> Microseconds:
    """Return when the episode was over, as status tells it, so that whoever exports it again says the same."""
    if closing.at is not None:
        return closing.at
    if closing.outcome == Outcome.BLOCKED and closing.cause is not None:
        return microseconds(closing.cause.since) + BLOCKED_AFTER_SECONDS * SECOND
    ends = (ConditionType.COMPLETE, ConditionType.FAILED, ConditionType.READY)
    ended = next((at for kind in ends if (at := since(status.conditions, kind)) is not None), episode.trace.started_at)
    return microseconds(ended) + (RUNNING_AFTER_SECONDS * SECOND if closing.outcome == Outcome.RUNNING else 0)


@dataclass(frozen=True, slots=True)
class SetSpans:
    """Makes the spans of one set's episode, which lasted from `start` to `end` and ended as `closing` says."""

    kind: Kind
    subject: Subject
    episode: Episode
    closing: Closing
    start: Microseconds
    end: Microseconds

    def outer(self, start: Microseconds | None = None) -> list[Span]:
        """Return the refine span, and the root if the episode has its own; the root may start earlier."""
        refine = self._span(REFINE[self.kind], self.start)
        if self.episode.root is None:
            return [refine]
        return [self._span(ROLLOUT[self.kind], self.start if start is None else start), refine]

    def act(self, hop: Hop, above: Span, times: tuple[Microseconds, Microseconds], error: str = "") -> Span:
        """Return a step of this set below another of its spans."""
        context = above.context.child(hop)
        attributes = self._attributes(hop, failed=bool(error))
        return Span(context, above.context.span_id, hop, times[0], times[1], attributes, error)

    def quota(self, outer: list[Span], status: Status) -> list[Span]:
        """Return the wait for a reservation, if it began in this episode and this set is a root.

        It ends when QuotaReserved became true, of which only the second is known, or is an error to the end.
        """
        reserved = status.condition(ConditionType.QUOTA_RESERVED)
        root, refine = outer[0], outer[-1]
        if reserved is None or self.episode.root is None:
            return []
        if reserved.status != "True":
            blocked = self.closing.cause is not None and self.closing.cause.condition == ConditionType.QUOTA_RESERVED
            return [self.act(Hop.QUOTA, root, (refine.start, refine.end), self.closing.error if blocked else "")]
        granted = microseconds(reserved.last_transition_time)
        if granted + SECOND <= refine.start:
            return []
        return [self.act(Hop.QUOTA, root, (refine.start, min(max(granted, refine.start), refine.end)))]

    def _attributes(self, hop: Hop, *, failed: bool) -> dict[str, Value]:
        attributes = self.subject.attributes(hop)
        attributes[Attribute.GENERATION] = self.episode.trace.generation
        if failed and self.closing.cause:
            attributes[Attribute.REASON] = self.closing.cause.reason
        return attributes

    def _span(self, hop: Hop, start: Microseconds) -> Span:
        episode = self.episode
        is_root = episode.root is not None and hop == ROLLOUT[self.kind]
        context = episode.above if is_root else episode.refine
        parent = None if is_root else episode.above.span_id
        links = episode.links if is_root else ()
        attributes = self._attributes(hop, failed=bool(self.closing.error))
        attributes[Attribute.DECISION] = self.closing.outcome
        return Span(context, parent, hop, start, self.end, attributes, self.closing.error, links)
