"""What to do about one pod.

Example: a pod asks for 8 CPUs and no node has them. The plan wants a node for it, and the shell finds none: that is an
obstacle, and the plan is completed with a write of the pod's condition PodScheduled that says so. The pod is left alone
until an event makes room, or a minute has passed; then a look wants a node again. What it finds is written only if it
differs from what the pod says already.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from msgspec import to_builtins

from foosets.api.names import STAMPS, NodeName, Reason
from foosets.api.pod import Condition, Pod
from foosets.placement.decisions import Stage
from foosets.planning import rules
from foosets.planning.actions import Bind, Plan, SetPodCondition
from foosets.planning.obstacles import Obstacle, held_back
from foosets.planning.setspans import microseconds
from foosets.planning.stamps import Stamps, format_second
from foosets.scheduler.spans import bound_spans, refused_span
from foosets.scheduler.state import Observed, Waiting

RETRY_SECONDS: Final = 60.0
"""How long to wait for an event that removes an obstacle before looking again all the same."""
TELL_SECONDS: Final = 1.0
"""Between two writes of one pod's condition."""
SETTLE_SECONDS: Final = 5.0
"""How often to look whether nothing is left to do or to remember for a pod that does not wait any more."""

POD_SCHEDULED: Final = "PodScheduled"
UNSCHEDULABLE: Final = "Unschedulable"
"""Kubernetes' reason for a pod that fits nowhere: autoscalers answer it with a node."""
SCHEDULER_ERROR: Final = "SchedulerError"
"""Kubernetes' reason for a pod that fits and yet could not be bound."""
_WORDS: Final = {Reason.NO_FIT: UNSCHEDULABLE, Reason.UNSUPPORTED_TEMPLATE: Reason.UNSUPPORTED_TEMPLATE.value}


@dataclass(frozen=True, slots=True)
class PodPlan:
    """A plan whose `wanted` pod, if there is one, still needs a node."""

    plan: Plan
    wanted: Waiting | None = None


def plan(seen: Observed, now: datetime) -> PodPlan:
    """Return what to do."""
    spans = bound_spans(seen.bound) if seen.bound is not None else ()
    waiting = seen.waiting
    if waiting is None:
        return PodPlan(Plan(spans=spans, wake_after=SETTLE_SECONDS))
    if not _may_be_bound(waiting):
        return PodPlan(Plan(spans=spans))
    refused, due_in = refused_span(waiting, now)
    planned = Plan(spans=spans + refused, wake_after=due_in)
    if waiting.obstacle is not None and held_back(waiting.obstacle, now) is not None:
        return PodPlan(held(planned, waiting, waiting.obstacle, now))
    fault = rules.unsupported_by_our_placers(to_builtins(waiting.pod.spec))
    if fault is not None:
        obstacle = obstacle_of(fault.reason, fault.message, now)
        return PodPlan(held(planned, waiting, obstacle, now))
    return PodPlan(planned, wanted=waiting)


def binding(pod: Pod, node: NodeName, stamps: Stamps | None) -> Bind:
    """Return the action that gives a pod its node, and its stamps where it is traced."""
    annotations = {STAMPS: stamps.render()} if stamps is not None else {}
    return Bind(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid, node, annotations)


def obstacle_of(reason: Reason, message: str, now: datetime) -> Obstacle:
    """Return what keeps a pod, to be looked at again when its time is over."""
    at = now.timestamp()
    return Obstacle(reason, message, at, at + RETRY_SECONDS)


def held(planned: Plan, waiting: Waiting, obstacle: Obstacle, now: datetime) -> Plan:
    """Complete the plan of a pod that an obstacle keeps: its condition says so, and it is looked at again."""
    told, due_in = _tell(waiting, obstacle, now)
    waits = (planned.wake_after, due_in, held_back(obstacle, now))
    wake_after = min((seconds for seconds in waits if seconds is not None), default=None)
    return replace(planned, actions=told, obstacle=obstacle, wake_after=wake_after)


def _may_be_bound(waiting: Waiting) -> bool:
    """Whether the pod wants a node, and none was given to it that we know of."""
    pod = waiting.pod
    undecided = waiting.stage in {Stage.UNDECIDED, Stage.UNANSWERED}
    return undecided and not (pod.terminating or pod.terminal or pod.spec.scheduling_gates)


def _tell(waiting: Waiting, obstacle: Obstacle, now: datetime) -> tuple[tuple[SetPodCondition, ...], float | None]:
    """Return the write of the pod's condition, if it says something else, or in how many seconds to write it.

    The transition time stays while the pod waits, as API conventions ask.
    """
    meta, stored = waiting.pod.metadata, waiting.pod.condition(POD_SCHEDULED)
    since = stored.last_transition_time if stored is not None and stored.status == "False" else None
    wanted = Condition(
        type=POD_SCHEDULED,
        status="False",
        reason=_WORDS.get(obstacle.reason, SCHEDULER_ERROR),
        message=obstacle.message,
        last_transition_time=since or format_second(microseconds(now)),
    )
    due_in = waiting.told_at + TELL_SECONDS - now.timestamp()
    if stored == wanted:
        return (), None
    if due_in > 0:
        return (), due_in
    return (SetPodCondition(meta.namespace, meta.name, meta.uid, wanted),), None
