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


SCHEDULING_REASONS: Final = {
    "Unschedulable": Reason.NO_FIT,
    "UnsupportedTemplate": Reason.UNSUPPORTED_TEMPLATE,
    "SchedulerError": Reason.SCHEDULER_SILENT,
}
"""Why PodScheduled is False, in schedulers' words. A pod with gates waits for somebody else: that is no refusal."""


def refused_by_scheduler(pod: Pod) -> tuple[Reason, str] | None:
    """Return why its scheduler, ours or another, has not found a node for the pod, or None while it has not said so."""
    scheduled = pod.condition("PodScheduled")
    if scheduled is None or scheduled.status != "False" or scheduled.reason not in SCHEDULING_REASONS:
        return None
    return SCHEDULING_REASONS[scheduled.reason], scheduled.message


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
    refused = refused_by_scheduler(pod)
    return Trouble(name, "PodScheduled", *refused) if refused is not None else None
