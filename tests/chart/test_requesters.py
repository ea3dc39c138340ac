"""Who may not create pods in a namespace has none created by a set there, whichever way he asks; who may, does."""

import json

import pytest
from chart.asking import DEPLOYER, EDITOR, PLAIN, child, fooset, refusal, send
from chart.manifests import Manifest

from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from tests.cluster.waiting import until_may

pytestmark = pytest.mark.cluster

VIEWER = "policies-viewer"
KINDS = ("FooSet", "BatchFooSet", "ServiceFooSet")
NEW = {
    "create": ("create", "--dry-run=server"),
    "apply": ("apply", "--dry-run=server"),
    "server-side apply": ("apply", "--server-side", "--dry-run=server"),
}
CHANGED = {
    "apply": ("apply", "--dry-run=server"),
    "server-side apply": ("apply", "--server-side", "--force-conflicts", "--dry-run=server"),
    "replace": ("replace", "--dry-run=server"),
}


def a_set(kind: str, name: str, image: str = "main") -> Manifest:
    """A set that wants pods and has no parent."""
    template = child("ServiceFooSet", name, "1", image)["spec"]
    manifest = fooset(name) if kind == "FooSet" else child(kind, name, "1", image)
    metadata = {"name": name, "namespace": PLAIN}
    spec = {"service": [{"name": "server", "template": {"spec": template}}]} if kind == "FooSet" else manifest["spec"]
    return {**manifest, "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module", params=KINDS)
def existing(policies: LocalCluster, request: pytest.FixtureRequest) -> Manifest:
    """A set of each kind, made by somebody who may."""
    manifest = a_set(request.param, f"existing-{request.param.lower()}")
    send(policies, manifest, DEPLOYER, "create")
    return manifest


def patched(policies: LocalCluster, manifest: Manifest, user: str, *how: str) -> str:
    target = [manifest["kind"].lower(), manifest["metadata"]["name"], "--namespace", PLAIN, "--as", user]
    return policies.kubectl("patch", *target, "--dry-run=server", *how)


def refused_in(kind: str) -> str:
    return f"{EDITOR} may not create pods in namespace {PLAIN}, so neither through a {kind}"


@pytest.mark.parametrize("way", NEW)
@pytest.mark.parametrize("kind", KINDS)
def test_a_set_is_not_made(policies: LocalCluster, kind: str, way: str) -> None:
    manifest = a_set(kind, "new")
    assert refused_in(kind) in refusal(policies, manifest, EDITOR, *NEW[way])
    assert send(policies, manifest, DEPLOYER, *NEW[way])["kind"] == kind


@pytest.mark.parametrize("way", CHANGED)
def test_a_set_is_not_changed(policies: LocalCluster, existing: Manifest, way: str) -> None:
    manifest = a_set(existing["kind"], existing["metadata"]["name"], image="other")
    assert refused_in(existing["kind"]) in refusal(policies, manifest, EDITOR, *CHANGED[way])
    assert "other" in json.dumps(send(policies, manifest, DEPLOYER, *CHANGED[way])["spec"])


@pytest.mark.parametrize("kind_of_patch", ["merge", "json"])
def test_a_spec_is_not_patched(policies: LocalCluster, existing: Manifest, kind_of_patch: str) -> None:
    spec = a_set(existing["kind"], "any", image="other")["spec"]
    merge, operations = {"spec": spec}, [{"op": "replace", "path": "/spec", "value": spec}]
    patch = json.dumps(merge if kind_of_patch == "merge" else operations)
    how = (f"--type={kind_of_patch}", f"--patch={patch}")
    with pytest.raises(ClusterError, match=refused_in(existing["kind"])):
        patched(policies, existing, EDITOR, *how)
    assert "patched" in patched(policies, existing, DEPLOYER, *how)


def test_what_changes_no_spec_is_free(policies: LocalCluster, existing: Manifest) -> None:
    patch = json.dumps({"metadata": {"labels": {"team": "blue"}}})
    assert "patched" in patched(policies, existing, EDITOR, "--type=merge", f"--patch={patch}")


@pytest.mark.parametrize("existing", ["ServiceFooSet"], indirect=True)
def test_scaling_asks_for_the_right_to_scale_alone_as_it_does_for_a_deployment(
    policies: LocalCluster, existing: Manifest
) -> None:
    def scale(user: str) -> str:
        target = [f"servicefooset/{existing['metadata']['name']}", "--namespace", PLAIN]
        return policies.kubectl("scale", *target, "--replicas=3", "--as", user)

    policies.kubectl("create", "rolebinding", VIEWER, "--clusterrole=foosets-view", f"--user={VIEWER}", "-n", PLAIN)
    until_may(policies, VIEWER, "get", "servicefoosets", PLAIN)
    assert "scaled" in scale(EDITOR)
    with pytest.raises(ClusterError, match=f'User "{VIEWER}" cannot patch resource "servicefoosets/scale"'):
        scale(VIEWER)
