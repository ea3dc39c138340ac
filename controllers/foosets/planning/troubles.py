"""What keeps one pod from getting on, in the suite's own reasons."""

from dataclasses import dataclass
from typing import Final

from foosets.api.names import UNASSIGNED_SCHEDULER, Reason
from foosets.api.pod import Pod


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pod's cause: the condition that shows it, and why it is so."""

    pod: str
    condition: str
    reason: Reason
    message: str


WAITING_REASONS: Final = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "CrashLoopBackOff": Reason.CRASH_LOOP,
    "CreateContainerConfigError": Reason.INVALID_POD_TEMPLATE,
}
"""The kubelet's words for a container that waits, as far as they name a cause that stays."""


def trouble_of(pod: Pod) -> Trouble | None:
    """Return what keeps a pod that is not Ready, or None while it is simply on its way."""
    name = pod.metadata.name
    if not pod.spec.node_name:
        return _unbound(pod, name)
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is not None and waiting.reason in WAITING_REASONS:
            return Trouble(name, "Ready", WAITING_REASONS[waiting.reason], waiting.message or waiting.reason)
    return None


def _unbound(pod: Pod, name: str) -> Trouble | None:
    if pod.spec.scheduler_name == UNASSIGNED_SCHEDULER:
        message = "admission has not replaced the placeholder scheduler: is the scheduler-name policy installed?"
        return Trouble(name, "PodScheduled", Reason.SCHEDULER_NOT_ASSIGNED, message)
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return Trouble(name, "PodScheduled", Reason.NO_FIT, scheduled.message)
    return None
