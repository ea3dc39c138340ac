from typing import Any

import pytest
import yaml

from e2e.cluster.rendered import Rendered, UnsupportedRenderError, components, expand


def deployment(**container: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "foosets", "app.kubernetes.io/component": "fooset"}
    spec = {"serviceAccountName": "foosets-fooset", "containers": [{"name": "c", "command": ["run"], **container}]}
    return {
        "kind": "Deployment",
        "metadata": {"name": "foosets-fooset", "namespace": "system"},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def read(*documents: Any) -> list[Rendered]:
    return components(yaml.safe_dump_all(documents), "release")


def field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def test_a_component_is_what_its_deployment_says() -> None:
    [found] = read(
        deployment(
            command=["python", "-m", "foosets"],
            args=["run", "fooset"],
            env=[{"name": "A", "value": "1"}, field("NS", "metadata.namespace"), field("POD", "metadata.name")],
            readinessProbe={"httpGet": {"path": "/ready", "port": "http"}},
        )
    )
    assert found == Rendered(
        name="fooset",
        namespace="system",
        service_account="foosets-fooset",
        argv=("python", "-m", "foosets", "run", "fooset"),
        environment={"A": "1", "NS": "system", "POD": "foosets-fooset-local"},
        ready_path="/ready",
    )


def test_a_deployment_without_namespace_is_in_the_release_s() -> None:
    document = deployment()
    del document["metadata"]["namespace"]
    assert read(document)[0].namespace == "release"


def test_other_documents_are_left_out() -> None:
    foreign = deployment()
    foreign["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "jaeger"
    assert read(None, {"kind": "Service"}, foreign) == []


@pytest.mark.parametrize(
    "container",
    [
        {"command": []},
        {"envFrom": [{"configMapRef": {"name": "settings"}}]},
        {"env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        {"env": [field("IP", "status.podIP")]},
    ],
    ids=["image decides", "envFrom", "secret", "unknown field"],
)
def test_what_a_process_cannot_have_is_refused(container: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedRenderError, match="fooset"):
        read(deployment(**container))


def test_a_sidecar_is_refused() -> None:
    document = deployment()
    document["spec"]["template"]["spec"]["containers"].append({"name": "sidecar"})
    with pytest.raises(UnsupportedRenderError, match="one container"):
        read(document)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$$(A)", "$(A)"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$A ${A} $", "$A ${A} $"),
        ("$$$(A)", "$1"),
    ],
)
def test_references_expand_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_a_value_sees_the_variables_above_it_only() -> None:
    environment = read(
        deployment(env=[{"name": "A", "value": "$(B)"}, {"name": "B", "value": "2"}, {"name": "C", "value": "$(B)"}])
    )[0].environment
    assert environment == {"A": "$(B)", "B": "2", "C": "2"}
