"""What was written to the cluster and by whom, from the API server's audit log.

Requests are counted, not intentions: a write that was refused is a write, too. A dry run is none: it asks for no
change. Bodies are there only where the audit
policy records them, which is for our own identities.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from e2e.cluster.chart import NAMESPACE, RELEASE

WRITING_VERBS: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
COMPLETE: Final = "ResponseComplete"
"""The last stage of a request; only here the answer is known."""


@dataclass(frozen=True, slots=True)
class Write:
    """One request that asked for a change. `resource` has its subresource, as in `pods/binding`."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    process: str = ""
    """What the sender calls itself (its User-Agent); two replicas of one identity may differ in it."""

    @property
    def succeeded(self) -> bool:
        """Whether the server did as asked."""
        return 200 <= self.code < 300


def identity(component: str) -> str:
    """Return the user that a component is to the API server."""
    return f"system:serviceaccount:{NAMESPACE}:{RELEASE}-{component}"


def writes(log: Path, namespace: str) -> list[Write]:
    """Return all writes to objects in a namespace, in the order in which they were answered."""
    mention = f'"namespace":"{namespace}"'.encode()
    return [write for write in _writes(log, mention) if write.namespace == namespace]


def our_writes(log: Path) -> list[Write]:
    """Return all writes of our components but those to their Leases, in the order in which they were answered."""
    ours = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-"
    found = _writes(log, ours.encode())
    return [write for write in found if write.user.startswith(ours) and write.resource != "leases"]


def most_in_a_second(times: Iterable[datetime]) -> int:
    """Return the greatest number of moments that lie within one second, wherever it begins."""
    ordered = sorted(times)
    second = timedelta(seconds=1)
    return max((sum(start <= at < start + second for at in ordered) for start in ordered), default=0)


# ---- the log's lines


class _User(msgspec.Struct):
    username: str


class _Reference(msgspec.Struct):
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _Answer(msgspec.Struct):
    code: int = 0


class _Event(msgspec.Struct, rename="camel"):
    stage: str
    verb: str
    user: _User
    request_received_timestamp: datetime
    object_ref: _Reference = msgspec.field(default_factory=_Reference)
    response_status: _Answer = msgspec.field(default_factory=_Answer)
    request_object: Any = None
    user_agent: str = ""
    uri: str = msgspec.field(name="requestURI", default="")

    @property
    def writes(self) -> bool:
        """Whether it asks for a change, and its answer is known."""
        return self.verb in WRITING_VERBS and self.stage == COMPLETE and "dryRun=" not in self.uri


_decode: Final = msgspec.json.Decoder(_Event).decode


def _writes(log: Path, mention: bytes) -> Iterator[Write]:
    with log.open("rb") as lines:
        for line in lines:
            # most lines are about something else; the last one may still be on its way
            if mention not in line or not line.endswith(b"\n"):
                continue
            event = _decode(line)
            if event.writes:
                yield _write(event)


def _write(event: _Event) -> Write:
    target = event.object_ref
    return Write(
        user=event.user.username,
        verb=event.verb,
        resource=f"{target.resource}/{target.subresource}" if target.subresource else target.resource,
        namespace=target.namespace,
        name=target.name,
        code=event.response_status.code,
        at=event.request_received_timestamp,
        body=event.request_object or {},
        process=event.user_agent,
    )
