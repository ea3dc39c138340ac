"""A status as a request: written whole, with the version it was computed from, and only if it says something new.

A new cause in it is news to those who do not look at the set; the Event that tells them goes with the request.
"""

from foosets.api import status
from foosets.api.customresource import CustomResource
from foosets.api.meta import Resource
from foosets.api.status import Observation
from foosets.planning.actions import Status
from foosets.planning.events import event_of


def status_write(resource: Resource, seen: CustomResource, stored: Observation, wanted: Observation) -> Status | None:
    """Return the write that makes the stored status the wanted one, or None when it is that already.

    A quota is stuck by nothing, and has no Events.
    """
    if wanted == stored:
        return None
    meta = seen.metadata
    event = None
    if isinstance(stored, status.Status) and isinstance(wanted, status.Status):
        event = event_of(resource, seen, stored, wanted)
    return Status(resource, meta.namespace, meta.name, meta.uid, meta.resource_version, wanted.to_json(), event)
