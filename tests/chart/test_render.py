"""What the chart renders, and what it refuses to render."""

import re
import tarfile
from pathlib import Path

import pytest
import yaml
from chart.manifests import CHART, MUTATING_POLICIES, NAMESPACE, ROOT, Helm, Manifest, Render, is_hook, of_kind, parsed

from foosets.api import names
from foosets.api.names import Component

COMPONENTS = [str(component) for component in Component]
KNOWN_NAMES = {value for value in vars(names).values() if isinstance(value, str)}


def container(manifests: list[Manifest], component: str) -> Manifest:
    deployment = of_kind(manifests, "Deployment")[f"foosets-{component}"]
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return only


def environment(manifests: list[Manifest], component: str) -> dict[str, str]:
    """Variables with a value of their own."""
    variables = container(manifests, component)["env"]
    return {variable["name"]: variable["value"] for variable in variables if "value" in variable}


def test_two_renders_are_equal_in_every_byte(template: Helm) -> None:
    assert template() == template()


def test_no_template_asks_the_cluster_the_clock_or_chance() -> None:
    impure = re.compile(r"\{\{[^}]*\b(lookup|rand\w+|gen[A-Z]\w+|now|uuidv4|htpasswd|bcrypt)\b")
    templates = [path for path in (CHART / "templates").rglob("*") if path.is_file()]
    assert templates
    assert [path.name for path in templates if impure.search(path.read_text())] == []


def test_external_renders_everything_but_what_runs_here(render: Render) -> None:
    inside = render("--set", "components.replicas=2")
    outside = render("--set", "components.run=External,components.replicas=2")
    assert of_kind(inside, "Deployment").keys() == {f"foosets-{component}" for component in COMPONENTS}
    running = {"Deployment", "PodDisruptionBudget"}
    assert outside == [one for one in inside if one["kind"] not in running and not is_hook(one)]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_starts_as_its_own_identity(render: Render, component: str) -> None:
    manifests = render()
    name = f"foosets-{component}"
    pod = of_kind(manifests, "Deployment")[name]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == name
    assert of_kind(manifests, "ServiceAccount")[name]["metadata"]["namespace"] == NAMESPACE
    assert container(manifests, component)["command"] == ["python", "-m", "foosets", "run", component]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_is_probed_sized_and_alone(render: Render, component: str) -> None:
    manifests = render()
    deployment = of_kind(manifests, "Deployment")[f"foosets-{component}"]["spec"]
    only = container(manifests, component)
    port = int(environment(manifests, component)["FOOSETS_HTTP_PORT"])
    assert deployment["replicas"] == 1
    assert "topologySpreadConstraints" not in deployment["template"]["spec"]
    assert [(entry["name"], entry["containerPort"]) for entry in only["ports"]] == [("http", port)]
    assert only["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert only["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert only["resources"]["requests"] == {"cpu": "25m", "memory": "96Mi"}


def test_a_single_pod_has_no_budget_for_evictions(render: Render) -> None:
    assert of_kind(render(), "PodDisruptionBudget") == {}


@pytest.mark.parametrize("component", COMPONENTS)
def test_of_several_pods_an_eviction_takes_one(render: Render, component: str) -> None:
    manifests = render("--set", "components.replicas=2")
    name = f"foosets-{component}"
    deployment = of_kind(manifests, "Deployment")[name]["spec"]
    budget = of_kind(manifests, "PodDisruptionBudget")[name]["spec"]
    assert deployment["replicas"] == 2
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == deployment["selector"]
    assert budget["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("component", COMPONENTS)
def test_two_pods_of_a_version_go_to_two_nodes_where_there_are_two(render: Render, component: str) -> None:
    template = of_kind(render("--set", "components.replicas=2"), "Deployment")[f"foosets-{component}"]["spec"][
        "template"
    ]
    (spread,) = template["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert (spread["maxSkew"], spread["whenUnsatisfiable"]) == (1, "ScheduleAnyway")
    assert spread["matchLabelKeys"] == ["pod-template-hash"]
    assert spread["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_takes_the_lease_of_its_name_as_its_pod(render: Render, component: str, replicas: int) -> None:
    manifests = render("--set", f"components.replicas={replicas}")
    name = f"foosets-{component}"
    assert environment(manifests, component)["FOOSETS_LEASE"] == f"{NAMESPACE}/{name}"
    (identity,) = (one for one in container(manifests, component)["env"] if one["name"] == "FOOSETS_IDENTITY")
    assert identity["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    lease = of_kind(manifests, "Lease")[name]
    assert lease["metadata"]["namespace"] == NAMESPACE
    assert "spec" not in lease, "an upgrade would take it from its holder"


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_new_version_is_ready_before_the_old_one_goes(render: Render, component: str) -> None:
    strategy = of_kind(render(), "Deployment")[f"foosets-{component}"]["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize("component", COMPONENTS)
def test_resources_are_as_told(render: Render, component: str) -> None:
    told = "components.resources.requests.cpu=50m,components.resources.limits.memory=256Mi"
    resources = container(render("--set", told), component)["resources"]
    assert resources == {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_fits_the_restricted_pod_security_level(render: Render, component: str) -> None:
    manifests = render()
    pod = of_kind(manifests, "Deployment")[f"foosets-{component}"]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container(manifests, component)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_image_is_the_charts_version_unless_told_otherwise(render: Render) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert container(render(), "fooset")["image"] == f"foosets:{version}"
    chosen = render("--set", "image.repository=registry.test/foosets,image.tag=dev")
    assert container(chosen, "fooset")["image"] == "registry.test/foosets:dev"


@pytest.mark.parametrize("component", COMPONENTS)
def test_spans_have_an_endpoint_only_when_it_is_named(render: Render, component: str) -> None:
    assert not any(name.startswith("OTEL_") for name in environment(render(), component))
    traced = environment(render("--set", "tracing.endpoint=http://jaeger:4318"), component)
    assert traced["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://jaeger:4318"


@pytest.mark.parametrize(
    ("args", "assignment"),
    [
        ((), "Controller"),
        (("--api-versions", MUTATING_POLICIES), "Policy"),
        (("--set", "policies.schedulerName=Policy"), "Policy"),
        (("--set", "policies.schedulerName=Controller", "--api-versions", MUTATING_POLICIES), "Controller"),
        (("--set", "policies.enabled=false", "--api-versions", MUTATING_POLICIES), "Controller"),
    ],
)
def test_one_writer_of_the_scheduler_name_is_chosen(render: Render, args: tuple[str, ...], assignment: str) -> None:
    manifests = render(*args)
    policies = {"foosets-scheduler-name"} if assignment == "Policy" else set()
    assert of_kind(manifests, "MutatingAdmissionPolicy").keys() == policies
    assert of_kind(manifests, "MutatingAdmissionPolicyBinding").keys() == policies
    assert environment(manifests, "servicefooset")["FOOSETS_SCHEDULER_ASSIGNMENT"] == assignment


def test_policy_controller_and_scheduler_agree_on_the_scheduler_name(render: Render) -> None:
    manifests = render("--set", "policies.schedulerName=Policy,scheduler.name=other")
    (policy,) = of_kind(manifests, "MutatingAdmissionPolicy").values()
    variables = {variable["name"]: variable["expression"] for variable in policy["spec"]["variables"]}
    assert '"other"' in variables["scheduler"]
    assert environment(manifests, "servicefooset")["FOOSETS_SCHEDULER_NAME"] == "other"
    assert environment(manifests, "scheduler")["FOOSETS_SCHEDULER_NAME"] == "other"
    assert environment(render(), "scheduler")["FOOSETS_SCHEDULER_NAME"] == names.DEFAULT_SCHEDULER


def test_every_validating_policy_denies(render: Render) -> None:
    manifests = render()
    bindings = of_kind(manifests, "ValidatingAdmissionPolicyBinding")
    assert of_kind(manifests, "ValidatingAdmissionPolicy").keys() == bindings.keys()
    assert bindings.keys() == {
        "foosets-pod-origin",
        "foosets-scheduler-scope",
        "foosets-derived-children",
        "foosets-requester",
        "foosets-templates",
    }
    for name, binding in bindings.items():
        assert binding["spec"] == {"policyName": name, "validationActions": ["Deny"]}


def test_without_policies_there_is_none(render: Render) -> None:
    kinds = {one["kind"] for one in render("--set", "policies.enabled=false", "--api-versions", MUTATING_POLICIES)}
    assert {kind for kind in kinds if "Admission" in kind} == set()


def test_policies_spell_names_as_the_code_does() -> None:
    name = re.compile(r"(?:foo\.example\.com|tracing\.k8s\.io)/[\w-]+|(?<=')foo-[\w-]+(?=')")
    spelt = {found for path in (CHART / "templates" / "policies").iterdir() for found in name.findall(path.read_text())}
    assert names.UNASSIGNED_SCHEDULER in spelt
    assert spelt - KNOWN_NAMES == set()


def test_the_crds_are_the_repositorys_and_are_kept(template: Helm) -> None:
    generated = [crd for path in (ROOT / "crds").glob("*.yaml") for crd in parsed(path.read_text())]
    rendered = of_kind(parsed(template()), "CustomResourceDefinition")
    assert len(generated) == len(names.Kind)
    assert {crd["metadata"]["name"]: crd["spec"] for crd in generated} == {
        name: crd["spec"] for name, crd in rendered.items()
    }
    for crd in rendered.values():
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_crds_can_be_left_to_others(template: Helm, render: Render) -> None:
    others = [manifest for manifest in parsed(template()) if manifest["kind"] != "CustomResourceDefinition"]
    assert render() == others


def test_a_packaged_chart_contains_the_crds(helm: Helm, tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        packed = {name.removeprefix("foosets/files/crds/") for name in archive.getnames() if "/crds/" in name}
    assert packed == {path.name for path in (ROOT / "crds").glob("*.yaml")}


def test_two_releases_share_no_name_but_the_crds(helm: Helm) -> None:
    def identities(release: str) -> set[tuple[str, str]]:
        text = helm("template", release, str(CHART), "--set", "crds.enabled=false,policies.schedulerName=Policy")
        return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in parsed(text)}

    longest = "r" * 53  # Helm's limit for a release
    assert identities("one") & identities("two") == set()
    assert max(len(name) for _, name in identities(longest)) <= 63
