"""Whether pods are too many because who made some of them was late: he could not know yet what had been taken back.

That a watch is late is no excuse by itself. A pod was made late if its maker had not been told yet of a newer version
of a FooQuota or of its set, if by what he had been told it was none too many, and if by the newer versions it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from e2e.audit import identity
from e2e.invariants.history import POD, SETS, History, Life, Object, controller, has_ended
from e2e.invariants.reserving import covered_pods
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, SERVICEFOOSETS
from foosets.api.names import Component, Kind
from tests.sequences.component import Arrival

ON_ITS_WAY_SECONDS: Final = 0.05
"""How long before its pod was there a maker may have asked for it: what came meanwhile came too late."""
MAKERS: Final = {
    Kind.BATCHFOOSET: (identity(Component.BATCHFOOSET), BATCHFOOSETS.plural),
    Kind.SERVICEFOOSET: (identity(Component.SERVICEFOOSET), SERVICEFOOSETS.plural),
}
"""Who makes pods of a set of that kind, and what he watches for them."""


def explains(history: History, arrivals: Mapping[str, Sequence[Arrival]], lag: float) -> bool:
    """Whether no pod is one too many beside those that were not made late."""
    on_time = [pod for pod in history.of_kind(POD) if not _late(history, arrivals, pod)]
    return not any(covered_pods(replace(history, lives={**history.lives, POD: on_time}), lag))


def _late(history: History, arrivals: Mapping[str, Sequence[Arrival]], pod: Life) -> bool:
    user, sets = MAKERS[controller(pod.last)["kind"]]
    asked = pod.versions[0].at - timedelta(seconds=ON_ITS_WAY_SECONDS)

    def told(resource: str) -> int:
        found = (one.version for one in arrivals[user] if one.resource == resource and one.at <= asked)
        return min(max(found, default=0), pod.began)

    def now(_resource: str) -> int:
        return pod.began

    return _covered(history, pod, sets, told) and not _covered(history, pod, sets, now)


def _covered(history: History, pod: Life, sets: str, known: Callable[[str], int]) -> bool:
    """Whether the pods that its set had when it was made, itself among them, are as many as is known to be given."""
    uid = controller(pod.last)["uid"]
    owner = next((life.at(known(sets)) for life in history.of_kind(*SETS) if life.uid == uid), None)
    if owner is None:
        return False
    states = (life.at(pod.began) for life in history.pods_of(uid))
    count = sum(1 for state in states if state is not None and not has_ended(state))
    quotas = (life.at(known(FOOQUOTAS.plural)) for life in history.of_kind(Kind.FOOQUOTA))
    return all(count <= _given(quota, owner) for quota in quotas if quota is not None)


def _given(quota: Object, owner: Object) -> int:
    """Return how many pods a quota says that the set may have, as its root's part or as a root."""
    parent, meta = controller(owner), owner["metadata"]
    root = parent["uid"] if parent.get("kind") == Kind.FOOSET else meta["uid"]
    entries = quota.get("status", {}).get("reservations", ())
    children = (child for entry in entries if entry["uid"] == root for child in entry.get("children", ()))
    return next((child["count"] for child in children if child["name"] == meta["name"]), 0)
