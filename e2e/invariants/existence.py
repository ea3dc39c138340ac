"""I1, I2, I3: what should be there is, once, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Final

from e2e.invariants.history import (
    POD,
    POD_OWNERS,
    History,
    Life,
    Object,
    Slot,
    Violation,
    controller,
    has_ended,
    is_leaving,
    is_true,
    phase_of,
    slot_of,
)
from foosets.api.names import ConditionType, Kind

PARTS: Final = (("batch", Kind.BATCHFOOSET), ("service", Kind.SERVICEFOOSET))


def nothing_lost(history: History) -> Iterator[Violation]:
    """I1, at rest: every set has its children or pods, unless its status says what keeps them from being made."""
    for life in history.present(Kind.FOOSET):
        if not _is_excused(life.last):
            yield from _lost_children(history, life)
    for life in history.present(*POD_OWNERS):
        if _is_excused(life.last):
            continue
        wanted = _wanted_slots if life.kind == Kind.SERVICEFOOSET else _wanted_indexes
        if missing := wanted(life.last, _pods_there(history, life.uid)):
            yield Violation("I1", str(life), missing)


def nothing_doubled(history: History) -> Iterator[Violation]:
    """I2: when a pod comes, no other holds its index; of a batch, none that succeeded is there either."""
    by_slot: dict[Slot, list[Life]] = {}
    for life in history.of_kind(POD):
        slot = slot_of(life.last)
        if slot is not None:
            by_slot.setdefault(slot, []).append(life)
    for slot, lives in by_slot.items():
        for life in lives:
            for other in (one for one in lives if one.began < life.began):
                before = other.at(life.began)
                if before is not None and _holds(before):
                    evidence = f"index {slot.index} was {other.name}'s, which was {phase_of(before)}"
                    yield Violation("I2", str(life), f"came with version {life.began} while {evidence}")


def no_orphans(history: History) -> Iterator[Violation]:
    """I3, at rest: owners are there, nothing waits for a finalizer, and what is left of a FooSet has its entry."""
    there = {life.uid for life in history.present(*Kind)}
    for life in history.present(POD, *POD_OWNERS):
        owner = controller(life.last)
        if owner.get("kind") in {*Kind} and owner["uid"] not in there:
            yield Violation("I3", str(life), f"its {owner['kind']} {owner['name']} ({owner['uid']}) is gone")
    for life in history.present(*Kind):
        if is_leaving(life.last):
            held = life.last["metadata"].get("finalizers", [])
            yield Violation("I3", str(life), f"is on its way out and stays, with finalizers {held}")


def _is_excused(owner: Object) -> bool:
    """Whether the set is on its way out, or says what keeps it from making its children."""
    blocked = owner.get("status", {}).get("blockedBy", {})
    makes = {ConditionType.PLACED, ConditionType.REFINED, ConditionType.QUOTA_RESERVED}
    return is_leaving(owner) or blocked.get("condition") in makes


def _lost_children(history: History, fooset: Life) -> Iterator[Violation]:
    for part, kind in PARTS:
        wanted = {f"{fooset.name}-{entry['name']}" for entry in fooset.last["spec"].get(part, ())}
        there = {
            life.name
            for life in history.present(kind)
            if controller(life.last).get("uid") == fooset.uid and not is_leaving(life.last)
        }
        if wanted != there:
            yield Violation("I1", str(fooset), f"of {kind} there should be {sorted(wanted)} and are {sorted(there)}")


def _pods_there(history: History, owner: str) -> list[Object]:
    return [life.last for life in history.pods_of(owner) if life.ended is None]


def _indexes(pods: Sequence[Object]) -> list[int]:
    return sorted(slot.index for pod in pods if (slot := slot_of(pod)) is not None)


def _wanted_slots(service: Object, pods: Sequence[Object]) -> str:
    """Return what is wrong with the slots of a service, or nothing."""
    live = _indexes([pod for pod in pods if not has_ended(pod) and not is_leaving(pod)])
    replicas = service["spec"].get("replicas", 1)
    return "" if live == list(range(replicas)) else f"of {replicas} slots these have a pod: {live}"


def _wanted_indexes(batch: Object, pods: Sequence[Object]) -> str:
    """Return what is wrong with the indexes of a batch, or nothing."""
    live = _indexes([pod for pod in pods if not has_ended(pod) and not is_leaving(pod)])
    if is_true(batch, ConditionType.FAILED):
        return f"it has failed, and these run: {live}" if live else ""
    completions = batch["spec"].get("completions", 1)
    done = completed(batch) | {*_indexes([pod for pod in pods if phase_of(pod) == "Succeeded"])}
    open_ones = {*range(completions)} - done
    wanted = min(batch["spec"].get("parallelism", 1), len(open_ones))
    if len(live) == wanted and {*live} <= open_ones:
        return ""
    return f"{len(done)} of {completions} are done, {wanted} should run, and these do: {live}"


def completed(batch: Object) -> set[int]:
    """Return the indexes that status calls completed."""
    return indexes_in(batch.get("status", {}).get("completedIndexes", ""))


def indexes_in(ranges: str) -> set[int]:
    """Return what ranges such as "0,3-7" say."""
    ends = (part.split("-") for part in ranges.split(",") if part)
    return {index for end in ends for index in range(int(end[0]), int(end[-1]) + 1)}


def _holds(pod: Object) -> bool:
    """Whether the pod still stands for its index; a service's pod that ended does not, whatever its phase."""
    if not has_ended(pod):
        return True
    return phase_of(pod) == "Succeeded" and controller(pod)["kind"] == Kind.BATCHFOOSET
