"""I10: status is honest. It may be late; it never goes back, and it never tells of more than there was."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from e2e.invariants.existence import completed, indexes_in
from e2e.invariants.history import (
    POD_OWNERS,
    History,
    Life,
    Object,
    Violation,
    has_ended,
    is_leaving,
    is_ready,
    is_true,
    phase_of,
    slot_of,
)
from foosets.api.names import ConditionType, Kind

COUNTERS: Final = ("failed", "placementConflicts")
ENDS: Final = (ConditionType.COMPLETE, ConditionType.FAILED)


def never_back(history: History) -> Iterator[Violation]:
    """I10: what status counts only grows, and an end is an end."""
    for life in history.of_kind(*Kind):
        for old, new in pairwise(life.versions):
            for what, before, after in _fallen(old.object, new.object):
                yield Violation("I10", str(life), f"{what} went from {before} to {after} with version {new.number}")


def nothing_invented(history: History) -> Iterator[Violation]:
    """I10: no generation that never was, no failure or completion without its pod."""
    for life in history.of_kind(*Kind):
        for version in life.versions:
            generation = version.object["metadata"].get("generation", 0)
            observed = _status(version.object).get("observedGeneration", -1)
            if observed > generation:
                yield Violation("I10", str(life), f"observedGeneration {observed} is ahead of generation {generation}")
    for life in history.of_kind(*POD_OWNERS):
        yield from _uncovered(history, life)


def counts_at_rest(history: History) -> Iterator[Violation]:
    """I10, at rest: the counts of pods are those of the pods that are there."""
    for life in history.present(*POD_OWNERS):
        pods = [pod.last for pod in history.pods_of(life.uid) if pod.ended is None]
        active = [pod for pod in pods if not has_ended(pod) and not is_leaving(pod)]
        names = ("active", "ready") if life.kind == Kind.BATCHFOOSET else ("replicas", "readyReplicas")
        told = tuple(_status(life.last).get(name, 0) for name in names)
        there = (len(active), sum(map(is_ready, active)))
        if told != there and not is_leaving(life.last):
            yield Violation("I10", str(life), f"{' and '.join(names)} are told as {told} and are {there}")


def _fallen(old: Object, new: Object) -> Iterator[tuple[str, Any, Any]]:
    """Yield what went back from one version to the next, with both values."""
    before, after = _status(old), _status(new)
    for name in ("observedGeneration", *COUNTERS):
        if after.get(name, -1) < before.get(name, -1):
            yield name, before[name], after.get(name)
    if lost := completed(old) - completed(new):
        yield "completedIndexes", sorted(lost), "nothing"
    attempts = _attempts(after)
    for index, attempt in _attempts(before).items():
        if attempts.get(index, 0) < attempt:
            yield f"the attempt of index {index}", attempt, attempts.get(index, 0)
    for kind in ENDS:
        if is_true(old, kind) and not is_true(new, kind):
            yield kind, "True", "not True"


def _uncovered(history: History, owner: Life) -> Iterator[Violation]:
    """Yield the first count of a set that is higher than its pods can account for."""
    pods = list(history.pods_of(owner.uid))
    failed, succeeded = _firsts(pods, "Failed"), _firsts(pods, "Succeeded")
    for version in owner.versions:
        status, number = _status(version.object), version.number
        told = status.get("failed", 0) + status.get("placementConflicts", 0)
        had = sum(first < number for first, _ in failed)
        if told > had:
            yield Violation("I10", str(owner), f"{told} pods are told to have failed at {number}, and {had} had")
            return
        done = {index for first, index in succeeded if first < number}
        if invented := completed(version.object) - done:
            yield Violation("I10", str(owner), f"{sorted(invented)} are told to be done at {number}")
            return


def _firsts(pods: list[Life], phase: str) -> list[tuple[int, int]]:
    """Return for every pod that ever was in a phase the version at which it first was, and its index."""
    firsts: list[tuple[int, int]] = []
    for pod in pods:
        slot = slot_of(pod.last)
        first = next((version.number for version in pod.versions if phase_of(version.object) == phase), None)
        if first is not None and slot is not None:
            firsts.append((first, slot.index))
    return firsts


def _attempts(status: Object) -> dict[int, int]:
    groups = status.get("attempts", ())
    return {index: group["attempt"] for group in groups for index in indexes_in(group["indexes"])}


def _status(one: Object) -> Object:
    return one.get("status", {})
