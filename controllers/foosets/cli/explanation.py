"""Objects in, explanation out: where what was asked about stands, what keeps it, and what to do next."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Final

from foosets.api.fooquota import FooQuota
from foosets.api.names import DEFAULT_SCHEDULER, UNBLOCKED_REASONS, ConditionType, Reason
from foosets.api.pod import Pod
from foosets.api.status import UNOBSERVED, BlockedBy
from foosets.cli import advice
from foosets.cli.advice import Advice, Step
from foosets.cli.descent import Controlled, Descent, Object, Set, is_true, kind_of, lagging
from foosets.cli.levels import ERROR, TERMINATING, Level, how_it_ended, level_of, trouble_with, unready_since
from foosets.cli.steps import Place, facts_of, filled
from foosets.planning.kubelets import rejected


class State(StrEnum):
    """Where an object stands."""

    READY = "Ready"
    COMPLETE = "Complete"
    PROGRESSING = "Progressing"
    BLOCKED = "Blocked"
    FAILED = "Failed"


STUCK: Final = frozenset({State.BLOCKED, State.FAILED})
"""States that do not pass by themselves, or that wait for somebody else."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The root cause: which object is stuck, the condition that says so, why and since when."""

    kind: str
    name: str
    condition: str
    reason: str
    message: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to `kubectl foo why`.

    `levels` lead from the root to what is stuck, or to what is being waited for; there is a cause if the state is
    Blocked or Failed.
    """

    kind: str
    name: str
    namespace: str
    state: State
    levels: tuple[Level, ...]
    cause: Cause | None
    meaning: str
    steps: tuple[Step, ...]
    trace_id: str


def explain(descent: Descent, place: Place, now: datetime) -> Explanation:
    """Explain what was asked about; `place` is what the commands must say to find it."""
    subject = descent.subject
    levels = tuple(level_of(one, now) for one in descent.objects)
    cause = _cause(descent, now)
    state = _state(subject, cause)
    words = _advice(descent, state, cause, levels[-1])
    stuck = cause or levels[-1]
    steps = (*_elsewhere(descent, state), *words.steps)
    return Explanation(
        kind=kind_of(subject),
        name=subject.metadata.name,
        namespace=place.namespace,
        state=state,
        levels=levels,
        cause=cause,
        meaning=words.meaning,
        steps=filled(steps, facts_of(descent, stuck.kind, stuck.name, stuck.message), place),
        trace_id=descent.sets[-1].status.trace_id if descent.sets else "",
    )


# ---- the cause


def _cause(descent: Descent, now: datetime) -> Cause | None:
    """Return the first controller on the way down that is silent, or else what the deepest object says.

    What lies under an object that its controller has not looked at follows an older spec. A set that is to go says no
    more what keeps it, for its controller has ended its work, and what lies under it goes, too.
    """
    staying = tuple(takewhile(lambda one: not _goes(one), descent.below))
    silent = next(lagging(staying), None)
    if silent is not None:
        return _silence(silent, _claims(descent.objects, silent.metadata.name, Reason.CONTROLLER_SILENT))
    found = (_own_cause(one, descent, now) for one in reversed(staying))
    return next((cause for cause in found if cause is not None), None)


def _goes(one: Object) -> bool:
    """Whether it is a set that somebody has asked to go."""
    return not isinstance(one, FooQuota | Pod) and one.terminating


def _own_cause(one: Object, descent: Descent, now: datetime) -> Cause | None:
    match one:
        case Pod():
            return _cause_of_pod(one, descent, now)
        case FooQuota():
            return _cause_of_quota(one) if one is descent.subject else None
        case _:
            return _cause_of_set(one)


def _cause_of_set(one: Set) -> Cause | None:
    """Return what its status blames; a set that failed and blames nothing says so itself."""
    blamed = one.status.blocked_by
    if blamed is not None:
        return Cause(blamed.kind, blamed.name, blamed.condition, blamed.reason, blamed.message, blamed.since)
    end = one.status.condition(ConditionType.FAILED)
    if end is None or end.status != "True":
        return None
    return Cause(kind_of(one), one.metadata.name, end.type, end.reason, end.message, end.last_transition_time)


def _cause_of_pod(pod: Pod, descent: Descent, now: datetime) -> Cause | None:
    """Return what keeps the pod now. Where a status blames it for just that, its words count the others, too."""
    trouble = trouble_with(pod, now)
    if trouble is not None:
        claim = next(_claims(descent.below, trouble.pod, trouble.reason), None)
        message, since = (claim.message, claim.since) if claim else (trouble.message, unready_since(pod))
        return Cause("Pod", trouble.pod, trouble.condition, trouble.reason, message, since)
    if pod is not descent.subject or pod.status.phase != "Failed":
        return None
    return Cause("Pod", pod.metadata.name, "Ready", pod.status.reason or ERROR, how_it_ended(pod), unready_since(pod))


def _cause_of_quota(quota: FooQuota) -> Cause | None:
    """Return what the first set that waits for it lacks."""
    first = next((one for one in quota.status.queue if one.reason not in UNBLOCKED_REASONS), None)
    if first is None:
        return None
    return Cause(first.kind, first.name, ConditionType.QUOTA_RESERVED, first.reason, first.message, first.since)


def _silence(one: Controlled, claims: Iterable[BlockedBy]) -> Cause:
    """Return the cause that is a controller which has not looked. Since when is known if it never has, or was said."""
    kind, name = kind_of(one), one.metadata.name
    seen, wanted = one.status.observed_generation, one.metadata.generation
    since = next((claim.since for claim in claims), None)
    if seen == UNOBSERVED:
        message, since = f"the {kind.lower()} controller has not looked at it yet", one.metadata.creation_timestamp
    else:
        message = f"the {kind.lower()} controller has acted on generation {seen}, and not on {wanted}"
    return Cause(kind, name, ConditionType.READY, Reason.CONTROLLER_SILENT, message, since)


def _claims(objects: Iterable[Object], name: str, reason: str) -> Iterator[BlockedBy]:
    """Yield what the statuses of sets say of one object and one reason."""
    for one in objects:
        blamed = None if isinstance(one, FooQuota | Pod) else one.status.blocked_by
        if blamed is not None and (blamed.name, blamed.reason) == (name, reason):
            yield blamed


# ---- the state, and what to make of it


def _state(subject: Object, cause: Cause | None) -> State:
    if _goes(subject):
        return State.PROGRESSING
    if _failed(subject):
        return State.FAILED
    if cause is not None:
        return State.BLOCKED
    match subject:
        case FooQuota():
            return State.READY
        case Pod():
            ended, ready = subject.terminal, subject.ready
        case _:
            ended, ready = is_true(subject, ConditionType.COMPLETE), is_true(subject, ConditionType.READY)
    return State.COMPLETE if ended else State.READY if ready else State.PROGRESSING


def _failed(subject: Object) -> bool:
    match subject:
        case FooQuota():
            return False
        case Pod():
            return subject.status.phase == "Failed" and not rejected(subject)
        case _:
            return is_true(subject, ConditionType.FAILED)


def _advice(descent: Descent, state: State, cause: Cause | None, deepest: Level) -> Advice:
    """Return the words for the cause, or for what is being waited for."""
    subject = descent.subject
    if isinstance(subject, Pod) and state is State.FAILED:
        return advice.POD_FAILED
    if isinstance(subject, FooQuota) and cause is None:
        return advice.FOOQUOTA_UNCLAIMED
    if cause is not None and (cause.condition, cause.reason) == (ConditionType.QUOTA_RESERVED, Reason.QUOTA_EXCEEDED):
        return advice.FOOQUOTA
    if cause is not None and cause.reason == Reason.SCHEDULER_SILENT and _waits_for_another(descent):
        return advice.OTHER_SCHEDULER_SILENT
    if cause is None and (deepest.reason == TERMINATING or any(map(_goes, descent.below))):
        return advice.BEING_DELETED
    return advice.ADVICE.get(deepest.reason if cause is None else cause.reason, advice.UNKNOWN)


def _waits_for_another(descent: Descent) -> bool:
    """Whether the pod names another scheduler than the suite's, as far as its default name tells."""
    last = descent.objects[-1]
    return isinstance(last, Pod) and last.spec.scheduler_name != DEFAULT_SCHEDULER


def _elsewhere(descent: Descent, state: State) -> tuple[Step, ...]:
    """Return where to ask next when nothing keeps what was asked about, but something keeps the root."""
    root = descent.objects[0]
    kept = descent.asked > 0 and not isinstance(root, FooQuota | Pod) and root.status.blocked_by is not None
    return (advice.ASK_THE_ROOT,) if kept and state not in STUCK else ()
