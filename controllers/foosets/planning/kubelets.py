"""A kubelet's refusal to run a pod that was given to its node.

The kubelet checks what it is given once more and writes what it will not run as Failed, with one of these reasons. A
container of such a pod never started, so nothing that the pod does is to blame. After a restart a kubelet may refuse
even a pod that ran before; it then drops the containers' statuses, and the pod counts as refused.
"""

from typing import Final

from msgspec import Struct

from foosets.api.names import NodeName
from foosets.api.pod import ContainerStatus, Pod

ADMISSION_REASONS: Final = frozenset(
    {
        "AppArmor",
        "EmptyPodSharedPoolError",
        "Evicted",  # of running pods too, when their node is short of something: those have started containers
        "InitContainerRestartPolicyForbidden",
        "InvalidNodeInfo",
        "NodeAffinity",
        "NodeName",
        "NodePorts",
        "NodeShutdown",
        "PodFeatureUnsupported",
        "PodLevelResourcesNotSupported",
        "PodOSNotSupported",
        "PodOSSelectorNodeLabelDoesNotMatch",
        "SMTAlignmentError",
        "SupplementalGroupsPolicyNotSupported",
        "SysctlForbidden",
        "TaintToleration",
        "TopologyAffinityError",
        "UnexpectedAdmissionError",
        "UnexpectedPredicateFailureType",
        "UnknownReason",
        "VolumeAttachmentLimitExceeded",
    }
)
"""The reasons of the kubelet's admission handlers in Kubernetes 1.37 (`pkg/kubelet/lifecycle` and those who implement
its `PodAdmitHandler`), and of volumes that cannot be attached (`rejectPod` in `pkg/kubelet/kubelet.go`)."""
INSUFFICIENT_PREFIX: Final = "OutOf"
"""With a resource's name: OutOfcpu, OutOfmemory, OutOfpods, OutOfephemeral-storage, OutOfexample.com/gpu."""


class Refusal(Struct, frozen=True, gc=False):
    """What the kubelet of a node said of a pod that it refused."""

    pod: str
    attempt: int
    node: NodeName
    reason: str
    message: str

    @classmethod
    def of(cls, pod: Pod, attempt: int) -> "Refusal":
        """Return what was said of a rejected pod."""
        return cls(pod.metadata.name, attempt, pod.spec.node_name, pod.status.reason, pod.status.message)


def rejected(pod: Pod) -> bool:
    """Whether the pod's kubelet refused to run it, and no container of it ever started."""
    status = pod.status
    if status.phase != "Failed" or not _of_admission(status.reason):
        return False
    return not any(map(_has_started, (*status.init_container_statuses, *status.container_statuses)))


def _of_admission(reason: str) -> bool:
    return reason in ADMISSION_REASONS or reason.startswith(INSUFFICIENT_PREFIX)


def _has_started(container: ContainerStatus) -> bool:
    return container.restart_count > 0 or container.state.terminated is not None
