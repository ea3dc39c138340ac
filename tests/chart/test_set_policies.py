"""Who edits a derived child, and who may have pods created by a set, on a real API server."""

import json
from collections.abc import Iterator

import pytest
from chart.asking import DEPLOYER, EDITOR, FOOSET, PLAIN, child, created, fooset, refusal, send
from chart.manifests import Manifest

from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from foosets.api import names

pytestmark = pytest.mark.cluster


# ------------------------------------------------------------------------------------------ derived children
@pytest.fixture(scope="module", params=["BatchFooSet", "ServiceFooSet"])
def derived(policies: LocalCluster, request: pytest.FixtureRequest) -> Manifest:
    """A stored child, made by the identity that may, of a FooSet that exists (the garbage collector looks)."""
    parent = f"derived-{request.param.lower()}"
    stored = send(policies, fooset(parent), "admin", "create")
    return by_parent(policies, child(request.param, parent, stored["metadata"]["uid"]))


def by_parent(policies: LocalCluster, manifest: Manifest) -> Manifest:
    """Apply as the fooset controller does."""
    return send(
        policies, manifest, FOOSET, "apply", "--server-side", "--field-manager=foosets-fooset", "--force-conflicts"
    )


def merge(policies: LocalCluster, derived: Manifest, user: str, patch: Manifest, *options: str) -> Manifest:
    target = [derived["kind"].lower(), derived["metadata"]["name"], "--namespace", PLAIN, "--as", user]
    command = ["patch", *target, "--type", "merge", "--patch", json.dumps(patch), "--output", "json", *options]
    return json.loads(policies.kubectl(*command))


def refused_merge(policies: LocalCluster, derived: Manifest, patch: Manifest, user: str = DEPLOYER) -> str:
    with pytest.raises(ClusterError) as refused:
        merge(policies, derived, user, patch)
    return refused.value.message


def image(name: str) -> Manifest:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": name}]}}}}


def test_an_edit_of_a_derived_spec_is_told_where_to_go(policies: LocalCluster, derived: Manifest) -> None:
    kind, parent = derived["kind"], derived["metadata"]["ownerReferences"][0]["name"]
    entries = "batch" if kind == "BatchFooSet" else "service"
    said = refused_merge(policies, derived, image("other"))
    assert f"this {kind} is derived: edit FooSet {parent} (entry part of spec.{entries}) instead" in said
    assert 'the annotation foo.example.com/allow-child-edits: "true" on the FooSet allows edits' in said


def test_the_parents_identity_edits_a_derived_spec(policies: LocalCluster, derived: Manifest) -> None:
    (owner,) = derived["metadata"]["ownerReferences"]
    stored = by_parent(policies, child(derived["kind"], owner["name"], owner["uid"], image="newer"))
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == "newer"


@pytest.mark.parametrize("key", [names.TRACEPARENT, names.PARENT_REPLICAS, names.STAMPS, names.ALLOW_CHILD_EDITS])
def test_annotations_that_steer_a_child_are_guarded(policies: LocalCluster, derived: Manifest, key: str) -> None:
    said = refused_merge(policies, derived, {"metadata": {"annotations": {key: "true"}}})
    assert "the trace and control annotations of a derived" in said


@pytest.mark.parametrize("labels", [{names.SET_UID: None}, {names.CHILD: "other"}])
def test_labels_that_mark_a_child_are_guarded(policies: LocalCluster, derived: Manifest, labels: Manifest) -> None:
    assert "the labels of foo.example.com/ on a derived" in refused_merge(
        policies, derived, {"metadata": {"labels": labels}}
    )


def test_a_child_is_not_taken_away_from_its_parent(policies: LocalCluster, derived: Manifest) -> None:
    assert "or takes it away from its parent" in refused_merge(
        policies, derived, {"metadata": {"ownerReferences": None}}
    )


@pytest.mark.parametrize(
    "change", [{"name": "gone"}, {"apiVersion": f"{names.GROUP}/v9"}], ids=lambda one: next(iter(one))
)
def test_a_child_goes_on_naming_its_parent_as_it_is(
    policies: LocalCluster, derived: Manifest, change: dict[str, str]
) -> None:
    (owner,) = derived["metadata"]["ownerReferences"]
    renamed: Manifest = {"metadata": {"ownerReferences": [owner | change]}}
    assert "changes the reference to its parent" in refused_merge(policies, derived, renamed)


def test_other_metadata_of_a_derived_child_is_free(policies: LocalCluster, derived: Manifest) -> None:
    stored = merge(policies, derived, DEPLOYER, {"metadata": {"labels": {"team": "blue"}}})
    assert stored["metadata"]["labels"]["team"] == "blue"


def test_the_garbage_collector_orphans(policies: LocalCluster, derived: Manifest) -> None:
    collector = "system:serviceaccount:kube-system:generic-garbage-collector"
    stored = merge(policies, derived, collector, {"metadata": {"ownerReferences": None}}, "--dry-run=server")
    assert "ownerReferences" not in stored["metadata"]


def test_nobody_else_makes_a_child(policies: LocalCluster, derived: Manifest) -> None:
    uid = derived["metadata"]["ownerReferences"][0]["uid"]
    said = refusal(policies, child(derived["kind"], "another", uid), DEPLOYER)
    assert "only the fooset controller makes a child of a FooSet" in said


def test_the_fooset_controller_adopts_nothing(policies: LocalCluster, derived: Manifest) -> None:
    (owner,) = derived["metadata"]["ownerReferences"]
    taken = child(derived["kind"], "taken", owner["uid"])
    foreign = {**taken, "metadata": {"name": taken["metadata"]["name"], "namespace": PLAIN}}
    send(policies, foreign, DEPLOYER, "create")
    with pytest.raises(ClusterError, match=f"adopts none: another {derived['kind']} has the name taken-part"):
        by_parent(policies, taken)


def test_the_fooset_controller_makes_nothing_but_children(policies: LocalCluster, derived: Manifest) -> None:
    parentless = child(derived["kind"], "alone", "1")
    del parentless["metadata"]["ownerReferences"]
    assert "writes children of its FooSets alone" in refusal(policies, parentless, FOOSET)


@pytest.mark.parametrize("derived", ["ServiceFooSet"], indirect=True)
def test_a_derived_service_is_scaled(policies: LocalCluster, derived: Manifest) -> None:
    name = f"servicefooset/{derived['metadata']['name']}"
    policies.kubectl("scale", name, "--replicas", "7", "--namespace", PLAIN, "--as", DEPLOYER)
    assert policies.kubectl("get", name, "--namespace", PLAIN, "--output", "jsonpath={.spec.replicas}") == "7"


# ------------------------------------------------------------------------------------- children that are edited
@pytest.fixture
def editable(policies: LocalCluster, derived: Manifest) -> Iterator[Manifest]:
    """The stored child, after its controller has mirrored the FooSet's permission to it; stored as it was again."""
    (owner,) = derived["metadata"]["ownerReferences"]
    plain = child(derived["kind"], owner["name"], owner["uid"])
    annotations = plain["metadata"]["annotations"] | {names.ALLOW_CHILD_EDITS: "true"}
    yield by_parent(policies, plain | {"metadata": plain["metadata"] | {"annotations": annotations}})
    by_parent(policies, plain)


def test_an_allowed_edit_is_made_by_who_may_create_pods(policies: LocalCluster, editable: Manifest) -> None:
    stored = merge(policies, editable, DEPLOYER, image("edited"), "--dry-run=server")
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == "edited"
    assert f"{EDITOR} may not create pods" in refused_merge(policies, editable, image("edited"), EDITOR)


def test_an_allowed_edit_is_one_of_the_spec_alone(policies: LocalCluster, editable: Manifest) -> None:
    taken_back = {"metadata": {"annotations": {names.ALLOW_CHILD_EDITS: None}}}
    assert "the trace and control annotations" in refused_merge(policies, editable, taken_back)
    assert "takes it away from its parent" in refused_merge(policies, editable, {"metadata": {"ownerReferences": None}})


def test_nobody_allows_himself_to_edit(policies: LocalCluster, derived: Manifest) -> None:
    both = image("edited") | {"metadata": {"annotations": {names.ALLOW_CHILD_EDITS: "true"}}}
    assert f"this {derived['kind']} is derived" in refused_merge(policies, derived, both)


# ------------------------------------------------------------------------------------------------- requester
@pytest.mark.parametrize("kind", ["FooSet", "BatchFooSet", "ServiceFooSet"])
def test_a_set_is_made_only_by_who_may_create_pods(policies: LocalCluster, kind: str) -> None:
    manifest = fooset("wanted") if kind == "FooSet" else child(kind, "wanted", "1")
    manifest["metadata"].pop("ownerReferences", None)
    said = refusal(policies, manifest, EDITOR)
    assert f"{EDITOR} may not create pods in namespace {PLAIN}, so neither through a {kind}" in said
    assert created(policies, manifest, DEPLOYER)["kind"] == kind


def test_metadata_of_a_set_is_free_to_who_may_not_create_pods(policies: LocalCluster, derived: Manifest) -> None:
    stored = merge(policies, derived, EDITOR, {"metadata": {"annotations": {"note": "mine"}}})
    assert stored["metadata"]["annotations"]["note"] == "mine"
