"""The pod of `helm test`: what it is, what it makes, and that it leaves nothing."""

from typing import Any

import pytest
from chart.hook import container, fooset, hooks, pod
from chart.manifests import CHART, NAMESPACE, Helm, Manifest, Render, is_hook, parsed

from foosets.api.customresource import NAME_MAX

QUERY = "http://jaeger.observability:16686"


def entries(manifest: Manifest, side: str) -> dict[str, Any]:
    return {entry["name"]: entry["template"]["spec"] for entry in manifest["spec"][side]}


def test_every_object_of_the_test_is_made_for_it_and_goes_with_it(render: Render) -> None:
    found = hooks(render())
    assert [one["kind"] for one in found] == ["ServiceAccount", "Role", "RoleBinding", "Pod"]
    for one in found:
        annotations = one["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        assert one["metadata"]["namespace"] == NAMESPACE


def test_who_it_is_comes_before_what_it_does(render: Render) -> None:
    weights = {one["kind"]: int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for one in hooks(render())}
    assert max(weight for kind, weight in weights.items() if kind != "Pod") < weights["Pod"]


def test_logs_find_a_pod_under_the_name_of_every_hook(render: Render) -> None:
    assert {one["metadata"]["name"] for one in hooks(render())} == {"foosets-test"}


def test_what_it_saw_is_printed_whatever_the_end(render: Render) -> None:
    annotations = pod(render())["metadata"]["annotations"]
    assert annotations["helm.sh/hook-output-log-policy"] == "hook-succeeded,hook-failed"


def test_it_runs_the_suites_own_image_as_its_own_identity(render: Render) -> None:
    manifests = render("--set", f"image.repository=registry.test/foosets,image.tag=dev,tracing.query={QUERY}")
    only = container(manifests)
    assert only["image"] == "registry.test/foosets:dev"
    assert only["command"] == ["python", "-m", "foosets", "prove"]
    assert only["args"][1:] == [f"--jaeger={QUERY}"]
    assert pod(manifests)["spec"]["serviceAccountName"] == "foosets-test"
    assert pod(manifests)["spec"]["restartPolicy"] == "Never"


def test_its_set_has_a_batch_and_a_service_part_of_the_same_image(render: Render) -> None:
    made = fooset(render("--set", "image.repository=registry.test/foosets,image.tag=dev,image.pullPolicy=Never"))
    assert made["metadata"] == {"name": "foosets-test", "namespace": NAMESPACE}
    (batch,), (service,) = entries(made, "batch").values(), entries(made, "service").values()
    for part in (batch, service):
        (only,) = part["template"]["spec"]["containers"]
        assert (only["image"], only["imagePullPolicy"]) == ("registry.test/foosets:dev", "Never")
    assert batch["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("release", ["f", "foosets", "my.foo.release", "r" * 53])
def test_its_set_has_a_legal_name_in_every_release(helm: Helm, release: str) -> None:
    made = fooset(parsed(helm("template", release, str(CHART), "--set", "crds.enabled=false")))
    name = made["metadata"]["name"]
    assert "." not in name
    for side in ("batch", "service"):
        assert all(len(f"{name}-{entry}") <= NAME_MAX for entry in entries(made, side))


def test_it_can_be_left_out(template: Helm, render: Render) -> None:
    without = parsed(template("--set", "crds.enabled=false", "--skip-tests"))
    assert without == [one for one in render() if not is_hook(one)]
