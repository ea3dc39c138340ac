"""What a request is, as the proxy sees it, and which requests a fault waits for."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit


class Verb(StrEnum):
    """The API server's own words (its authorizer knows the same)."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"


WRITES: Final = frozenset({Verb.CREATE, Verb.UPDATE, Verb.PATCH, Verb.DELETE})
EACH: Final = 0
"""The ordinal of every request there is."""
_BY_METHOD: Final = {"POST": Verb.CREATE, "PUT": Verb.UPDATE, "PATCH": Verb.PATCH, "DELETE": Verb.DELETE}


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what. `resource` has its subresource, as in `pods/binding`.

    A line of a watch is told apart in the same way: by the watch that it comes on, and the object that it is about.
    """

    component: str
    verb: Verb
    resource: str
    namespace: str = ""
    name: str = ""

    @property
    def writes(self) -> bool:
        """Whether it asks for a change."""
        return self.verb in WRITES

    def about(self, namespace: str, name: str) -> "Request":
        """Return this watch's request as one line of it: about that object."""
        return replace(self, namespace=namespace, name=name)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a fault waits: at the `ordinal`-th of the requests that are alike, counted from 1; EACH is at all of them.

    An empty namespace or name is any.
    """

    component: str
    verb: Verb
    resource: str
    namespace: str = ""
    name: str = ""
    ordinal: int = 1

    def covers(self, request: Request) -> bool:
        """Whether a request is one of those that are counted."""
        return (
            (self.component, self.verb, self.resource) == (request.component, request.verb, request.resource)
            and self.namespace in {"", request.namespace}
            and self.name in {"", request.name}
        )


def request_of(component: str, method: str, target: str) -> Request:
    """Return what a component asks for with a method and a request target; paths are the API server's.

    A write that stores nothing (`dryRun`) is a get: it changes nothing.
    """
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    resource, namespace, name = _split(parts.path)
    verb = Verb.GET if "dryRun" in query else _BY_METHOD.get(method)
    if verb is None:
        watching = query.get("watch", ["false"])[0] in {"true", "1"}
        verb = Verb.WATCH if watching else Verb.GET if name else Verb.LIST
    return Request(component, verb, resource, namespace, name)


def _split(path: str) -> tuple[str, str, str]:
    """Return resource with subresource, namespace and name: /api/v1/..., or /apis/group/version/..."""
    segments = path.strip("/").split("/")
    rest = segments[3:] if segments[0] == "apis" else segments[2:]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    return (f"{resource}/{subresource}" if subresource else resource), namespace, name
