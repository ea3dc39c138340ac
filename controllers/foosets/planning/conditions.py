"""Conditions: what is wanted of each, turned into what status stores."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from foosets.api.names import ConditionType
from foosets.api.status import Condition


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, and why: a `Reason`, or what a child of a newer version says instead."""

    type: ConditionType
    holds: bool
    reason: str
    message: str = ""


def merged(
    stored: Iterable[Condition], verdicts: Iterable[Verdict], now: datetime, generation: int
) -> tuple[Condition, ...]:
    """Return the verdicts as conditions, in their order.

    A condition keeps its transition time while its status stays, as API conventions ask. Stored conditions that no
    verdict is about are dropped: each status has one writer.
    """
    before = {condition.type: condition for condition in stored}
    return tuple(_condition(verdict, before.get(verdict.type), now, generation) for verdict in verdicts)


def _condition(verdict: Verdict, before: Condition | None, now: datetime, generation: int) -> Condition:
    status = "True" if verdict.holds else "False"
    unchanged = before is not None and before.status == status
    return Condition(
        type=verdict.type,
        status=status,
        reason=verdict.reason,
        message=verdict.message,
        last_transition_time=before.last_transition_time if unchanged and before else whole_second(now),
        observed_generation=generation,
    )


def whole_second(moment: datetime) -> datetime:
    """Return the moment as Kubernetes' times are: without a fraction."""
    return moment.replace(microsecond=0)


def holds(conditions: Iterable[Condition], kind: ConditionType) -> bool:
    """Whether a stored condition is True."""
    return any(condition.type == kind and condition.status == "True" for condition in conditions)


def since(conditions: Iterable[Condition], kind: ConditionType) -> datetime | None:
    """Return since when a stored condition is True, or None while it is not."""
    found = (c.last_transition_time for c in conditions if c.type == kind and c.status == "True")
    return next(found, None)
