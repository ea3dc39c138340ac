"""The resources that the fake server serves, and the paths and queries that requests name them by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from foosets.api.meta import (
    BATCHFOOSETS,
    EVENTS,
    FOOQUOTAS,
    FOOSETS,
    NAMESPACES,
    NODES,
    PODS,
    PRIORITYCLASSES,
    SERVICEFOOSETS,
    Key,
    Resource,
)
from tests.fake.refusals import UnsupportedError, bad_request
from tests.fake.schemas import Schema, schema_of

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one resource behaves.

    `generation`: its metadata has one, which counts changes of the spec. `blind_put`: a PUT need not name a version.
    `put_creates`: a PUT of what is not there creates it. `subresources` are those that are served.
    """

    resource: Resource
    subresources: frozenset[str] = frozenset()
    custom: bool = False
    generation: bool = False
    blind_put: bool = False
    put_creates: bool = False

    @property
    def schema(self) -> Schema:
        """The schema of a custom resource."""
        return schema_of(self.resource.kind)


KINDS: Final = (
    *(
        Kind(resource, frozenset({"status"}), custom=True, generation=True)
        for resource in (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, FOOQUOTAS)
    ),
    Kind(PODS, frozenset({"status", "binding"}), generation=True, blind_put=True),
    Kind(NODES, frozenset({"status"}), blind_put=True),
    Kind(NAMESPACES, blind_put=True),
    Kind(PRIORITYCLASSES, generation=True, blind_put=True),
    Kind(LEASES, put_creates=True),
    Kind(EVENTS),
)
_KIND_OF: Final = {(kind.resource.group, kind.resource.version, kind.resource.plural): kind for kind in KINDS}
BY_PLURAL: Final = {kind.resource.plural: kind for kind in KINDS}

_PATH: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    kind: Kind
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]

    @property
    def resource(self) -> Resource:
        """The resource, without its subresource."""
        return self.kind.resource

    @property
    def key(self) -> Key:
        """The object's."""
        return Key(self.namespace, self.name)

    @property
    def called(self) -> str:
        """The resource as audit logs call it: `pods`, `pods/binding`."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural

    @property
    def watches(self) -> bool:
        """Whether a watch is asked for."""
        return self.query.get("watch") in {"true", "1"}

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return self.query.get("dryRun") == "All"

    def number(self, parameter: str) -> int:
        """Return a parameter that is a number; 0 if it is not given."""
        value = self.query.get(parameter, "") or "0"
        if not value.isdecimal():
            raise bad_request(f"{parameter}: Invalid value: {value!r}")
        return int(value)


def target_of(path: str) -> Target:
    """Return what a path with its query names."""
    bare, _, query = path.partition("?")
    found = _PATH.fullmatch(bare)
    kind = found and _KIND_OF.get((found["group"] or "", found["version"], found["plural"]))
    if found is None or kind is None or (found["subresource"] or "") not in {"", *kind.subresources}:
        raise UnsupportedError(f"the path {bare}")
    return Target(
        kind,
        unquote(found["namespace"] or ""),
        unquote(found["name"] or ""),
        found["subresource"] or "",
        dict(parse_qsl(query)),
    )
