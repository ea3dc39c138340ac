"""Meets generated objects on a cluster: each is created, looked at until it says how it stands, and deleted again."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from e2e.apiserver import ApiServer
from e2e.invariants.history import Violation
from foosets.api.names import SET_NAME, UNBLOCKED_REASONS, Reason
from tests.badinput.foretelling import SHOWN, Foretold, foretold
from tests.badinput.generating import generated
from tests.badinput.judging import POLICY
from tests.badinput.playing import Place
from tests.badinput.rows import Create, Manifest, Remove, about, borne
from tests.badinput.running import Ground, lives, pods_made
from tests.badinput.told import Answer, condition
from tests.badinput.witness import Witness

PATIENCE_SECONDS: Final = 60.0
"""For a condition: whoever waits for a scheduler that does not exist is told so after half a minute."""
GONE_SECONDS: Final = 30.0
"""For what was made of deleted objects to go."""
POLL_SECONDS: Final = 0.2
FIELD: Final = re.compile(r"\b(spec|metadata)[.: \[]")
ABOUT_TEMPLATE: Final = frozenset({Reason.INVALID_POD_TEMPLATE, Reason.UNSUPPORTED_TEMPLATE})
"""Reasons that say that the object is wrong, and thus where."""
REFUSING: Final = ABOUT_TEMPLATE | {Reason.ADMISSION_DENIED}
"""Reasons for which no pod comes of an object."""
READY: Final = "Ready"
REFUSED: Final = "refused"
GATED: Final = "gated"
"""Whoever put the gate there will lift it."""


@dataclass(frozen=True, slots=True)
class Met:
    """How an object was met: the answer to its creation, and, if it was taken, how it stood and how it went."""

    answer: Answer
    found: Manifest | None = None
    removed: Answer | None = None

    @property
    def stands(self) -> str:
        """`refused`, `Ready`, `gated`, or the reason that it is not ready; nothing while it has not said."""
        if not self.answer.taken:
            return REFUSED
        return standing(self.found) if self.found is not None else ""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of objects, by number. `took` are the seconds of the witness's changes, `left` what did not go."""

    met: Mapping[int, Met]
    wrong: Mapping[int, Sequence[str]]
    took: Sequence[float]
    left: Sequence[str]
    broken: Sequence[Violation]
    complaints: Sequence[Mapping[str, Any]]
    restarts: Sequence[str]


def meet(ground: Ground, witness: Witness, numbers: Iterable[int]) -> Meeting:
    """Meet these objects in one namespace."""
    namespace, before = ground.named("generated"), lives(ground.cluster)
    with ApiServer.of(ground.cluster.kubeconfig) as server:
        place = Place(server, namespace)
        place.begin(borne(namespace))
        acts = {str(number): partial(_met, ground, namespace, generated(number)) for number in numbers}
        took, found = ground.beside(witness, acts)
        left = _left(place)
    met = {int(number): one for number, one in found.items()}
    writes = ground.writes()
    made: defaultdict[str, set[str]] = defaultdict(set)
    for one in pods_made(writes.get(namespace, ())):
        pod = one.body["metadata"]
        made[pod["labels"][SET_NAME]].add(pod["ownerReferences"][0]["name"])
    return Meeting(
        met=met,
        wrong={
            number: list(problems(foretold(generated(number)), one, made[f"g-{number}"], guarded=ground.guarded))
            for number, one in met.items()
        },
        took=took,
        left=left,
        broken=ground.broken([namespace], writes)[namespace],
        complaints=ground.complaints(),
        restarts=[name for name, life in lives(ground.cluster).items() if life != before[name]],
    )


def problems(expected: Foretold, met: Met, made: Collection[str], *, guarded: bool) -> Iterator[str]:
    """Yield what is not as it was foretold; `made` are the sets that pods were ever made for, by name."""
    told = expected.told
    if expected.refusals or (expected.faults and guarded):
        yield from _refused_otherwise(expected, met.answer)
        return
    if not met.answer.taken:
        yield f"refused, and nobody knows why: {met.answer.code}, {met.answer.message}"
        return
    if met.removed is None or not met.removed.taken:
        yield f"not deleted: {met.removed}"
    if not met.stands or met.found is None:
        yield f"silent: {json.dumps(met.found)[:2000]}"
        return
    message = condition(met.found, READY)["message"]
    if told is not None and (met.stands != told.reason or told.message[:SHOWN] not in message):
        yield f"not {told.reason}, {told.message}: {met.stands}, {message}"
    if told is None and met.stands == Reason.UNSUPPORTED_TEMPLATE:
        yield f"unsupported, and no rule says so: {message}"
    if met.stands in ABOUT_TEMPLATE and not FIELD.search(message):
        yield f"names no field: {message}"
    blamed = met.found["status"].get("blockedBy", {}).get("name")
    if (made and expected.faults) or (blamed in made and met.stands in REFUSING):
        yield f"a pod, and yet: {met.stands}, {message}"


def _refused_otherwise(expected: Foretold, answer: Answer) -> Iterator[str]:
    by_policy = not expected.refusals
    words = [fault.message for fault in expected.faults] if by_policy else expected.refusals
    if answer.code != 422:
        yield f"not refused, or not as invalid: {answer}"
    if by_policy is not (f"{POLICY} 'foosets-templates'" in answer.message):
        yield f"refused by another: {answer.message}"
    if not any(word in answer.message for word in words):
        yield f"none of {words} in: {answer.message}"


def _met(ground: Ground, namespace: str, manifest: Manifest) -> Met:
    """Create an object, see what it comes to, and delete it."""
    with ApiServer.of(ground.cluster.kubeconfig) as server:
        place = Place(server, namespace)
        (answer,) = place.play(borne("", Create(manifest)))
        if not answer.taken:
            return Met(answer)
        found = _stood(place, manifest)
        (removed,) = place.play(borne("", Remove(*about(manifest))))
        return Met(answer, found, removed)


def _stood(place: Place, manifest: Manifest) -> Manifest | None:
    """The object once it says how it stands, or all there is of it when it does not come to that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = place.get(about(manifest))
        if (found is not None and standing(found)) or time.monotonic() > deadline:
            return found
        time.sleep(POLL_SECONDS)


def standing(found: Manifest) -> str:
    """How an object stands, once that will not change by itself."""
    ready = condition(found, READY)
    if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
        return ""
    if ready["status"] == "True":
        return READY
    if ready["reason"] == Reason.PLACING and "schedulingGates" in json.dumps(found["spec"]):
        return GATED
    return "" if ready["reason"] in UNBLOCKED_REASONS else ready["reason"]


def _left(place: Place) -> list[str]:
    """What is still there of sets that were deleted, when it has had time to go."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := [*place.sets(), *place.pods()]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return [one["metadata"]["name"] for one in left]
