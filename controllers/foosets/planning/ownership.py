"""A set as the child of its FooSet, and as the owner of its pods."""

from foosets.api.customresource import CustomResource, OwnerReference
from foosets.api.meta import Resource
from foosets.api.names import GROUP, Kind
from foosets.planning.children import Lineage, Owner


def parent_of(child: CustomResource) -> OwnerReference | None:
    """Return the FooSet that made the set, or None: what another kind of controller made is a set on its own.

    A kind is one of a group: the API server takes a controller of any group, with any uid, from whoever writes it, and
    the policies look at ours.
    """
    controller = child.controller
    ours = controller is not None and (controller.group, controller.kind) == (GROUP, Kind.FOOSET)
    return controller if ours else None


def owner_of(resource: Resource, owner: CustomResource) -> Owner:
    """Return the set as its pods name it; with a parent its labels say where both come from."""
    meta = owner.metadata
    lineage = Lineage.of(meta.name, meta.uid, meta.labels, derived=parent_of(owner) is not None)
    return Owner(resource, meta.namespace, meta.name, meta.uid, lineage)
