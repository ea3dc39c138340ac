"""Spans as values: a trace is a pure function of the objects that were observed.

A span's ids are derived from the objects it is about and its times come from what stands in them, so that a controller
that crashed and came back sends the same spans again and a half-sent trace is completed instead of doubled. Nothing is
recorded in memory only. `foosets.runtime.telemetry` hands the spans to the OpenTelemetry SDK.

Acts (sync, decide, create, bind) are short and sent at once. Phases (rollout, refine, pod, wait) are sent by their own
controller when their subtree settles, children before parents. Times are integer microseconds since the epoch.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Final, NamedTuple, NewType

from foosets.api.names import Kind, Uid

TraceId = NewType("TraceId", str)
"""32 lower-case hexadecimal digits, not all zero."""
SpanId = NewType("SpanId", str)
"""16 lower-case hexadecimal digits, not all zero."""
Microseconds = int
"""Since the epoch; what Kubernetes' own times are too coarse for."""

TRACE_DIGITS: Final = 32
SPAN_DIGITS: Final = 16
ERROR_MAX: Final = 1024
"""Characters of a span's error; a condition's message may be 32 times as long."""


class Hop(StrEnum):
    """The spans' names: which step of the way from a FooSet to a running pod."""

    FOOSET_ROLLOUT = "foosets.rollout"
    BATCHFOOSET_ROLLOUT = "batchfooset.rollout"
    SERVICEFOOSET_ROLLOUT = "servicefooset.rollout"
    FOOSET_ADMIT = "fooset.admit"
    QUOTA = "fooset.quota"
    FOOSET_REFINE = "fooset.refine"
    BATCHFOOSET_REFINE = "batchfooset.refine"
    SERVICEFOOSET_REFINE = "servicefooset.refine"
    WAIT = "wait"
    PLACE = "place"
    SYNC = "sync"
    DECIDE = "decide"
    COMMIT = "commit"
    POD = "pod"
    CREATE = "create"
    ADMIT = "admit"
    SCHEDULE = "schedule"
    BIND = "bind"


ROLLOUT: Final[Mapping[Kind, Hop]] = {
    Kind.FOOSET: Hop.FOOSET_ROLLOUT,
    Kind.BATCHFOOSET: Hop.BATCHFOOSET_ROLLOUT,
    Kind.SERVICEFOOSET: Hop.SERVICEFOOSET_ROLLOUT,
}
"""The root span of a set that has no parent."""
REFINE: Final[Mapping[Kind, Hop]] = {
    Kind.FOOSET: Hop.FOOSET_REFINE,
    Kind.BATCHFOOSET: Hop.BATCHFOOSET_REFINE,
    Kind.SERVICEFOOSET: Hop.SERVICEFOOSET_REFINE,
}
"""The phase in which a set becomes its children; the parent of what happens to them."""


class Attribute(StrEnum):
    """The spans' attributes. `k8s.*` are OpenTelemetry's own names; no other of that prefix is used."""

    NAMESPACE = "k8s.namespace.name"
    POD_NAME = "k8s.pod.name"
    POD_UID = "k8s.pod.uid"
    NODE_NAME = "k8s.node.name"
    NAME = "fooset.name"
    """Name of the root: the FooSet, or the set that has no parent. On every span."""
    UID = "fooset.uid"
    """Uid of the root; what to search for. On every span."""
    HOP = "fooset.hop"
    """The span's name once more, for back ends that cannot search by name. On every span."""
    GENERATION = "fooset.generation"
    CHILD = "fooset.child"
    """The entry of the FooSet that the span is about; absent without parent."""
    DECISION = "fooset.decision"
    """What was decided, or how the step ended."""
    REASON = "fooset.reason"
    """Why; for an error the condition's reason."""
    INDEX = "fooset.index"
    ATTEMPT = "fooset.attempt"


Value = str | int | bool
Attributes = Mapping[str, Value]


# ---- identity


def _hex(digits: int, *parts: object) -> str:
    """Return a hash of the parts; no part may contain a line feed. Zero, which W3C forbids, becomes one."""
    digest = sha256("\n".join(map(str, parts)).encode()).hexdigest()[:digits]
    return digest if digest.strip("0") else "1".zfill(digits)


def trace_id(root: Uid, generation: int, episode: int) -> TraceId:
    """Return the trace of one episode: a change of generation starts one, and so does what follows a closed trace."""
    return TraceId(_hex(TRACE_DIGITS, "trace", root, generation, episode))


def span_id(trace: TraceId, hop: Hop, about: str, attempt: int = 0) -> SpanId:
    """Return the span of one step for one object; `about` is its uid, or what stands for it before it has one."""
    return SpanId(_hex(SPAN_DIGITS, "span", trace, hop, about, attempt))


def pod_span_id(trace: TraceId, owner: Uid, index: int, attempt: int) -> SpanId:
    """Return the span of a pod's life, which can be known before the pod exists."""
    return span_id(trace, Hop.POD, f"{owner}/{index}", attempt)


_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)
_TRACEPARENT_LENGTH: Final = 55


class Context(NamedTuple):
    """Which span of which trace."""

    trace_id: TraceId
    span_id: SpanId

    @property
    def traceparent(self) -> str:
        """The context in W3C's form, sampled."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def child(self, hop: Hop, attempt: int = 0) -> "Context":
        """Return the context of a step below this span, which whoever reads the traceparent can derive too."""
        return Context(self.trace_id, span_id(self.trace_id, hop, self.span_id, attempt))


def parse_traceparent(text: str) -> Context | None:
    """Return the context that an annotation carries, or None unless it is exactly version 00 of W3C's form."""
    if len(text) != _TRACEPARENT_LENGTH:
        return None
    found = _TRACEPARENT.fullmatch(text)
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Context(TraceId(found[1]), SpanId(found[2]))


# ---- spans


@dataclass(frozen=True, slots=True)
class Subject:
    """The root that a trace is about, named on each of its spans, and the entry below it, if the span is of one."""

    namespace: str
    name: str
    uid: Uid
    child: str = ""

    def attributes(self, hop: Hop) -> dict[str, Value]:
        """Return the attributes that every span has."""
        attributes: dict[str, Value] = {
            Attribute.NAMESPACE: self.namespace,
            Attribute.NAME: self.name,
            Attribute.UID: self.uid,
            Attribute.HOP: hop.value,
        }
        return attributes | {Attribute.CHILD: self.child} if self.child else attributes


@dataclass(frozen=True, slots=True)
class Event:
    """A moment within a span."""

    name: str
    at: Microseconds
    attributes: Attributes = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class Span:
    """One step, finished. `error` says why it failed and is empty when it did not.

    `end` is never before `start`: the clocks of several machines meet in a span, and an end before the start is taken
    as the start.
    """

    context: Context
    parent: SpanId | None
    name: Hop
    start: Microseconds
    end: Microseconds
    attributes: Attributes
    error: str = ""
    links: tuple[Context, ...] = ()
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", max(self.start, self.end))


def clamp(span: Span, within: Span) -> Span:
    """Return the span with its times and its events' times moved into those of its parent.

    Back ends that follow the critical path drop children that start after the parent's end.
    """
    start = _between(within.start, span.start, within.end)
    end = _between(start, span.end, within.end)
    events = tuple(replace(event, at=_between(start, event.at, end)) for event in span.events)
    return replace(span, start=start, end=end, events=events)


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def error_text(reason: str, message: str = "") -> str:
    """Return what a failed span says: the reason and, when there is more to say, the message, cut to ERROR_MAX."""
    return f"{reason}: {message}"[:ERROR_MAX] if message else reason[:ERROR_MAX]


# ---- settling


class Height(IntEnum):
    """A phase's distance from the leaves of the tree."""

    POD = 0
    CHILD = 1
    FOOSET = 2


BLOCKED_AFTER_SECONDS: Final = 30
"""A phase that one unchanged cause has blocked for this long closes as an error; what follows is a new trace."""
RUNNING_AFTER_SECONDS: Final = 30
"""A batch that still runs this long after Ready closes all open phases without error."""
CLOSE_STEP_SECONDS: Final = 5
"""How much longer a parent waits than its children, whose spans have to be sent first."""


def close_margin(height: Height) -> int:
    """Return the seconds that a phase waits beyond the delay of a pod's; at most 10."""
    return height * CLOSE_STEP_SECONDS
