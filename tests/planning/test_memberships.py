from typing import Any

import pytest
from msgspec import convert

from foosets.api.meta import Key
from foosets.api.names import INDEX, OWNER_UID, Kind, Uid
from foosets.api.pod import Pod
from foosets.planning.memberships import Memberships
from tests.builders import Raw, controlled_by, pod, raw_pod

OWNER = Uid("uid-work")
T = 1_000_000


def test_a_pod_belongs_to_the_set_that_controls_it_and_that_its_label_names() -> None:
    memberships = Memberships(Kind.BATCHFOOSET)
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
    memberships = Memberships(Kind.BATCHFOOSET)
    assert memberships.observe(None, stranger(**meta), None) is None
    assert not memberships.of(OWNER)


@pytest.mark.parametrize("meta", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_pod_that_is_taken_from_its_set_is_gone_for_it(meta: dict[str, Any]) -> None:
    memberships = Memberships(Kind.BATCHFOOSET)
    memberships.observe(None, pod(0), None)
    assert memberships.observe(pod(0), stranger(**meta), T) == Key("ns", "work")
    assert not memberships.of(OWNER)


def test_nothing_is_kept_of_a_set_that_is_gone_with_its_pods() -> None:
    memberships = Memberships(Kind.BATCHFOOSET)
    memberships.observe(None, pod(0, phase="Succeeded"), None)
    memberships.observe(None, pod(1), None)
    memberships.forget(OWNER)
    assert memberships.of(OWNER).active == 1, "its pods are still on their way out"
    memberships.observe(pod(0, phase="Succeeded"), None, T)
    memberships.observe(pod(1), None, T)
    assert not memberships._by_owner
    assert not memberships._gone
