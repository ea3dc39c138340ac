"""Times: Kubernetes' whole seconds, and the microseconds of our own acts.

Kubernetes reports whole seconds. Where the suite itself acts it knows better, and writes the microseconds into the
same request, as one annotation, so that a span can be made from the object alone whoever makes it and whenever.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from foosets.api.names import STAMPS
from foosets.planning.trace import Microseconds

SECOND: Final = 1_000_000
TIME_MAX: Final = (2**63 - 1) // 1000
"""The last microsecond (in the year 2262) that fits the nanoseconds which OTLP's collectors compute with."""
STAMPS_MAX: Final = 1024
"""Characters of a stamps annotation that are worth reading."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text: str | None) -> Microseconds | None:
    """Return the microseconds of a metav1.Time or MicroTime; None if absent, malformed, or out of a trace's range."""
    if text is None or not _RFC3339.fullmatch(text):
        return None
    try:
        at = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= TIME_MAX else None


def format_second(at: Microseconds) -> str:
    """Return the time in whole seconds, rounded down, as metav1.Time is written."""
    return (_EPOCH + timedelta(seconds=at // SECOND)).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro(at: Microseconds) -> str:
    """Return the time to the microsecond, as metav1.MicroTime is written."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clamp_into_second(arrival: Microseconds | None, timestamp: str | None) -> Microseconds | None:
    """Return the best guess of when something happened that Kubernetes reports to the second.

    The arrival of the watch event is later than the truth and to the microsecond, so it is moved into the reported
    second. Without arrival (after a restart): the second itself. Without a report: the arrival.
    """
    second = parse_time(timestamp)
    if second is None or arrival is None:
        return arrival if second is None else second
    second -= second % SECOND
    return max(second, min(arrival, second + SECOND - 1))


_Time = Annotated[int, Meta(ge=0, le=TIME_MAX)]


class Stamps(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the stamps annotation of a pod or a child says; None is unknown."""

    seen: _Time | None = None
    """Its controller first saw the owner in the state that led to this object."""
    decide: _Time | None = None
    """The controller began to decide (which pods, which nodes)."""
    decided: _Time | None = None
    """The decision stood."""
    create: _Time | None = None
    """The POST of this object was sent."""
    schedule: _Time | None = None
    """The scheduler put the pod into its queue."""
    scheduled: _Time | None = None
    """The scheduler had chosen a node."""
    bind: _Time | None = None
    """The POST of the binding was sent; it carried these last three."""

    @classmethod
    def parse(cls, text: str | None) -> "Stamps":
        """Return the stamps of an annotation; whatever is not what we would have written counts as none."""
        if not text or len(text) > STAMPS_MAX:
            return cls()
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return cls()

    def render(self) -> str:
        """Return the annotation's text: equal stamps give equal text."""
        return msgspec.json.encode(self).decode()

    def with_(self, **times: Microseconds) -> "Stamps":
        """Return the stamps with these set; a name that is no stamp raises TypeError."""
        return msgspec.structs.replace(self, **times)


_ANNOTATION: Final = f',"{STAMPS}":"{{'.encode()
_CREATE: Final = rb"\"create\":"
_DIGITS: Final = 16
"""Of a time in microseconds, from the year 2001 to 2286."""


def sent(body: bytes, at: Microseconds) -> bytes:
    """Return the JSON of an object with its `create` stamp set to the moment of sending.

    A plan is made long before the last of its many requests is sent. A body without such a stamp is returned as it is.
    No value of another member can be taken for it: within values quotes are escaped.
    """
    annotation = body.find(_ANNOTATION)
    stamp = body.find(_CREATE, annotation, annotation + STAMPS_MAX) if annotation >= 0 else -1
    if stamp < 0:
        return body
    start = stamp + len(_CREATE)
    return b"%b%016d%b" % (body[:start], at, body[start + _DIGITS :])
