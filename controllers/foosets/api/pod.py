"""Pods as our caches hold them: the fields that are needed, decoded straight into slim rows.

A cluster has many pods, so these are msgspec structs without garbage-collector headers (no row can be part of a
cycle). Times stay strings until somebody needs one. Unknown fields are skipped while decoding.
"""

from typing import Final

from msgspec import Struct, field

from foosets.api.meta import Key
from foosets.api.names import NodeName, Uid


class _Row(Struct, gc=False, rename="camel", omit_defaults=True):
    """Common settings of the rows. `[]` and `{}` as defaults are new for each row, and made without a call."""


class OwnerReference(_Row):
    """Who owns the object."""

    uid: Uid = Uid("")
    kind: str = ""
    name: str = ""
    controller: bool = False


class Metadata(_Row):
    """The part of `metadata` that we read."""

    name: str = ""
    namespace: str = ""
    uid: Uid = Uid("")
    resource_version: str = "0"
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []


class ContainerPort(_Row):
    """A port of a container; only host ports matter to placement."""

    container_port: int = 0
    host_port: int = 0
    host_ip: str = field(default="", name="hostIP")
    protocol: str = "TCP"


class ResourceRequirements(_Row):
    """Requests as written, in Kubernetes' quantity notation."""

    requests: dict[str, str | int | float] = {}


class Container(_Row):
    """A container's claim on its node."""

    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    ports: list[ContainerPort] = []
    restart_policy: str = ""


class Toleration(_Row):
    """What taints a pod bears."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class SelectorRequirement(_Row):
    """One expression of a node selector term."""

    key: str
    operator: str
    values: list[str] = []


class NodeSelectorTerm(_Row):
    """Terms are alternatives; the expressions of a term hold together."""

    match_expressions: list[SelectorRequirement] = []
    match_fields: list[SelectorRequirement] = []


class NodeSelector(_Row):
    """Required node affinity."""

    node_selector_terms: list[NodeSelectorTerm] = []


class NodeAffinity(_Row):
    """Only the required part; preferences do not decide whether a pod may run."""

    required: NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Present(_Row):
    """Something that is there; what it says does not matter here."""


class PodAffinity(_Row):
    """Relations to other pods, which our placers do not honour: only whether there are some."""

    required: list[Present] | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[Present] | None = field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class Affinity(_Row):
    """The part of affinity that our placers honour, and that there is more."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class Volume(_Row):
    """A volume: only whether it needs a claim that a scheduler binds."""

    name: str = ""
    persistent_volume_claim: Present | None = None
    ephemeral: Present | None = None


class PodSpec(_Row):
    """What a pod asks of a node, and where it is."""

    node_name: NodeName = NodeName("")
    scheduler_name: str = ""
    priority: int = 0
    containers: list[Container] = []
    init_containers: list[Container] = []
    overhead: dict[str, str | int | float] = {}
    resources: ResourceRequirements | None = None
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: list[Toleration] = []
    scheduling_gates: list[Present] = []
    volumes: list[Volume] = []
    resource_claims: list[Present] = []
    topology_spread_constraints: list[Present] = []
    scheduling_group: Present | None = None


class Condition(_Row):
    """A pod's condition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class StateDetail(_Row):
    """Why a container waits, or how it ended."""

    reason: str = ""
    message: str = ""
    exit_code: int = 0


class ContainerState(_Row):
    """Exactly one of the three is set."""

    waiting: StateDetail | None = None
    terminated: StateDetail | None = None


class ContainerStatus(_Row):
    """A container's state as its kubelet reports it."""

    name: str = ""
    restart_count: int = 0
    state: ContainerState = field(default_factory=ContainerState)
    ready: bool = False


class PodStatus(_Row):
    """Where a pod's life stands."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


TERMINAL_PHASES: Final = frozenset({"Succeeded", "Failed"})


class Pod(_Row):
    """One pod. Two rows of the same pod are told apart by `metadata.resource_version`."""

    metadata: Metadata = field(default_factory=Metadata)
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner reference that has `controller: true`, if any."""
        for owner in self.metadata.owner_references:  # a plain loop: asked with every event
            if owner.controller:
                return owner
        return None

    @property
    def terminal(self) -> bool:
        """Whether its containers have ended for good; a terminal pod holds nothing of its node."""
        return self.status.phase in TERMINAL_PHASES

    @property
    def terminating(self) -> bool:
        """Whether somebody has asked for its deletion."""
        return bool(self.metadata.deletion_timestamp)

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, if reported."""
        for condition in self.status.conditions:
            if condition.type == kind:
                return condition
        return None

    @property
    def ready(self) -> bool:
        """Whether the pod's Ready condition is True and it is not on its way out."""
        found = self.condition("Ready")
        return found is not None and found.status == "True" and not self.terminating
