"""Every name that other programs may rely on: labels, annotations, reasons, conditions, identities.

These are API. A name is written here once, with a sentence, and nowhere else spelled out.
"""

from enum import StrEnum
from typing import Final, NewType

Uid = NewType("Uid", str)
"""A Kubernetes object's `metadata.uid`."""
NodeName = NewType("NodeName", str)
"""A node's `metadata.name`."""

GROUP: Final = "foo.example.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

# ---- labels of children and pods
SET_NAME: Final = f"{GROUP}/set-name"
"""Name of the root: the FooSet, or the set that has no parent."""
SET_UID: Final = f"{GROUP}/set-uid"
"""Uid of the root; its presence marks an object as ours."""
CHILD: Final = f"{GROUP}/child"
"""The entry's name in the FooSet's `batch` or `service` list; absent without a parent."""
REVISION: Final = f"{GROUP}/revision"
"""Hash of the template that the object was made from."""

# ---- labels of pods only
OWNER_UID: Final = f"{GROUP}/owner-uid"
"""Uid of the BatchFooSet or ServiceFooSet that owns the pod; `status.selector` selects by it."""
INDEX: Final = f"{GROUP}/index"
"""Completion index (batch) or slot (service)."""
ATTEMPT: Final = f"{GROUP}/attempt"
"""How many pods of the same index came before; never falls while the set lives."""
PLACEMENT: Final = f"{GROUP}/placement"
"""Who places the pod: `controller` (nodeName at create) or `scheduler` (a binding)."""
PLACED_BY_CONTROLLER: Final = "controller"
PLACED_BY_SCHEDULER: Final = "scheduler"

# ---- labels of other objects
SCHEDULER_NAME_LABEL: Final = f"{GROUP}/scheduler-name"
"""On a namespace: the scheduler that admission writes instead of the default one."""

# ---- annotations
TRACEPARENT: Final = "tracing.k8s.io/traceparent"
"""W3C trace context of the span that caused the object (KEP-5915's key)."""
SCHEDULER_ASSIGNED_BY: Final = f"{GROUP}/scheduler-assigned-by"
"""Who wrote the pod's `schedulerName`: `policy` or `controller`."""
ASSIGNED_BY_POLICY: Final = "policy"
ASSIGNED_BY_CONTROLLER: Final = "controller"
PARENT_REPLICAS: Final = f"{GROUP}/parent-replicas"
"""On a child: the parent's replicas or parallelism at the parent's last apply."""
ALLOW_CHILD_EDITS: Final = f"{GROUP}/allow-child-edits"
"""On a FooSet, and mirrored to its children: users may edit these. Only the value `true` counts."""
EDITS_ALLOWED: Final = "true"
STAMPS: Final = f"{GROUP}/stamps"
"""Microsecond times of our own acts, one JSON object; Kubernetes' own times are whole seconds."""

# ---- annotations that only simulated nodes read
RUN_SECONDS: Final = f"e2e.{GROUP}/run-seconds"
FATE: Final = f"e2e.{GROUP}/fate"
EXIT_CODE: Final = f"e2e.{GROUP}/exit-code"

# ---- scheduler names
UNASSIGNED_SCHEDULER: Final = "foo-unassigned"
"""Written by the service controller where the user left the scheduler open; admission replaces it."""
DEFAULT_SCHEDULER: Final = "foo-scheduler"

# ---- pod environment
ENV_NAME: Final = "FOOSET_NAME"
ENV_CHILD: Final = "FOOSET_CHILD"
ENV_INDEX: Final = "FOOSET_INDEX"
ENV_ATTEMPT: Final = "FOOSET_ATTEMPT"


class Component(StrEnum):
    """A room of the suite: also its Deployment, ServiceAccount, field manager and trace service."""

    FOOSET = "fooset"
    BATCHFOOSET = "batchfooset"
    SERVICEFOOSET = "servicefooset"
    SCHEDULER = "scheduler"
    FOOQUOTA = "fooquota"


def field_manager(component: Component) -> str:
    """Return the field manager of a component's writes; also its trace `service.name`."""
    return f"foosets-{component}"


class Kind(StrEnum):
    """The kinds of the group that a user meets."""

    FOOSET = "FooSet"
    BATCHFOOSET = "BatchFooSet"
    SERVICEFOOSET = "ServiceFooSet"
    FOOQUOTA = "FooQuota"


class ConditionType(StrEnum):
    """Condition types; page "conditions" of the reference says which kind has which."""

    QUOTA_RESERVED = "QuotaReserved"
    REFINED = "Refined"
    PLACED = "Placed"
    READY = "Ready"
    PROGRESSING = "Progressing"
    COMPLETE = "Complete"
    FAILED = "Failed"
    STALLED = "Stalled"


class Reason(StrEnum):
    """Condition reasons. A reason is a cause, never `Pending`."""

    # nothing is wrong
    REFINING = "Refining"
    PLACING = "Placing"
    PODS_STARTING = "PodsStarting"
    AVAILABLE = "Available"
    COMPLETED = "Completed"
    # something blocks
    QUOTA_EXCEEDED = "QuotaExceeded"
    NO_FIT = "NoFit"
    ADMISSION_DENIED = "AdmissionDenied"
    SERVER_FAULT = "ServerFault"
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    UNSUPPORTED_TEMPLATE = "UnsupportedTemplate"
    NAME_COLLISION = "NameCollision"
    KUBELET_REJECTED = "KubeletRejected"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASH_LOOP = "CrashLoop"
    SCHEDULER_NOT_ASSIGNED = "SchedulerNotAssigned"
    SCHEDULER_SILENT = "SchedulerSilent"
    CONTROLLER_SILENT = "ControllerSilent"
    # the end
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    CHILD_FAILED = "ChildFailed"


UNBLOCKED_REASONS: Final = frozenset(
    {Reason.REFINING, Reason.PLACING, Reason.PODS_STARTING, Reason.AVAILABLE, Reason.COMPLETED}
)
"""Reasons that say where the work stands, not what keeps it."""
