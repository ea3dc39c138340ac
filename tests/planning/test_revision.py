from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api import names
from foosets.planning.naming import base32_sha256
from foosets.planning.revision import canonical_json, is_ours, template_revision
from tests.builders import Raw

CONTAINER = {"name": "main", "image": "main:1"}
TEMPLATE = {"metadata": {"labels": {"app": "a"}, "annotations": {"owner": "me"}}, "spec": {"containers": [CONTAINER]}}


def with_metadata(**metadata: Any) -> Raw:
    return TEMPLATE | {"metadata": TEMPLATE["metadata"] | metadata}


def with_container(**fields: Any) -> Raw:
    return TEMPLATE | {"spec": {"containers": [CONTAINER | fields]}}


def test_a_revision_is_ten_characters_of_lower_case_base32_of_sha256_of_canonical_json() -> None:
    assert template_revision(TEMPLATE) == base32_sha256(canonical_json(TEMPLATE))[:10]
    assert canonical_json({"b": [1, {"z": 0, "y": "ä"}], "a": None}) == '{"a":null,"b":[1,{"y":"ä","z":0}]}'.encode()


CHANGES = {
    "an image": with_container(image="main:2"),
    "a label": with_metadata(labels={"app": "b"}),
    "a user's annotation: a restart by annotation": with_metadata(annotations={"owner": "me", "restarted-at": "1"}),
    "an annotation taken away": with_metadata(annotations={}),
    "a prefix that only looks like ours": with_metadata(annotations={"owner": "me", "e2e.foo.example.com/fate": "x"}),
    "a name without prefix": with_metadata(annotations={"owner": "me", names.GROUP: "x"}),
    "a port": with_container(ports=[{"containerPort": 80}]),
    "a port's protocol": with_container(ports=[{"containerPort": 80, "protocol": "UDP"}]),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_user_changes_changes_the_revision(changed: Raw) -> None:
    assert template_revision(changed) != template_revision(TEMPLATE)
    assert len({template_revision(each) for each in CHANGES.values()}) == len(CHANGES)


SAME = {
    "our own annotations": (
        with_metadata(annotations={"owner": "me", names.STAMPS: "{}", names.TRACEPARENT: "00-x"}),
        TEMPLATE,
    ),
    "empty metadata": ({"metadata": {"labels": {}, "annotations": {}}, "spec": {}}, {"spec": {}}),
    "the order of keys": (
        {"spec": {"containers": [{"image": "main:1", "name": "main"}]}, "metadata": TEMPLATE["metadata"]},
        TEMPLATE,
    ),
    "a field that has its schema's default": (
        with_container(ports=[{"containerPort": 80, "protocol": "TCP"}]),
        with_container(ports=[{"containerPort": 80}]),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_what_says_nothing_new_leaves_the_revision(one: Raw, other: Raw) -> None:
    assert template_revision(one) == template_revision(other)


def test_the_template_itself_is_left_as_it_is() -> None:
    template = with_container(ports=[{"containerPort": 80, "protocol": "TCP"}])
    template_revision(template)
    assert template == with_container(ports=[{"containerPort": 80, "protocol": "TCP"}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["containers", "volumes", "hostNetwork", "x"]), JSON))
def test_any_json_has_a_revision(spec: Raw) -> None:
    assert len(template_revision({"spec": spec})) == 10


@pytest.mark.parametrize(
    ("annotation", "ours"),
    [
        (names.STAMPS, True),
        (names.TRACEPARENT, True),
        ("foo.example.com/anything", True),
        ("foo.example.com", False),
        ("foo.example.comet/x", False),
        ("e2e.foo.example.com/fate", False),
        ("restarted-at", False),
    ],
)
def test_the_suites_bookkeeping_is_known_by_its_prefix(annotation: str, ours: bool) -> None:  # noqa: FBT001 - a table
    assert is_ours(annotation) is ours
