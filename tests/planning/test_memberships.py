from typing import Any

import pytest
from msgspec import convert

from foosets.api.batchfooset import BatchFooSet
from foosets.api.meta import BATCHFOOSETS, Key
from foosets.api.names import INDEX, OWNER_UID, SET_UID, Kind
from foosets.api.pod import Pod
from foosets.planning.memberships import Memberships
from foosets.planning.ownership import owner_of
from tests.builders import Raw, batchfooset, controlled_by, derived, pod, raw_pod

WORK = batchfooset()
WORKS = owner_of(BATCHFOOSETS, WORK)
T = 1_000_000


def test_a_pod_belongs_to_the_set_that_controls_it_and_that_its_label_names() -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    assert memberships.observe(None, pod(0), None) == Key("ns", "work")
    assert memberships.of(WORKS).active == 1


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
    assert not memberships.of(WORKS)


@pytest.mark.parametrize("meta", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_pod_that_is_taken_from_its_set_is_gone_for_it(meta: dict[str, Any]) -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    memberships.observe(None, pod(0), None)
    assert memberships.observe(pod(0), stranger(**meta), T) == Key("ns", "work")
    assert not memberships.of(WORKS)


def test_nothing_is_kept_of_a_set_that_is_gone_with_its_pods() -> None:
    sets = {WORK.key: WORK}
    memberships = Memberships(Kind.BATCHFOOSET, sets.get)
    memberships.observe(None, pod(0, phase="Succeeded"), None)
    memberships.observe(None, pod(1), None)
    del sets[WORK.key]
    memberships.forget(WORK)
    assert memberships.of(WORKS).active == 1, "its pods are still on their way out"
    memberships.observe(pod(0, phase="Succeeded"), None, T)
    memberships.observe(pod(1), None, T)
    assert not memberships._by_name


ABSENT: dict[str, dict[Key, BatchFooSet]] = {
    "gone": {},
    "gone, and another has its name": {WORK.key: batchfooset(uid="another")},
}


@pytest.mark.parametrize("sets", ABSENT.values(), ids=ABSENT.keys())
def test_nothing_is_kept_of_a_set_whose_pods_come_and_go_without_it(sets: dict[Key, BatchFooSet]) -> None:
    """Its own watch is ahead of theirs, or it went while nobody watched."""
    memberships = Memberships(Kind.BATCHFOOSET, sets.get)
    memberships.forget(WORK)
    memberships.observe(None, pod(0), T)
    assert memberships.of(WORKS).active == 1
    memberships.observe(pod(0), None, T)
    assert not memberships._by_name


def test_what_ended_stays_remembered_of_a_set_that_is_there_until_it_goes() -> None:
    memberships = Memberships(Kind.BATCHFOOSET, {WORK.key: WORK}.get)
    memberships.observe(None, pod(0, phase="Failed"), T)
    memberships.observe(pod(0, phase="Failed"), None, T)
    assert dict(memberships.of(WORKS).retired) == {0: 0}
    memberships.forget(WORK)
    assert not memberships._by_name


# ---- a set that was made anew under its name


def left(uid: str = "uid-work", *states: Raw, root: str = "uid-demo") -> Memberships:
    """The memberships when the child `work` of FooSet `demo` is there with such a uid, and pods of `uid-work` are."""
    anew = batchfooset(uid=uid, **derived("demo", "work"))
    memberships = Memberships(Kind.BATCHFOOSET, {anew.key: anew}.get)
    for index, state in enumerate(states):
        memberships.observe(None, pod(index, labels={SET_UID: root}, **state), None)
    return memberships


def before(memberships: Memberships, uid: str = "another") -> int:
    return memberships.unfinished_before(owner_of(BATCHFOOSETS, batchfooset(uid=uid, **derived("demo", "work"))))


def test_unfinished_pods_of_one_that_had_the_name_before_are_told_until_they_are_gone() -> None:
    memberships = left("another", {}, {"deleted": True}, {"phase": "Succeeded"})
    assert before(memberships) == 2
    assert memberships.observe(pod(0), None, T) == Key("ns", "work"), "who has the name now is to look again"
    assert before(memberships) == 1
    memberships.observe(pod(1, deleted=True), None, T)
    assert before(memberships) == 0
    memberships.observe(pod(2), None, T)
    assert not memberships._by_name


def test_its_own_pods_are_not_told_and_stay_when_the_last_of_the_others_goes() -> None:
    assert before(left("uid-work", {}, {}), "uid-work") == 0
    memberships, anew = left("another", {}), owner_of(BATCHFOOSETS, batchfooset(uid="another"))
    raw = raw_pod(1, labels={OWNER_UID: "another"})
    raw["metadata"]["ownerReferences"] = controlled_by("BatchFooSet", "work", "another")
    memberships.observe(None, convert(raw, Pod), T)
    memberships.observe(pod(0), None, T)
    assert memberships.of(anew).active == 1
    assert list(memberships._by_name[WORK.key]) == ["another"]


def test_pods_that_another_root_is_charged_with_are_not_told() -> None:
    """A FooSet, or a set without one, that was made anew asks for a reservation of its own."""
    assert before(left("another", {}, {}, root="uid-older-demo")) == 0
    assert left("another", {}, root="uid-work").unfinished_before(WORKS) == 0


def test_there_is_nothing_to_tell_of_a_name_without_pods() -> None:
    assert before(left("another")) == 0
