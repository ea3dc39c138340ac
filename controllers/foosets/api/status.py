"""What the statuses of all kinds share, field by field.

A status is written whole by one controller. Its fields have defaults in the models, for an object that nobody has
looked at yet, but not in the CRD, where they would read as observations. The exception is `observedGeneration`: with
-1 from the start, tools that compare it with `metadata.generation` see that the object is not current.
"""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from foosets.api.customresource import GENERATION_MAX, Count, Generation, Model, list_map

UNOBSERVED: Final = -1
"""`observedGeneration` of an object that its controller has not seen."""
INDEXES_MAX: Final = 300_000
"""Characters of the longest range list: every second index of 100,000, each of up to five digits and a comma."""
ATTEMPTS_MAX: Final = 1000
"""Different attempts that the indexes of one set can be at."""
POD_REQUESTS_MAX: Final = 64
"""Resources of one pod that are shown. No node offers nearly as many."""
INDEXES_PATTERN: Final = "^([0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*)?$"
"""Indexes and runs of them; whoever else writes a status by hand is held to the notation."""

ConditionName = Annotated[str, Field(max_length=316)]
ReasonText = Annotated[str, Field(max_length=1024)]
Message = Annotated[str, Field(max_length=32_768)]
ObjectName = Annotated[str, Field(max_length=253)]
Indexes = Annotated[str, Field(max_length=INDEXES_MAX, pattern=INDEXES_PATTERN)]
TraceID = Annotated[str, Field(max_length=32)]
TraceParent = Annotated[str, Field(max_length=55)]
Selector = Annotated[str, Field(max_length=253)]
ResourceVersion = Annotated[str, Field(max_length=20, pattern="^[0-9]*$")]


class Condition(Model):
    """One aspect of the object's state, in the form that all of Kubernetes uses."""

    type: ConditionName
    """Name of the condition, such as Ready; one entry each."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    reason: ReasonText = Field(min_length=1)
    """Cause of the last transition, in one CamelCase word that programs may rely on."""
    message: Message = ""
    """The cause in words, for people."""
    last_transition_time: AwareDatetime
    """When `status` last changed."""
    observed_generation: Generation = 0
    """The `metadata.generation` that the condition was computed from."""


class BlockedBy(Model):
    """The root cause that keeps an object from getting on."""

    kind: str = Field(max_length=63)
    """Kind of the object that is stuck; the deepest one that is known."""
    name: ObjectName
    """Name of that object, in the same namespace."""
    condition: ConditionName
    """The condition of that object that says so."""
    reason: ReasonText
    """Reason of that condition."""
    message: Message = ""
    """Message of that condition, and how many others are stuck at the same depth."""
    since: AwareDatetime
    """Since when it has been stuck for this reason."""
    trace_id: TraceID = ""
    """Trace in which that object's work can be followed."""


class Trace(Model):
    """Which episode of the object's life is being traced. With the uid it gives every trace and span id."""

    generation: Generation = 0
    """The `metadata.generation` whose work the episode follows."""
    episode: Count = 0
    """Counts the episodes of one generation: work that follows a closed trace starts the next."""
    started_at: AwareDatetime
    """When the controller first saw what the episode is about, to the microsecond: the spans begin here."""
    joined: bool = False
    """Whether the episode is a part of the parent's trace; otherwise it is a trace of its own."""
    parent: TraceParent = ""
    """The trace context that the parent had written when the episode began. A later episode joins only a newer one."""
    previous: TraceID = ""
    """The trace that came before, which this one is linked to."""
    closed: bool = False
    """Whether the spans of this episode have been exported."""


class AttemptRange(Model):
    """Indexes whose pods have been replaced equally often."""

    indexes: Indexes
    """Completion indexes or slots in ranges, such as "0,3-7"."""
    attempt: Count = Field(ge=1)
    """Number of the newest pod of each of these indexes. The first pod of an index has number 0."""


Attempts = Annotated[
    tuple[AttemptRange, ...],
    Field(max_length=ATTEMPTS_MAX, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class RejectionRange(Model):
    """Indexes whose pods kubelets have rejected equally often in a row, the last of them at the same time."""

    indexes: Indexes
    """Completion indexes or slots in ranges, such as "0,3-7"."""
    count: Annotated[int, Field(ge=1, le=5)]
    """How often in a row. The more often, the longer the next pod waits; each index has at most 5 in 10 minutes."""
    last_rejected_at: AwareDatetime
    """When the last of them was rejected, rounded down to 10 seconds. 10 minutes later it is forgotten."""


class LastRejection(Model):
    """What a kubelet said of a pod that it would not run."""

    pod: ObjectName
    """Name of the pod, which has been deleted."""
    node: ObjectName
    """Name of the node whose kubelet it was."""
    reason: ReasonText
    """The kubelet's reason in one word, such as OutOfcpu."""
    message: Message = ""
    """The kubelet's reason in words."""


Rejections = Annotated[
    tuple[RejectionRange, ...],
    Field(max_length=310, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


PodRequests = Annotated[
    dict[str, Annotated[str, Field(max_length=20, pattern="^[0-9]+m?$")]],
    Field(max_length=POD_REQUESTS_MAX),
]


class Observation(Model):
    """The part of a status that all kinds have."""

    observed_generation: int = Field(default=UNOBSERVED, ge=UNOBSERVED, le=GENERATION_MAX)
    """The newest `metadata.generation` that the controller has acted on; -1 before it has seen the object."""
    conditions: tuple[Condition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))
    """The state of the object, one entry per aspect. `kubectl wait --for=condition=Ready` reads them."""

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, if reported."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


class Status(Observation):
    """The part of a status that all kinds have whose objects become pods."""

    blocked_by: BlockedBy | None = None
    """The root cause, copied from the deepest object that is stuck; absent while nothing is."""
    trace_id: TraceID = ""
    """Id of the newest OpenTelemetry trace of the object, in which its way down to pods can be followed."""
    trace: Trace | None = None
    """The episode that `traceID` stands for."""
