"""Who was late, by what he had been told when he made a pod."""

from typing import Final

from foosets.api import names
from foosets.api.meta import FOOQUOTAS, SERVICEFOOSETS
from foosets.api.names import Kind
from tests.builders import Raw, controlled_by
from tests.invariants.recording import SERVICE, Recording, a_set, pod
from tests.sequences.component import Arrival
from tests.sequences.lateness import explains

READY: Final = [{"type": "Ready", "status": "True"}]


def quota(*entries: Raw) -> Raw:
    """A quota of two CPUs, and who has what of it."""
    meta = {"name": "team", "namespace": "ns", "uid": "uid-team", "generation": 1}
    told = {"observedGeneration": 1, "conditions": READY, "reservations": list(entries)}
    return {"kind": Kind.FOOQUOTA, "metadata": meta, "spec": {"hard": {"cpu": "2"}}, "status": told}


def holds(count: int, name: str = "web", root: str = "") -> Raw:
    """So many pods of one CPU for a set, by its root's reservation."""
    root = root or name
    children = [{"name": name, "count": count}]
    return {"uid": f"uid-{root}", "name": root, "requests": {"cpu": str(count)}, "children": children}


def service(name: str = "web", **meta: object) -> Raw:
    found = a_set(Kind.SERVICEFOOSET, name, {"replicas": 2})
    return {**found, "metadata": found["metadata"] | meta}


def one(index: int, owner: str = "web") -> Raw:
    found = pod(index, of=Kind.SERVICEFOOSET, name=f"{owner}-{index}")
    found["metadata"]["ownerReferences"] = controlled_by(Kind.SERVICEFOOSET, owner)
    found["metadata"]["labels"] = {names.INDEX: str(index), names.OWNER_UID: f"uid-{owner}"}
    return found


def explained(*happened: Raw, told: int) -> bool:
    """Whether lateness explains what happened, one after the other, to who had been told of the first so many."""
    recording = Recording()
    for raw in happened:
        recording.put(raw)
    assert "I15" in recording.broken(at_rest=False)
    resources = (FOOQUOTAS.plural, SERVICEFOOSETS.plural)
    versions = [version for lives in recording.history.lives.values() for life in lives for version in life.versions]
    heard = [version for version in versions if version.number <= told]
    arrivals = [Arrival(version.at, resource, version.number) for version in heard for resource in resources]
    return explains(recording.history, {SERVICE: arrivals}, 0.0)


SHRUNK: Final = (service(), quota(holds(2)), one(0), quota(holds(1)), one(1))


def test_a_count_that_had_been_taken_back_behind_his_back_explains_a_pod() -> None:
    assert explained(*SHRUNK, told=3)


def test_one_who_had_been_told_is_not_excused() -> None:
    assert not explained(*SHRUNK, told=4)


def test_one_who_was_late_for_something_else_is_not_excused() -> None:
    assert not explained(service(), quota(holds(1)), one(0), quota(holds(1)), one(1), told=3)


def test_pods_that_came_late_explain_one_beside_them() -> None:
    shifted = quota(holds(1), holds(1, "api"))
    happened = (service(), service("api"), quota(holds(2)), one(0), shifted, one(1), one(0, "api"))
    assert explained(*happened, told=4)
    assert not explained(*happened, told=5)


def test_a_set_that_was_left_behind_meanwhile_explains_a_pod() -> None:
    child = service(ownerReferences=controlled_by(Kind.FOOSET, "demo"))
    happened = (child, quota(holds(1, root="demo")), service(), one(0))
    assert explained(*happened, told=2)
    assert not explained(*happened, told=3)
