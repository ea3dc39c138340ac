"""The chart, as a real API server takes it."""

import json

import pytest
from chart.manifests import NAMESPACE, Manifest, Render, of_kind

from e2e.cluster.local import LocalCluster
from foosets.api.names import Component, Kind

pytestmark = pytest.mark.cluster

LARGEST_RELEASE = 500_000
"""Bytes, half of what a Secret may hold: CRDs grow."""


def test_the_release_stays_small(installed: LocalCluster) -> None:
    secrets = installed.client.get("secrets", "--namespace", NAMESPACE)["items"]
    sizes = [len(secret["data"]["release"]) for secret in secrets if secret["type"] == "helm.sh/release.v1"]
    assert sizes
    assert max(sizes) < LARGEST_RELEASE


def test_a_second_install_changes_nothing(installed: LocalCluster) -> None:
    def versions() -> dict[str, str | int]:
        kinds = "clusterroles,clusterrolebindings,validatingadmissionpolicies,mutatingadmissionpolicies"
        items = installed.client.get(kinds, "--selector", "app.kubernetes.io/instance=foosets")["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": version(item["metadata"]) for item in items}

    def version(metadata: Manifest) -> str | int:
        return metadata.get("generation") or metadata["resourceVersion"]  # policies have a status that others write

    before = versions()
    installed.install_chart()
    assert before
    assert versions() == before


@pytest.mark.parametrize("component", list(Component))
def test_a_components_pod_is_admitted_at_the_restricted_level(
    installed: LocalCluster, render: Render, component: Component
) -> None:
    enforced = installed.client.get("namespace", NAMESPACE)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    template = of_kind(render(), "Deployment")[f"foosets-{component}"]["spec"]["template"]
    metadata = {**template["metadata"], "name": f"dry-{component}", "namespace": NAMESPACE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    stored = installed.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pod))
    assert enforced == "restricted"
    assert json.loads(stored)["spec"]["serviceAccountName"] == f"foosets-{component}"


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_served(installed: LocalCluster, kind: Kind) -> None:
    assert installed.kubectl("explain", f"{kind.lower()}.spec").startswith("GROUP:")
