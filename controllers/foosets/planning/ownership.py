"""A set as the owner of its pods."""

from foosets.api.customresource import CustomResource
from foosets.api.meta import Resource
from foosets.planning.children import Lineage, Owner


def owner_of(resource: Resource, owner: CustomResource) -> Owner:
    """Return the set as its pods name it; with a parent its labels say where both come from."""
    meta = owner.metadata
    lineage = Lineage.of(meta.name, meta.uid, meta.labels, derived=owner.controller is not None)
    return Owner(resource, meta.namespace, meta.name, meta.uid, lineage)
