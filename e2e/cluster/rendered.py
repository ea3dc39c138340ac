"""How each component starts, read from the chart's rendered Deployments: pure.

There is no second description of it: what a kubelet would run is what the harness runs. What decides what runs and
cannot be honoured is an error. Readiness is waited for; liveness is not judged: a component that hangs shall be seen,
not healed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

NAME_LABEL: Final = "app.kubernetes.io/name"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
CHART: Final = "foosets"
REFERENCE: Final = re.compile(r"\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")
"""`$(NAME)` in commands and values, and `$$` for a dollar: Kubernetes' expansion of dependent variables."""


class UnsupportedRenderError(ValueError):
    """A Deployment asks for something that a plain process cannot have."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One component as its Deployment describes it."""

    name: str
    namespace: str
    service_account: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    ready_path: str


def components(manifests: str, namespace: str) -> list[Rendered]:
    """Return the components among rendered manifests; `namespace` is the release's, for those that name none."""
    documents = [document for document in yaml.safe_load_all(manifests) if document]
    return [_component(document, namespace) for document in documents if _is_ours(document)]


def _is_ours(document: Mapping[str, Any]) -> bool:
    if document.get("kind") != "Deployment":
        return False
    labels = document["spec"]["template"]["metadata"].get("labels", {})
    return labels.get(NAME_LABEL) == CHART and COMPONENT_LABEL in labels


def _component(document: Mapping[str, Any], release_namespace: str) -> Rendered:
    metadata, template = document["metadata"], document["spec"]["template"]
    name = template["metadata"]["labels"][COMPONENT_LABEL]
    containers = template["spec"]["containers"]
    if len(containers) != 1 or template["spec"].get("initContainers"):
        raise UnsupportedRenderError(f"{name}: a component is one container")
    namespace = metadata.get("namespace", release_namespace)
    identity = {  # the name is stable: a restarted process is the same to the API server
        "metadata.name": f"{metadata['name']}-local",
        "metadata.namespace": namespace,
        "spec.serviceAccountName": template["spec"]["serviceAccountName"],
    }
    environment = _environment(name, containers[0], identity)
    return Rendered(
        name=name,
        namespace=namespace,
        service_account=identity["spec.serviceAccountName"],
        argv=_argv(name, containers[0], environment),
        environment=environment,
        ready_path=containers[0].get("readinessProbe", {}).get("httpGet", {}).get("path", "/readyz"),
    )


def _argv(name: str, container: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    if not container.get("command"):
        raise UnsupportedRenderError(f"{name}: without `command` only the image knows what to run")
    return tuple(expand(word, environment) for word in (*container["command"], *container.get("args", [])))


def _environment(name: str, container: Mapping[str, Any], identity: Mapping[str, str]) -> dict[str, str]:
    if container.get("envFrom"):
        raise UnsupportedRenderError(f"{name}: envFrom is not supported, name each variable")
    values: dict[str, str] = {}
    for entry in container.get("env", []):
        values[entry["name"]] = _value(name, entry, identity, values)
    return values


def _value(name: str, entry: Mapping[str, Any], identity: Mapping[str, str], earlier: Mapping[str, str]) -> str:
    if "valueFrom" not in entry:
        return expand(str(entry.get("value", "")), earlier)
    path = entry["valueFrom"].get("fieldRef", {}).get("fieldPath")
    if path not in identity:
        raise UnsupportedRenderError(f"{name}: {entry['name']} comes from {entry['valueFrom']}, which is not supported")
    return identity[path]


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value and `$$` by `$`; an unknown name stays as it stands."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else environment.get(match[2], match[0])

    return REFERENCE.sub(value, text)
