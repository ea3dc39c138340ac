"""What a played story came to, without what differs from order to order: times, ids, and who took which node."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from e2e.invariants.cost import Summary, summary
from e2e.invariants.history import phase_of
from foosets.api.meta import BATCHFOOSETS, FOOSETS, PODS, SERVICEFOOSETS
from foosets.api.names import ATTEMPT, CHILD, INDEX
from tests.sequences.cell import Played

LEFT_OUT: Final = frozenset({"conditions", "trace", "traceID", "selector", "blockedBy", "attemptsResourceVersion"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Pods by place and phase, sets by name with their statuses, and how much was created and deleted."""

    pods: Counter[tuple[str, ...]]
    sets: dict[str, Any]
    work: Summary

    @classmethod
    def of(cls, played: Played, *, attempts: bool = True) -> "Outcome":
        """Tell the outcome of a story, with the attempts of pods or without."""
        left_out = LEFT_OUT if attempts else LEFT_OUT | {"attempts"}
        place = (CHILD, INDEX, ATTEMPT) if attempts else (CHILD, INDEX)
        kinds = (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS)
        found = [one for kind in kinds for one in played.objects[kind.plural]]
        return cls(
            pods=Counter(_place(pod, place) for pod in played.objects[PODS.plural]),
            sets={one["metadata"]["name"]: _end_of(one, left_out) for one in found},
            work=summary(played.history),
        )


def _place(pod: Any, labels: tuple[str, ...]) -> tuple[str, ...]:
    return (*(pod["metadata"]["labels"][label] for label in labels), phase_of(pod))


def _end_of(resource: Any, left_out: frozenset[str]) -> dict[str, Any]:
    status = resource["status"]
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    told = {key: value for key, value in status.items() if key not in left_out}
    return told | {"conditions": conditions, "blocked": status.get("blockedBy", {}).get("reason", "")}
