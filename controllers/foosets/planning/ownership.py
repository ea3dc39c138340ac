"""A set as the child of its FooSet, and as the owner of its pods."""

from foosets.api.batchfooset import BatchFooSet
from foosets.api.customresource import CustomResource, OwnerReference
from foosets.api.meta import Resource
from foosets.api.names import ALLOW_CHILD_EDITS, EDITS_ALLOWED, GROUP, OWNER_UID, PARENT_REPLICAS, Kind
from foosets.api.pod import OwnerReference as OwnerOfPod
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.children import Lineage, Owner


def parent_of(child: CustomResource) -> OwnerReference | None:
    """Return the FooSet that made the set, or None: what another kind of controller made is a set on its own.

    A kind is one of a group: the API server takes a controller of any group, with any uid, from whoever writes it, and
    the policies look at ours.
    """
    controller = child.controller
    ours = controller is not None and (controller.group, controller.kind) == (GROUP, Kind.FOOSET)
    return controller if ours else None


def allows_edits(written: CustomResource) -> bool:
    """Whether a FooSet, or a child of one, says that users may edit the children."""
    return written.metadata.annotations.get(ALLOW_CHILD_EDITS) == EDITS_ALLOWED


def handed_down(parents_value: int, live: BatchFooSet | ServiceFooSet | None) -> int:
    """Return the parallelism or replicas of a child: its parent's if that changed since the last apply, else its own.

    So an autoscaler's value, or a user's `kubectl scale`, survives refinement.
    """
    if live is None or live.metadata.annotations.get(PARENT_REPLICAS) != str(parents_value):
        return parents_value
    return live.spec.parallelism if isinstance(live, BatchFooSet) else live.spec.replicas


def owner_named_twice(pod: Pod) -> OwnerOfPod | None:
    """Return the pod's controller if its label says so too: anybody may name an owner, only we write our labels."""
    owner = pod.controller
    return owner if owner is not None and owner.uid == pod.metadata.labels.get(OWNER_UID) else None


def owner_of(resource: Resource, owner: CustomResource) -> Owner:
    """Return the set as its pods name it; with a parent its labels say where both come from."""
    meta = owner.metadata
    lineage = Lineage.of(meta.name, meta.uid, meta.labels, derived=parent_of(owner) is not None)
    return Owner(resource, meta.namespace, meta.name, meta.uid, lineage)
