"""One object as one line: whether it is ready, why, and since when; a pod in the suite's own reasons."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from foosets.api.fooquota import FooQuota
from foosets.api.names import ConditionType, Reason
from foosets.api.pod import Pod
from foosets.cli.descent import Object, Set, kind_of, lagging
from foosets.planning.kubelets import rejected
from foosets.planning.silence import silence_of, silent_from
from foosets.planning.stamps import SECOND, parse_time
from foosets.planning.troubles import Trouble, trouble_of

TERMINATING: Final = "Terminating"
"""What kubectl says of an object that somebody has asked to go."""
ERROR: Final = "Error"
"""What kubectl says of a pod whose container has failed."""


@dataclass(frozen=True, slots=True)
class Level:
    """An object as it is now. `ready` is the status of its condition, or empty where its kind has none."""

    kind: str
    name: str
    ready: str
    reason: str
    message: str
    since: datetime | None


def level_of(one: Object, now: datetime) -> Level:
    """Return the line of an object."""
    match one:
        case Pod():
            return _level_of_pod(one, now)
        case FooQuota():
            waiting = one.status.waiting
            reason = Reason.QUOTA_EXCEEDED if waiting else Reason.AVAILABLE
            return _level(one, "", reason, f"sets that wait: {waiting}", None)
        case _:
            return _level_of_set(one)


def _level(one: Object, ready: str, reason: str, message: str, since: datetime | None) -> Level:
    reason = Reason.CONTROLLER_SILENT if any(lagging([one])) else reason
    return Level(kind_of(one), one.metadata.name, ready, TERMINATING if one.terminating else reason, message, since)


def _level_of_set(one: Set) -> Level:
    ready = one.status.condition(ConditionType.READY)
    if ready is None:
        return _level(one, "Unknown", Reason.CONTROLLER_SILENT, "", one.metadata.creation_timestamp)
    return _level(one, ready.status, ready.reason, ready.message, ready.last_transition_time)


def _level_of_pod(pod: Pod, now: datetime) -> Level:
    ready = pod.condition("Ready")
    reason, message = _standing(pod, now)
    return _level(pod, ready.status if ready is not None else "False", reason, message, unready_since(pod))


def _standing(pod: Pod, now: datetime) -> tuple[str, str]:
    """Return where a pod stands, and what is said of that."""
    trouble = trouble_with(pod, now)
    if trouble is not None:
        return trouble.reason, trouble.message
    if pod.terminal:
        return (
            (Reason.COMPLETED, "")
            if pod.status.phase == "Succeeded"
            else (pod.status.reason or ERROR, how_it_ended(pod))
        )
    if pod.ready:
        return Reason.AVAILABLE, ""
    return (Reason.PODS_STARTING, _waits_for(pod)) if pod.spec.node_name else (Reason.PLACING, "")


def trouble_with(pod: Pod, now: datetime) -> Trouble | None:
    """Return what keeps a pod, as the controllers tell it, or None: it runs, has ended, or is on its way."""
    if rejected(pod):
        said = f"node {pod.spec.node_name} rejected it, {pod.status.reason}: {pod.status.message}"
        return Trouble(pod.metadata.name, "Ready", Reason.KUBELET_REJECTED, said)
    if pod.ready or pod.terminal or pod.terminating:
        return None
    silent = silent_from(pod)
    if silent is not None and silent <= now.timestamp() * SECOND:
        return silence_of(pod)
    return trouble_of(pod)


def unready_since(pod: Pod) -> datetime | None:
    """Return since when the pod has been as ready as it is; before a kubelet has said so, since it was created."""
    ready = pod.condition("Ready") or pod.condition("PodScheduled")
    at = parse_time(ready.last_transition_time if ready is not None else None)
    at = parse_time(pod.metadata.creation_timestamp) if at is None else at
    return None if at is None else datetime.fromtimestamp(at / SECOND, UTC)


def how_it_ended(pod: Pod) -> str:
    """Return what is said of a pod that failed: its own message, or the exit codes of its containers."""
    ends = [
        f"container {container.name} ended with {container.state.terminated.exit_code}"
        for container in (*pod.status.init_container_statuses, *pod.status.container_statuses)
        if container.state.terminated is not None and container.state.terminated.exit_code
    ]
    return pod.status.message or ", ".join(ends)


def _waits_for(pod: Pod) -> str:
    """Return what its kubelet says of a pod that is not Ready: of its first container that waits, or of all."""
    for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = container.state.waiting
        if waiting is not None:
            return f"container {container.name}: {waiting.message or waiting.reason}"
    ready = pod.condition("Ready")
    return ready.message if ready is not None else ""
