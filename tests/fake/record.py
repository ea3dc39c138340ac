"""What happened on a fake API server: every version of every object, and every request.

The record is complete and never forgets, whatever watches may still see (see `storage`). Its dataclasses have the shape
of `e2e.audit.Write`, so that what is checked here can be checked on a real server's audit log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from e2e.audit import WRITING_VERBS

Object = dict[str, Any]
"""One object as decoded JSON. Those in the record are shared: whoever wants to change one makes a copy."""

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one object, or its end: `object` as watches see it, `before` the state that it follows.

    `type` is ADDED, MODIFIED or DELETED; a deletion has a version of its own, and the last state with that version.
    `user` is who caused it, `at` when.
    """

    type: str
    resource: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    user: str
    at: datetime
    object: Mapping[str, Any]
    body: bytes
    before: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer. `resource` has its subresource, as in `pods/binding`.

    `verb` is as in an audit log: get, list, watch, create, update, patch, delete. `code` is the HTTP status of the
    answer that the server gave, whether or not it arrived; a watch has 200 when it begins.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dry_run: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the server did as asked."""
        return 200 <= self.code < 300

    @property
    def writes(self) -> bool:
        """Whether it asked for a change."""
        return self.verb in WRITING_VERBS and not self.dry_run


@dataclass(frozen=True, slots=True)
class Record:
    """Everything so far, in the server's order."""

    versions: list[Version] = field(default_factory=list[Version])
    requests: list[Request] = field(default_factory=list[Request])

    @property
    def writes(self) -> list[Request]:
        """The requests that asked for a change."""
        return [request for request in self.requests if request.writes]
