"""What identifies a kind to the API server, and the parts of metadata that all kinds share."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from foosets.api.names import GROUP, VERSION, Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API server, with the paths its requests go to."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the request path; without a namespace that of the whole cluster's collection."""
        path = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            path = f"{path}/namespaces/{namespace}"
        path = f"{path}/{self.plural}"
        if name:
            path = f"{path}/{name}"
        return f"{path}/{subresource}" if subresource else path


FOOSETS: Final = Resource(GROUP, VERSION, "foosets", Kind.FOOSET)
BATCHFOOSETS: Final = Resource(GROUP, VERSION, "batchfoosets", Kind.BATCHFOOSET)
SERVICEFOOSETS: Final = Resource(GROUP, VERSION, "servicefoosets", Kind.SERVICEFOOSET)
FOOQUOTAS: Final = Resource(GROUP, VERSION, "fooquotas", Kind.FOOQUOTA)
PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PRIORITYCLASSES: Final = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS: Final = Resource("events.k8s.io", "v1", "events", "Event")


class Key(NamedTuple):
    """What the queues hold: which object, never what happened to it. A tuple, since it is hashed with every event."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`namespace/name`, as kubectl and the logs write it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name
