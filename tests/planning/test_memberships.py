from typing import Any

import pytest
from msgspec import convert

from foosets.api.batchfooset import BatchFooSet
from foosets.api.meta import Key
from foosets.api.names import INDEX, OWNER_UID, Kind, Uid
from foosets.api.pod import Pod
from foosets.planning.memberships import Memberships
from tests.builders import Raw, batchfooset, controlled_by, pod, raw_pod

OWNER = Uid("uid-work")
WORK = batchfooset()
T = 1_000_000


def test_a_pod_belongs_to_the_set_that_controls_it_and_that_its_label_names() -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    assert memberships.observe(None, pod(0), None) == Key("ns", "work")
    assert memberships.of(OWNER).active == 1


STRANGERS: dict[str, Raw] = {
    "another kind's": {"ownerReferences": controlled_by("ServiceFooSet", "work")},
    "nobody's": {"ownerReferences": []},
    "another set's by label": {"labels": {OWNER_UID: "other", INDEX: "0"}},
    "without label": {"labels": {INDEX: "0"}},
}


def stranger(**meta: Any) -> Pod:
    raw = raw_pod(0)
    raw["metadata"] |= meta
    return convert(raw, Pod)


@pytest.mark.parametrize("meta", STRANGERS.values(), ids=STRANGERS.keys())
def test_other_pods_concern_nobody(meta: dict[str, Any]) -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    assert memberships.observe(None, stranger(**meta), None) is None
    assert not memberships.of(OWNER)


@pytest.mark.parametrize("meta", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_pod_that_is_taken_from_its_set_is_gone_for_it(meta: dict[str, Any]) -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    memberships.observe(None, pod(0), None)
    assert memberships.observe(pod(0), stranger(**meta), T) == Key("ns", "work")
    assert not memberships.of(OWNER)


def test_nothing_is_kept_of_a_set_that_is_gone_with_its_pods() -> None:
    sets = {WORK.key: WORK}
    memberships = Memberships(Kind.BATCHFOOSET, sets.get)
    memberships.observe(None, pod(0, phase="Succeeded"), None)
    memberships.observe(None, pod(1), None)
    del sets[WORK.key]
    memberships.forget(OWNER)
    assert memberships.of(OWNER).active == 1, "its pods are still on their way out"
    memberships.observe(pod(0, phase="Succeeded"), None, T)
    memberships.observe(pod(1), None, T)
    assert not memberships._by_owner


ABSENT: dict[str, dict[Key, BatchFooSet]] = {
    "gone": {},
    "gone, and another has its name": {WORK.key: batchfooset(uid="another")},
}


@pytest.mark.parametrize("sets", ABSENT.values(), ids=ABSENT.keys())
def test_nothing_is_kept_of_a_set_whose_pods_come_and_go_without_it(sets: dict[Key, BatchFooSet]) -> None:
    """Its own watch is ahead of theirs, or it went while nobody watched."""
    memberships = Memberships(Kind.BATCHFOOSET, sets.get)
    memberships.forget(OWNER)
    memberships.observe(None, pod(0), T)
    assert memberships.of(OWNER).active == 1
    memberships.observe(pod(0), None, T)
    assert not memberships._by_owner


def test_what_ended_stays_remembered_of_a_set_that_is_there_until_it_goes() -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    memberships.observe(None, pod(0, phase="Failed"), T)
    memberships.observe(pod(0, phase="Failed"), None, T)
    assert dict(memberships.of(OWNER).retired) == {0: 0}
    memberships.forget(OWNER)
    assert not memberships._by_owner
