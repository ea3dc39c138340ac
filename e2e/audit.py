"""What was asked of the cluster and by whom, from the API server's audit log.

Requests are counted, not intentions: a write that was refused is a write, too. A dry run is none: it asks for no
change. Bodies are there only where the audit policy records them, which is for our own identities.
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


class User(msgspec.Struct):
    """Who asks."""

    username: str


class Reference(msgspec.Struct, rename="camel"):
    """What is asked for; nothing where it is no resource."""

    api_group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def path(self) -> str:
        """The resource with its subresource, as in `pods/binding`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Answer(msgspec.Struct):
    """What came of it."""

    code: int = 0
    message: str = ""


class Event(msgspec.Struct, rename="camel"):
    """One line: a stage of a request. `uri` has its query."""

    stage: str
    verb: str
    user: User
    request_received_timestamp: datetime
    stage_timestamp: datetime
    uri: str = msgspec.field(name="requestURI", default="")
    object_ref: Reference = msgspec.field(default_factory=Reference)
    response_status: Answer = msgspec.field(default_factory=Answer)
    request_object: Any = None
    user_agent: str = ""

    @property
    def writes(self) -> bool:
        """Whether it asks for a change, and its answer is known."""
        return self.verb in WRITING_VERBS and self.stage == COMPLETE and "dryRun=" not in self.uri


_decode: Final = msgspec.json.Decoder(Event).decode


def events(log: Path, mention: bytes) -> Iterator[Event]:
    """Yield the lines that mention something: most lines are about something else, and long."""
    with log.open("rb") as lines:
        for line in lines:
            if mention in line and line.endswith(b"\n"):  # the last one may still be on its way
                yield _decode(line)


def _writes(log: Path, mention: bytes) -> Iterator[Write]:
    """Yield the writes as they were answered, which is not always the order of their lines on a busy machine."""
    found = (event for event in events(log, mention) if event.writes)
    yield from map(_write, sorted(found, key=lambda event: event.stage_timestamp))


def _write(event: Event) -> Write:
    target = event.object_ref
    return Write(
        user=event.user.username,
        verb=event.verb,
        resource=target.path,
        namespace=target.namespace,
        name=target.name,
        code=event.response_status.code,
        at=event.request_received_timestamp,
        body=event.request_object or {},
    )
