"""The verbs that the controllers use, each one request.

Bodies come in and go out as JSON bytes, and every write names its field manager. Nothing here retries or judges: who
gets an `ambiguous` error reads the object, and who gets `AlreadyExists` looks whose it is. All verbs raise `ApiError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from foosets.api.meta import PODS, Resource
from foosets.api.names import NodeName, Uid
from foosets.api.pod import Condition
from foosets.kube.transport import Pool, Transport

APPLY_PATCH: Final = "application/apply-patch+yaml"  # JSON is YAML, and cheaper to read
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Client:
    """Typed verbs over one transport, in the name of one field manager."""

    transport: Transport
    field_manager: str

    async def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        """Return the object as a quorum of etcd has it."""
        return await self.transport.request("GET", resource.path(namespace, name), pool=Pool.READS)

    async def create(self, resource: Resource, namespace: str, body: bytes) -> bytes:
        """Create the object that `body` names; return it as stored."""
        return await self.transport.request("POST", self._managed(resource.path(namespace)), body)

    async def dry_run_create(self, resource: Resource, namespace: str, body: bytes) -> bytes:
        """Let the server validate, default and admit the object without storing it; return what it would store."""
        path = f"{self._managed(resource.path(namespace))}&dryRun=All"
        return await self.transport.request("POST", path, body)

    async def apply(self, resource: Resource, namespace: str, name: str, body: bytes) -> bytes:
        """Own exactly the fields of `body`, taking them from other managers; create the object if there is none.

        With a `metadata.uid` in the body it is `Conflict` if the object is another or is gone; with a
        `metadata.resourceVersion` only if it has moved on: a missing object would be created all the same.
        """
        path = f"{self._managed(resource.path(namespace, name))}&force=true"
        return await self.transport.request("PATCH", path, body, content_type=APPLY_PATCH)

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: Uid, resource_version: str = ""
    ) -> None:
        """Delete this incarnation of the object, its dependents in the background.

        `Conflict` if the name is another's by now, or has moved on from `resource_version` where one is given.
        """
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        }
        await self.transport.request("DELETE", resource.path(namespace, name), _encode(options))

    async def bind(
        self, namespace: str, name: str, node: NodeName, *, uid: Uid, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Give the pod its node, once: `Conflict` if it has one or is another; annotations are added to the pod's."""
        metadata = {"namespace": namespace, "name": name, "uid": uid, "annotations": dict(annotations or {})}
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        body = _encode({"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target})
        await self.transport.request("POST", self._managed(PODS.path(namespace, name, "binding")), body)

    async def put_status(  # noqa: PLR0913 - an object's identity, its version and its status
        self, resource: Resource, namespace: str, name: str, status: bytes, *, uid: Uid, resource_version: str
    ) -> bytes:
        """Replace the status, a JSON object; `Conflict` if the object is not at `resource_version` any more."""
        metadata = {"name": name, "uid": uid, "resourceVersion": resource_version}
        if namespace:
            metadata["namespace"] = namespace
        envelope = {"apiVersion": resource.api_version, "kind": resource.kind}
        body = _encode({**envelope, "metadata": metadata, "status": Raw(status)})
        path = self._managed(resource.path(namespace, name, "status"))
        return await self.transport.request("PUT", path, body, pool=Pool.STATUS)

    async def set_pod_condition(self, namespace: str, name: str, condition: Condition, *, uid: Uid) -> bytes:
        """Set one condition in a pod's status and leave the others; `Conflict` if the pod is another."""
        body = _encode({"metadata": {"uid": uid}, "status": {"conditions": [condition]}})
        path = self._managed(PODS.path(namespace, name, "status"))
        return await self.transport.request("PATCH", path, body, content_type=STRATEGIC_MERGE_PATCH, pool=Pool.STATUS)

    def _managed(self, path: str) -> str:
        return f"{path}?fieldManager={self.field_manager}"
