"""I15: what FooQuotas give away is within their limits, once for each set, and nobody has pods that were not given.

What may be above a limit is what was there before it: a limit that was lowered or made later takes nothing away. What
was given in one quota by limits that were is completed in the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise, zip_longest
from typing import Any, Final

from e2e.invariants.fitting import quantity, requests
from e2e.invariants.history import POD, SETS, History, Life, Object, Version, Violation, controller, has_ended, slot_of
from foosets.api.names import SET_UID, Kind

Amounts = Mapping[str, Fraction]

NUMBER: Final = "I15"
_NOTHING: Final = Fraction(0)


def charged_once(history: History) -> Iterator[Violation]:
    """No status names a set twice."""
    for life in history.of_kind(Kind.FOOQUOTA):
        for version in life.versions:
            uids = [entry["uid"] for entry in _reservations(version.object)]
            if len(uids) != len({*uids}):
                yield Violation(NUMBER, str(life), f"names a set twice at version {version.number}")


def within_limits(history: History, lag: float) -> Iterator[Violation]:
    """Nothing is given that was not left, but what the set's pods take already."""
    for life in history.of_kind(Kind.FOOQUOTA):
        for before, after in pairwise(life.versions):
            given = {entry["uid"]: _amounts(entry["requests"]) for entry in _reservations(before.object)}
            for name, over in _exceeded(after.object).items():
                for entry in _reservations(after.object):
                    share, had = _amounts(entry["requests"]).get(name, _NOTHING), given.get(entry["uid"])
                    listed_later = had is not None and name not in had
                    if listed_later or share <= (had or {}).get(name, _NOTHING):
                        continue
                    if had is None and _had_before(history, life, entry["uid"], lag):
                        continue
                    given_elsewhere = _given_elsewhere(history, entry, name, after.number)
                    known_by = (moment - timedelta(seconds=lag) for moment in given_elsewhere)
                    if over <= _lowered(life, after, name, known_by):
                        continue
                    if share > _taken(history, entry["uid"], after, lag).get(name, _NOTHING):
                        evidence = f"gives {entry['name']} {name}={share} at version {after.number}, {over} too much"
                        yield Violation(NUMBER, str(life), evidence)


def covered_pods(history: History, lag: float) -> Iterator[Violation]:
    """No pod is made beyond what its set was given by a quota that had answered, and whose answer could be known.

    Who makes pods knows what a quota said as late as his cache is: what it has taken back since may count.
    """
    for pod in history.of_kind(POD):
        born = pod.versions[0]
        root = _root_at(history, pod, born.number)
        if not root:
            continue  # a pod of a set that is gone is the garbage collector's
        for quota in history.of_kind(Kind.FOOQUOTA):
            known = quota.at(born.number)
            answered = known is not None and _answered_by(quota, born.at - timedelta(seconds=lag))
            if quota.namespace != pod.namespace or known is None or not answered:
                continue
            share = _largest_share(quota, root, born.at - timedelta(seconds=lag), born.number)
            taken = _sum(_beside(history, root, born.number))
            yield from _unaccounted(history, pod, known)
            for name in _amounts(known["spec"]["hard"]):
                if (not share or name in share) and taken.get(name, _NOTHING) > share.get(name, _NOTHING):
                    evidence = f"was made when {name}={taken[name]} of {share.get(name, 0)} was taken by its set"
                    yield Violation(NUMBER, str(pod), f"{evidence} (version {born.number})")


def _unaccounted(history: History, pod: Life, quota: Object) -> Iterator[Violation]:
    """What nobody was given any more is still taken: pods that have not ended are more than a limit that is kept."""
    limits, over = _amounts(quota["spec"]["hard"]), _exceeded(quota)
    states = (life.at(pod.began) for life in history.of_kind(POD) if life.namespace == pod.namespace)
    taken = _sum(state for state in states if state is not None and not has_ended(state) and slot_of(state) is not None)
    for name, limit in limits.items():
        if name not in over and taken.get(name, _NOTHING) > limit:
            yield Violation(
                NUMBER, str(pod), f"was made when pods took {name}={taken[name]}, of {limit} that are reserved"
            )


def nothing_kept(history: History) -> Iterator[Violation]:
    """At rest: what is gone or has ended, pods and all, holds nothing; who else is there was given or told why not."""
    roots = [life for life in history.present(*SETS) if controller(life.last).get("kind") != Kind.FOOSET]
    pods = {_root_of(life) for life in history.present(POD) if not has_ended(life.last)}
    quotas = list(history.present(Kind.FOOQUOTA))
    for quota in quotas:
        for uid in sorted(_given(quota) - {life.uid for life in roots} - pods):
            yield Violation(NUMBER, str(quota), f"holds something for {uid}, of which nothing is left")
    for root in roots:
        limits = [quota for quota in quotas if quota.namespace == root.namespace]
        told = {entry["uid"] for quota in limits for entry in quota.last.get("status", {}).get("queue", ())}
        if _is_over(root, history) and root.uid not in pods:
            if root.uid not in told and any(root.uid in _given(quota) for quota in limits):
                yield Violation(NUMBER, str(root), "has ended, needs nothing more, and still holds something")
        elif root.uid not in told and not all(root.uid in _given(quota) for quota in limits):
            yield Violation(NUMBER, str(root), "was neither given what it asks for nor told why not")


# ---- what objects say


def _reservations(quota: Object) -> list[Any]:
    return quota.get("status", {}).get("reservations", [])


def _is_over(root: Life, history: History) -> bool:
    """Whether a set and all of its children have ended, and nothing is left to be made of its spec."""
    children = [child for child in history.present(*SETS) if controller(child.last).get("uid") == root.uid]
    refined = root.last["kind"] != Kind.FOOSET or _holds(root, "Refined")
    return refined and all(_holds(one, "Complete") or _holds(one, "Failed") for one in (root, *children))


def _holds(life: Life, condition: str) -> bool:
    conditions = life.last.get("status", {}).get("conditions", ())
    return any((one["type"], one["status"]) == (condition, "True") for one in conditions)


def _given(quota: Life) -> set[str]:
    return {entry["uid"] for entry in _reservations(quota.last)}


def _amounts(quantities: Mapping[str, Any]) -> Amounts:
    return {name: quantity(value) for name, value in quantities.items()}


def _share_of(root: str, quota: Object) -> Amounts:
    return next((_amounts(entry["requests"]) for entry in _reservations(quota) if entry["uid"] == root), {})


def _sum(pods: Iterable[Object]) -> Amounts:
    total: dict[str, Fraction] = {}
    for pod in pods:
        for name, value in (*requests(dict(pod)).items(), ("pods", Fraction(1))):
            total[name] = total.get(name, _NOTHING) + value
    return total


def _exceeded(quota: Object) -> Amounts:
    """Return by how much more is given away than the limits allow."""
    entries = [_amounts(entry["requests"]) for entry in _reservations(quota)]
    given = {name: sum((one.get(name, _NOTHING) for one in entries), _NOTHING) for name in quota["spec"]["hard"]}
    limits = _amounts(quota["spec"]["hard"])
    return {name: value - limits[name] for name, value in given.items() if value > limits[name]}


def _root_of(pod: Life) -> str:
    return _label_of_root(pod.last)


def _label_of_root(pod: Object) -> str:
    return pod["metadata"].get("labels", {}).get(SET_UID, "")


def _root_at(history: History, pod: Life, number: int) -> str:
    """Return whose share the pod is charged to at a version: a FooSet that is gone has left its children on their own.

    "" for a pod whose set was gone by then.
    """
    uid = controller(pod.last).get("uid")
    owner = next((life.at(number) for life in history.of_kind(*SETS) if life.uid == uid), None)
    if owner is None:
        return ""
    parent = controller(owner)
    return parent["uid"] if parent.get("kind") == Kind.FOOSET else owner["metadata"]["uid"]


def _largest_share(quota: Life, root: str, since: datetime, number: int) -> Amounts:
    """Return the most that the root was given of each resource from that time until that version."""
    share: dict[str, Fraction] = {}
    for version in _in_force(quota, since, number):
        for name, value in _share_of(root, version.object).items():
            share[name] = max(value, share.get(name, _NOTHING))
    return share


def _in_force(quota: Life, since: datetime, number: int) -> Iterator[Version]:
    """Yield what the quota said from that time until that version."""
    told = [version for version in quota.versions if version.number <= number]
    for version, following in zip_longest(told, told[1:]):
        if following is None or following.at >= since:
            yield version


def _answered_by(quota: Life, moment: datetime) -> bool:
    return any(version.at <= moment and "conditions" in version.object.get("status", {}) for version in quota.versions)


def _beside(history: History, root: str, number: int) -> Iterator[Object]:
    """Yield the pods of the root that had come and not ended at a version, those of children that are gone, too."""
    for life in history.of_kind(POD):
        state = life.at(number)
        if state is None or has_ended(state):
            continue
        left_by = _label_of_root(state) if controller(state) else ""
        if (_root_at(history, life, number) or left_by) == root:
            yield life.versions[0].object


def _had_before(history: History, quota: Life, root: str, lag: float) -> bool:
    """Whether the root had been given something when the quota was made, or before its controller could know of it."""
    known_by = quota.versions[0].at + timedelta(seconds=lag)
    others = (life for life in history.of_kind(Kind.FOOQUOTA) if life.uid != quota.uid)
    states = (version.object for life in others for version in life.versions if version.at <= known_by)
    return any(entry["uid"] == root for state in states for entry in _reservations(state))


def _given_elsewhere(history: History, entry: Any, name: str, number: int) -> Iterator[datetime]:
    """Yield since when each other quota has given the root as much of a resource as this entry says at a version."""
    share = _amounts(entry["requests"])[name]
    for quota in history.of_kind(Kind.FOOQUOTA):
        first: Version | None = None
        for version in quota.versions:
            if version.number < number:
                gives = _share_of(entry["uid"], version.object).get(name, _NOTHING) >= share
                first = (first or version) if gives else None
        if first is not None:
            yield first.at


def _lowered(quota: Life, told: Version, name: str, since: Iterable[datetime]) -> Fraction:
    """Return by how much its limit is lower than it was at one of these times, or later."""
    states = (version.object for moment in since for version in _in_force(quota, moment, told.number))
    limits = [_amounts(state["spec"]["hard"]).get(name, _NOTHING) for state in states]
    return max(limits, default=_NOTHING) - _amounts(told.object["spec"]["hard"])[name]


def _taken(history: History, root: str, told: Version, lag: float) -> Amounts:
    """Return what the root's pods took that had come when a status was written, and were there so shortly before."""
    since = told.at - timedelta(seconds=lag)
    pods = (life for life in history.of_kind(POD) if root in {_root_of(life), controller(life.last).get("uid")})
    there = (life for life in pods if life.ended is None or life.versions[-1].at >= since)
    return _sum(life.versions[0].object for life in there if life.began < told.number)
