"""What a run has come to, without what differs from run to run: names of namespaces, uids, times."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from e2e.expected import Object
from e2e.faults.points import Request
from e2e.faults.traffic import Passed
from e2e.sweep.scene import Scene
from foosets.api import names
from foosets.api.meta import EVENTS

FLEETING: Final = frozenset({"conditions", "trace", "traceID", "selector", "blockedBy", "attemptsResourceVersion"})
"""Members of a status that hold times and ids; of the conditions and of the obstacle the reasons are kept."""

Act = tuple[str, str, str]
"""Component, verb and resource."""


@dataclass(frozen=True, slots=True)
class End:
    """The end state."""

    sets: dict[str, Any]
    pods: Counter[tuple[str, ...]]

    @classmethod
    def of(cls, scene: Scene) -> "End":
        """Read the state as it is now."""
        return cls({_title(one): _told(one) for one in scene.sets()}, Counter(map(_pod, scene.pods())))

    def without_attempts(self) -> "End":
        """Return it without the numbers of attempts.

        Whose controller died while a pod went may have its attempt again, since a pod that went unseen was never there
        (docs/decisions/0011-a-pod-that-went-unseen-was-never-there.md).
        """
        sets = {
            name: {key: value for key, value in told.items() if key != "attempts"} for name, told in self.sets.items()
        }
        pods = Counter[tuple[str, ...]]()
        for (child, index, _, *others), count in self.pods.items():
            pods[child, index, "", *others] += count
        return End(sets, pods)

    def differences(self, other: "End") -> list[str]:
        """Return what is other than in `other`, for a person; nothing if they are equal."""
        sets = [
            f"{name}: {self.sets.get(name)} instead of {other.sets.get(name)}"
            for name in sorted({*self.sets, *other.sets})
            if self.sets.get(name) != other.sets.get(name)
        ]
        more, fewer = self.pods - other.pods, other.pods - self.pods
        return [*sets, *(f"pod {one} too many" for one in more), *(f"no pod {one}" for one in fewer)]


@dataclass(frozen=True, slots=True)
class Summary:
    """The writes of a run, counted. Those of status are apart: how many there are depends on how busy a machine is."""

    done: Counter[Act]
    refused: Counter[Act]
    """By the API server."""
    kept_back: Counter[Act]
    statuses: int

    @classmethod
    def of(cls, writes: Iterable[Passed]) -> "Summary":
        """Count the writes, but for Events: one may be lost, and a slow machine shows causes that a quick one skips."""
        done, refused, kept_back = Counter[Act](), Counter[Act](), Counter[Act]()
        statuses = 0
        for one in writes:
            if is_event(act_of(one.request)):
                continue
            if is_status(act_of(one.request)):
                statuses += 1
            elif one.took_effect:
                done[act_of(one.request)] += 1
            else:
                (refused if one.code else kept_back)[act_of(one.request)] += 1
        return cls(done, refused, kept_back, statuses)

    def without_refused(self, kinds: Collection[tuple[str, str]]) -> "Summary":
        """Return it without the refusals of these verbs and resources."""
        refused = Counter({act: count for act, count in self.refused.items() if act[1:] not in kinds})
        return replace(self, refused=refused)


def act_of(request: Request) -> Act:
    """Return the kind of a write."""
    return request.component, str(request.verb), request.resource


def is_status(act: Act) -> bool:
    """Whether a write tells the status of one of our sets."""
    _, _, resource = act
    return resource.endswith("/status") and not resource.startswith("pods")


def is_event(act: Act) -> bool:
    """Whether a write is an Event, which no one waits for."""
    return act[2] == EVENTS.plural


def _title(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def _told(one: Object) -> dict[str, Any]:
    """Return what a set asks for and tells."""
    metadata, status = one["metadata"], one.get("status", {})
    return {
        **{key: value for key, value in status.items() if key not in FLEETING},
        "conditions": {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", [])},
        "blocked": status.get("blockedBy", {}).get("reason"),
        "owned": bool(metadata.get("ownerReferences")),
        "leaving": "deletionTimestamp" in metadata,
        "generation": metadata["generation"],
    }


def _pod(pod: Object) -> tuple[str, ...]:
    metadata = pod["metadata"]
    labels = metadata["labels"]
    told = (labels.get(one, "") for one in (names.CHILD, names.INDEX, names.ATTEMPT, names.REVISION))
    placed = "placed" if pod["spec"].get("nodeName") else "waiting"
    leaving = "leaving" if "deletionTimestamp" in metadata else "staying"
    return *told, pod["status"]["phase"], placed, leaving, f"{len(metadata.get('ownerReferences', []))} owners"
