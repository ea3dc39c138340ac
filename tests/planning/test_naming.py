import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.batchfooset import INDEX_LIMIT
from foosets.api.customresource import NAME_MAX
from foosets.api.names import Uid
from foosets.api.servicefooset import REPLICAS_MAX
from foosets.planning.naming import base32_sha256, child_name, pod_name, pod_prefix, uid_hash

HOSTNAME_MAX = 63
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
UIDS = st.uuids().map(lambda uid: Uid(str(uid)))
SET_NAMES = st.from_regex(DNS_LABEL, fullmatch=True).filter(lambda name: len(name) <= NAME_MAX)


@pytest.mark.parametrize(
    ("index", "attempt", "name"),
    [(0, 0, "web-7vsxg-0"), (12, 0, "web-7vsxg-12"), (0, 1, "web-7vsxg-0-1"), (7, 30, "web-7vsxg-7-30")],
)
def test_a_pods_name_is_made_of_owner_hash_index_and_attempt(index: int, attempt: int, name: str) -> None:
    assert pod_name("web-7vsxg-", index, attempt) == name


def test_the_hash_in_a_pods_name_is_five_characters_of_lower_case_base32_of_sha256() -> None:
    uid = Uid("8d3c6f0e-2f43-4c0b-9a51-3f5d8d1c7a10")
    assert base32_sha256(b"") == "4oymiquy7qobjgx36tejs35zeqt24qpemsnzgtfeswmrw6csxbkq"
    assert uid_hash(uid) == base32_sha256(uid.encode())[:5]
    assert pod_prefix("web", uid) == f"web-{uid_hash(uid)}-"


@pytest.mark.parametrize("index", [INDEX_LIMIT - 1, REPLICAS_MAX - 1], ids=["batch", "service"])
def test_the_longest_names_fit_a_hostname_up_to_nine_million_replacements(index: int) -> None:
    longest = pod_name(pod_prefix("a" * NAME_MAX, Uid("some-uid")), index, 9_999_999)
    assert len(longest) <= HOSTNAME_MAX
    assert DNS_LABEL.fullmatch(longest)


@given(SET_NAMES, UIDS, st.integers(0, INDEX_LIMIT - 1), st.integers(0, 9_999_999))
def test_every_pods_name_is_a_hostname(owner: str, uid: Uid, index: int, attempt: int) -> None:
    name = pod_name(pod_prefix(owner, uid), index, attempt)
    assert len(name) <= HOSTNAME_MAX
    assert DNS_LABEL.fullmatch(name)


@given(st.tuples(st.integers(0, 99), st.integers(0, 99)), st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_two_pods_of_one_set_share_a_name_only_if_they_are_the_same(one: tuple[int, int], two: tuple[int, int]) -> None:
    assert (pod_name("p-", *one) == pod_name("p-", *two)) == (one == two)


@given(UIDS, UIDS)
def test_a_set_made_again_under_its_name_does_not_meet_its_old_pods(before: Uid, after: Uid) -> None:
    same_hash = uid_hash(before) == uid_hash(after)
    assert (pod_prefix("web", before) == pod_prefix("web", after)) == same_hash


def test_a_child_is_called_after_its_set_and_its_entry() -> None:
    assert child_name("demo", "workers") == "demo-workers"
