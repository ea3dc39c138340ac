"""A status as a request: written whole, with the version it was computed from, and only if it says something new."""

from foosets.api.customresource import CustomResource
from foosets.api.meta import Resource
from foosets.api.status import Observation
from foosets.planning.actions import Status


def status_write(resource: Resource, seen: CustomResource, stored: Observation, wanted: Observation) -> Status | None:
    """Return the write that makes the stored status the wanted one, or None when it is that already."""
    if wanted == stored:
        return None
    meta = seen.metadata
    body = wanted.to_json()
    return Status(resource, meta.namespace, meta.name, meta.uid, meta.resource_version, body)
