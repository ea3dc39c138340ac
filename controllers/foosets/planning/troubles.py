"""What keeps one pod from getting on, in the suite's own reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from foosets.api.names import REVISION, UNASSIGNED_SCHEDULER, Reason
from foosets.api.pod import ContainerStatus, Pod
from foosets.planning.stamps import SECOND
from foosets.planning.trace import Microseconds

STEADY_SECONDS: Final = 20
"""For how long a container that kept ending must be well before it counts as having got over it."""
FORGOTTEN_SECONDS: Final = 600
"""After this time a container that was started again is in no crash loop, Ready or not: the kubelet forgets, too."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pod's cause: the condition that shows it, and why it is so.

    `since` is as the API server writes times, and `revision` the template that the pod was made from. It is over
    `until` then, if the pod stays as it is; None is never.
    """

    pod: str
    condition: str
    reason: Reason
    message: str
    since: str = ""
    revision: str = ""
    until: Microseconds | None = None

    @classmethod
    def of(cls, pod: Pod, condition: str, reason: Reason, message: str) -> "Trouble":
        """Return what a condition of the pod shows, or will show once somebody writes it."""
        found = pod.condition(condition)
        since = found.last_transition_time if found is not None else None
        meta = pod.metadata
        return cls(
            meta.name, condition, reason, message, since or meta.creation_timestamp, meta.labels.get(REVISION, "")
        )

    def lasts(self, at: Microseconds) -> bool:
        """Whether it is not over yet."""
        return self.until is None or self.until > at


WAITING_REASONS: Final = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "ImageInspectError": Reason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": Reason.IMAGE_PULL_FAILED,
    "SignatureValidationFailed": Reason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": Reason.INVALID_POD_TEMPLATE,
    "PreCreateHookError": Reason.INVALID_POD_TEMPLATE,
    "CreateContainerError": Reason.INVALID_POD_TEMPLATE,
    "PreStartHookError": Reason.CRASH_LOOP,
    "RunContainerError": Reason.CRASH_LOOP,
    "PostStartHookError": Reason.CRASH_LOOP,
    "CrashLoopBackOff": Reason.CRASH_LOOP,
}
"""The kubelet's words for a container that waits, as far as they name a cause that stays.

They are the errors of an image (`pkg/kubelet/images/types.go` and `cri-api/pkg/errors`), and of making and starting a
container, in the order of these steps (`pkg/kubelet/kuberuntime/kuberuntime_container.go`). What is wrong with a
container that has been made shows at its start, and is tried again with the same pauses as one that ends.
"""


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
    if not pod.spec.node_name:
        return _unbound(pod)
    for status in _containers(pod):
        waiting = status.state.waiting
        if waiting is not None and waiting.reason in WAITING_REASONS:
            return Trouble.of(pod, "Ready", WAITING_REASONS[waiting.reason], waiting.message or waiting.reason)
    return None


def crash_loop_after(before: Trouble | None, pod: Pod, at: Microseconds | None) -> Trouble | None:
    """Return the crash loop that a pod was in before and is not out of, though none of its containers waits now.

    Between two waits a container runs, and is Ready for that long if nothing probes it; and it has ended, for some
    seconds before it is said to wait. So it stays in the loop until it has been well for STEADY_SECONDS. What is never
    Ready is forgotten later. After a restart of this process the loop is seen once a container waits again.
    """
    if before is None or before.reason != Reason.CRASH_LOOP or at is None or not before.lasts(at):
        return None
    started = [one for one in _containers(pod) if one.restart_count or one.state.terminated is not None]
    if not started:
        return None
    if not all(map(_is_well, started)):
        return replace(before, until=at + FORGOTTEN_SECONDS * SECOND)
    steady = at + STEADY_SECONDS * SECOND
    return replace(before, until=steady if before.until is None else min(steady, before.until))


def over_in(troubles: Iterable[Trouble], at: Microseconds) -> float | None:
    """Return the seconds until the first of them is over by itself, or None if none will be."""
    return min(((one.until - at) / SECOND for one in troubles if one.until is not None), default=None)


def _containers(pod: Pod) -> Iterable[ContainerStatus]:
    return (*pod.status.init_container_statuses, *pod.status.container_statuses)


def _is_well(container: ContainerStatus) -> bool:
    """Whether the container is ready, or has done its work."""
    ended = container.state.terminated
    return container.ready if ended is None else ended.exit_code == 0


def _unbound(pod: Pod) -> Trouble | None:
    if pod.spec.scheduler_name == UNASSIGNED_SCHEDULER:
        message = "admission has not replaced the placeholder scheduler: is the scheduler-name policy installed?"
        return Trouble.of(pod, "PodScheduled", Reason.SCHEDULER_NOT_ASSIGNED, message)
    refused = refused_by_scheduler(pod)
    return Trouble.of(pod, "PodScheduled", *refused) if refused is not None else None
