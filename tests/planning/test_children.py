import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api import names
from foosets.api.meta import BATCHFOOSETS
from foosets.api.names import Uid
from foosets.planning.children import Lineage, Mark, Owner, PodStencil, owner_reference
from tests.builders import TRACEPARENT, Raw, template

ROOT = Lineage("demo", Uid("root-uid"), "work")
OWNER = Owner(BATCHFOOSETS, "ns", "demo-work", Uid("owner-uid"), ROOT)
MARK = Mark(7, 2, "n1", TRACEPARENT, '{"create":5}')

ENVIRONMENT = [
    {"name": "FOOSET_NAME", "value": "demo"},
    {"name": "FOOSET_CHILD", "value": "work"},
    {"name": "FOOSET_INDEX", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['foo.example.com/index']"}}},
    {"name": "FOOSET_ATTEMPT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['foo.example.com/attempt']"}}},
]


def made(pods: Raw, mark: Mark = MARK) -> Raw:
    return json.loads(PodStencil(OWNER, pods, "rev", names.PLACED_BY_CONTROLLER).body(mark))


def test_a_pod_says_all_that_others_need_to_know_of_it() -> None:
    stencil = PodStencil(OWNER, template(), "rev", names.PLACED_BY_CONTROLLER)
    assert json.loads(stencil.body(MARK)) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": stencil.name(7, 2),
            "namespace": "ns",
            "labels": {
                "foo.example.com/set-name": "demo",
                "foo.example.com/set-uid": "root-uid",
                "foo.example.com/child": "work",
                "foo.example.com/revision": "rev",
                "foo.example.com/owner-uid": "owner-uid",
                "foo.example.com/placement": "controller",
                "foo.example.com/index": "7",
                "foo.example.com/attempt": "2",
            },
            "annotations": {"tracing.k8s.io/traceparent": TRACEPARENT, "foo.example.com/stamps": '{"create":5}'},
            "ownerReferences": [owner_reference(BATCHFOOSETS, "demo-work", Uid("owner-uid"))],
        },
        "spec": {
            "nodeName": "n1",
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "main:1", "env": ENVIRONMENT}],
        },
    }


def test_the_owner_controls_its_pods_and_waits_for_them_in_a_foreground_deletion() -> None:
    assert owner_reference(BATCHFOOSETS, "demo-work", Uid("owner-uid")) == {
        "apiVersion": "foo.example.com/v1alpha1",
        "kind": "BatchFooSet",
        "name": "demo-work",
        "uid": "owner-uid",
        "controller": True,
        "blockOwnerDeletion": True,
    }


@pytest.mark.parametrize("spec", [{}, {"containers": []}, {"restartPolicy": "Never"}], ids=["none", "empty", "some"])
@pytest.mark.parametrize("node", ["n1", ""])
def test_the_node_is_the_only_thing_that_placing_adds_to_the_spec(spec: Raw, node: str) -> None:
    pod = made({"spec": spec}, Mark(0, 0, node, TRACEPARENT, "{}"))
    assert pod["spec"] == spec | ({"nodeName": node} if node else {})


def test_the_pod_of_a_dry_run_differs_from_the_earnest_one_in_its_name_alone() -> None:
    stencil = PodStencil(OWNER, template(), "rev", names.PLACED_BY_CONTROLLER)
    earnest, trial = json.loads(stencil.body(MARK)), json.loads(stencil.trial_body(MARK))
    assert trial["metadata"].pop("name") == stencil.trial_name
    assert stencil.trial_name.startswith("demo-work-")
    assert stencil.trial_name.endswith("-dry-run")
    del earnest["metadata"]["name"]
    assert trial == earnest


def test_a_users_trace_context_is_never_copied_from_a_template() -> None:
    annotations = {names.TRACEPARENT: "00-theirs", "note": "kept"}
    pod = made({"metadata": {"annotations": annotations}, "spec": {}})
    assert pod["metadata"]["annotations"] == {
        "note": "kept",
        names.TRACEPARENT: TRACEPARENT,
        names.STAMPS: '{"create":5}',
    }


VARIABLES = {
    "none": ([], ENVIRONMENT),
    "others come after ours, and may refer to them": (
        [{"name": "SHARD", "value": "$(FOOSET_INDEX)"}],
        [*ENVIRONMENT, {"name": "SHARD", "value": "$(FOOSET_INDEX)"}],
    ),
    "a name that the user set wins": (
        [{"name": "FOOSET_INDEX", "value": "mine"}],
        [ENVIRONMENT[0], ENVIRONMENT[1], ENVIRONMENT[3], {"name": "FOOSET_INDEX", "value": "mine"}],
    ),
}


@pytest.mark.parametrize(("own", "expected"), VARIABLES.values(), ids=VARIABLES.keys())
@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_every_container_knows_its_set_and_index(kind: str, own: list[Raw], expected: list[Raw]) -> None:
    pod = made({"spec": {kind: [{"name": "a", "env": own}, {"name": "b"}]}})
    assert [container["env"] for container in pod["spec"][kind]] == [expected, ENVIRONMENT]


def test_the_template_itself_is_left_as_it_is() -> None:
    given_template = template()
    made(given_template)
    assert given_template == template()


ANYTHING = st.text(max_size=20) | st.sampled_from(['"', "\\", "}", '","x":"', "\u2028", "\x00", "💥", "{%b}", "%d"])
LABELS = st.dictionaries(ANYTHING, ANYTHING, max_size=4)
FIELDS = st.dictionaries(st.sampled_from(["hostname", "volumes", "x%b"]), st.none() | ANYTHING | LABELS, max_size=3)


@given(LABELS, LABELS, FIELDS, st.sampled_from(["", "n1"]))
def test_whatever_a_template_holds_comes_out_as_it_went_in(
    labels: dict[str, str], annotations: dict[str, str], spec: dict[str, Any], node: str
) -> None:
    pods = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
    pod = made(pods, Mark(7, 2, node, TRACEPARENT, "{}"))
    assert labels.items() <= pod["metadata"]["labels"].items()
    assert annotations.items() <= pod["metadata"]["annotations"].items()
    assert pod["spec"] == spec | ({"nodeName": node} if node else {})


# ---- lineage

PARENTS_LABELS = {names.SET_NAME: "demo", names.SET_UID: "root-uid", names.CHILD: "work"}
LINEAGES = {
    "a child names its root": (PARENTS_LABELS, True, Lineage("demo", Uid("root-uid"), "work")),
    "a set on its own is its root, whatever its labels claim": (PARENTS_LABELS, False, Lineage("b", Uid("b-uid"))),
    "a child that has lost its labels is taken as its own root": ({}, True, Lineage("b", Uid("b-uid"))),
}


@pytest.mark.parametrize(("labels", "derived", "lineage"), LINEAGES.values(), ids=LINEAGES.keys())
def test_where_pods_come_from(labels: dict[str, str], derived: bool, lineage: Lineage) -> None:  # noqa: FBT001
    assert Lineage.of("b", Uid("b-uid"), labels, derived=derived) == lineage


def test_the_entry_is_named_only_where_there_is_one() -> None:
    assert ROOT.labels() == PARENTS_LABELS
    assert Lineage("b", Uid("b-uid")).labels() == {names.SET_NAME: "b", names.SET_UID: "b-uid"}
