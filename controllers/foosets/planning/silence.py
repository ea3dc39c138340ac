"""A scheduler that says nothing: a pod names it and hears neither a node nor a refusal."""

from typing import Final

from foosets.api.names import UNASSIGNED_SCHEDULER, Reason
from foosets.api.pod import Pod
from foosets.planning.stamps import SECOND, parse_time
from foosets.planning.trace import Microseconds
from foosets.planning.troubles import Trouble

SILENT_AFTER_SECONDS: Final = 15
"""How long a pod waits for a word before its scheduler counts as silent.

A trace that this blocks closes another 30 to 40 s later, so that it is complete within the minute.
"""


def silent_from(pod: Pod) -> Microseconds | None:
    """Return the time from which the pod's scheduler counts as silent; None if it has spoken, or there is none."""
    if pod.spec.node_name or pod.spec.scheduler_name == UNASSIGNED_SCHEDULER or pod.condition("PodScheduled"):
        return None
    created = parse_time(pod.metadata.creation_timestamp)
    return None if created is None else created + SILENT_AFTER_SECONDS * SECOND


def silence_of(pod: Pod) -> Trouble:
    """Return the trouble of a pod whose scheduler is silent."""
    message = f"scheduler {pod.spec.scheduler_name} has neither bound nor refused the pod: is it running?"
    return Trouble.of(pod, "PodScheduled", Reason.SCHEDULER_SILENT, message)
