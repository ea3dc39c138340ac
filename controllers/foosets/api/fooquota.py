"""FooQuota: what the sets of a namespace may hold between them.

    spec:
      hard: {cpu: "10", memory: 20Gi, pods: "40"}

A ResourceQuota charges pod by pod, so that two sets can each get half of what they need and wait for ever. A FooQuota
charges whole trees: a FooSet, or a BatchFooSet or ServiceFooSet without one, is given all that it asks for before
anything is made of it, or it waits.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, WithJsonSchema

from foosets.api.customresource import Count, CustomResource, Generation, Model, rules
from foosets.api.names import Kind, Reason, Uid
from foosets.api.status import ObjectName, Observation

RESOURCES_MAX: Final = 64
"""Resources that one quota may limit."""
RESERVATIONS_MAX: Final = 2_000
"""Sets that one quota can hold, as long as they are small: of two parts and three resources each takes 400 bytes."""
RESERVED_BYTES_MAX: Final = 1_200_000
"""What the reservations of one quota may take before no further set is given one. etcd ends at 1.5 MB: the queue takes
up to 150 kB of the rest, and sets that have a reservation may get more parts."""
WAITING_MAX: Final = 100
"""Sets whose wait one quota explains; of those behind them it tells the number."""
CHILDREN_MAX: Final = 32
"""Parts of one set: twice 8 entries, and as many that were taken out and still have pods."""

QUANTITY_PATTERN: Final = r"^([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
"""Kubernetes' notation of quantities, without a sign."""
Quantity = Annotated[
    str | int,
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": QUANTITY_PATTERN, "minimum": 0, "maxLength": 32}),
]
Amounts = Annotated[
    dict[str, Annotated[str, Field(max_length=32)]],
    Field(max_length=RESOURCES_MAX),
]
"""Resource to quantity, as the controllers write it: without loss and as short as can be (`2`, `250m`, `20Gi`)."""

RootKind = Literal[Kind.FOOSET, Kind.BATCHFOOSET, Kind.SERVICEFOOSET]
_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
"""As a list-map, managedFields would double the object."""


class FooQuotaSpec(Model):
    """The limits."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.hard.all(key, !key.startsWith('requests.') && !key.startsWith('limits.'))",
                "spec.hard counts requests, and names each resource as a container does: cpu, not requests.cpu",
            ),
            (
                "self.hard.all(key, !key.startsWith('count/'))",
                "spec.hard has no count/: the number of objects is a ResourceQuota's business",
            ),
        )
    )

    hard: Annotated[dict[str, Quantity], Field(min_length=1, max_length=RESOURCES_MAX)]
    """The most that all sets of the namespace may hold of each resource: cpu, memory, pods, or any other name that
    containers request. A resource that is not listed is not limited. Every FooQuota of the namespace applies."""


class ReservedChild(Model):
    """One part of a set, and the pods that it may have."""

    name: ObjectName
    """Name of the BatchFooSet or ServiceFooSet."""
    count: Count
    """How many pods it may have, those that are on their way out counted in."""
    pod_requests: Amounts = Field(default={})
    """What each of them was charged with."""


class Reservation(Model):
    """What one set holds, with all that is made of it."""

    uid: Annotated[Uid, Field(max_length=64)]
    """Uid of the set, which has no parent."""
    kind: RootKind
    """Kind of the set."""
    name: ObjectName
    """Name of the set."""
    generation: Generation
    """The newest `metadata.generation` of the set that may be carried out. While a newer one does not fit, what was
    granted before goes on."""
    since: AwareDatetime
    """When it was first granted."""
    requests: Amounts
    """What it holds of the quota's resources, whether pods use it yet or not."""
    children: Annotated[tuple[ReservedChild, ...], Field(max_length=CHILDREN_MAX, json_schema_extra=_ATOMIC)] = ()
    """How it is handed down to its parts. A set without a parent is its own and only part."""


class Waiting(Model):
    """A set that wants more than it has been given."""

    uid: Annotated[Uid, Field(max_length=64)]
    """Uid of the set, which has no parent."""
    kind: RootKind
    """Kind of the set."""
    name: ObjectName
    """Name of the set."""
    generation: Generation
    """The `metadata.generation` that asks for it."""
    since: AwareDatetime
    """Since when it has been waiting."""
    reason: Literal[Reason.QUOTA_EXCEEDED, Reason.INVALID_POD_TEMPLATE, Reason.PLACING]
    """Why: there is not enough left, what it asks for cannot be told, or other pods of it have to go first."""
    message: Annotated[str, Field(max_length=1024)]
    """The reason in words: what it lacks."""


class FooQuotaStatus(Observation):
    """What has been given away. Written by the FooQuota controller alone."""

    reserved: Amounts = Field(default={})
    """What all reservations come to."""
    used: Amounts = Field(default={})
    """What the pods of all sets request that exist and have not finished."""
    waiting: Count = 0
    """Sets that wait for more than they have been given."""
    reservations: Annotated[tuple[Reservation, ...], Field(max_length=RESERVATIONS_MAX, json_schema_extra=_ATOMIC)] = ()
    """What each set holds; one entry for each set without a parent, for all that is made of it."""
    queue: Annotated[tuple[Waiting, ...], Field(max_length=WAITING_MAX, json_schema_extra=_ATOMIC)] = ()
    """The first of the sets that wait, by priority and then by age. Whoever fits is given what it asks for, whether
    others wait before it or not."""


class FooQuota(CustomResource):
    """What the FooSets of a namespace may hold between them, given to each as a whole.

    It does not touch other pods; a ResourceQuota does, and applies to the pods of sets as well.
    """

    spec: FooQuotaSpec
    """What may be held."""
    status: FooQuotaStatus = FooQuotaStatus()
    """What is held, and by whom."""
