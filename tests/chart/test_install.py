"""The charts, as a real API server takes them."""

import json

import pytest
from chart.hook import fooset
from chart.manifests import CHART, JAEGER_CHART, NAMESPACE, Helm, Manifest, Render, is_hook, of_kind, parsed

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


@pytest.mark.parametrize(
    "values",
    [
        "",
        "components.replicas=2",
        "components.run=External",
        "components.resources.limits.memory=1Gi,components.resources.requests.ephemeral-storage=10Mi",
        "policies.enabled=false",
        "policies.schedulerName=Policy",
        "policies.schedulerName=Controller,scheduler.name=other",
        "tracing.endpoint=http://jaeger:4318,tracing.query=http://jaeger:16686,image.pullPolicy=Never",
    ],
)
def test_every_render_of_our_chart_is_valid(installed: LocalCluster, helm: Helm, values: str) -> None:
    text = helm("template", "other", str(CHART), "--namespace", NAMESPACE, "--set", values, "--set=crds.enabled=false")
    # a test's pod needs a ServiceAccount that is really there; all pods are judged below
    is_valid(installed, [one for one in parsed(text) if one["kind"] != "Pod"])


@pytest.mark.parametrize("values", ["", "service.nodePort=30686,storage.maxTraces=7,resources.limits.memory=2Gi"])
def test_every_render_of_jaegers_chart_is_valid(installed: LocalCluster, helm: Helm, values: str) -> None:
    text = helm("template", "jaeger", str(JAEGER_CHART), "--namespace", NAMESPACE, "--set", values)
    is_valid(installed, parsed(text))


def is_valid(cluster: LocalCluster, manifests: list[Manifest]) -> None:
    """Let the API server judge, down to fields that it does not know."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=listed)


def test_the_set_that_the_test_makes_is_valid(installed: LocalCluster, render: Render) -> None:
    is_valid(installed, [fooset(render())])


def pods(render: Render, jaeger: Render) -> dict[str, Manifest]:
    """The specs of all pods that come out of both charts, by whose they are."""
    ours, theirs = render("--set", "tracing.endpoint=http://jaeger:4318"), jaeger()
    found = {name: one["spec"]["template"]["spec"] for name, one in of_kind([*ours, *theirs], "Deployment").items()}
    found |= {name: one["spec"] for name, one in of_kind([one for one in ours if is_hook(one)], "Pod").items()}
    spec = fooset(ours)["spec"]
    for entry in (*spec["batch"], *spec["service"]):
        found[f"foosets-test-{entry['name']}"] = entry["template"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    "name",
    [*(f"foosets-{one}" for one in Component), "foosets-test", "foosets-test-batch", "foosets-test-service", "jaeger"],
)
def test_every_pod_is_admitted_at_the_restricted_level(
    installed: LocalCluster, render: Render, jaeger: Render, name: str
) -> None:
    found = pods(render, jaeger)
    assert len(found) == len(Component) + 4
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"dry-{name}", "namespace": NAMESPACE},
        "spec": {**found[name], "serviceAccountName": "default"},
    }
    installed.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_served(installed: LocalCluster, kind: Kind) -> None:
    assert installed.kubectl("explain", f"{kind.lower()}.spec").startswith("GROUP:")
