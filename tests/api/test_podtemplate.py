"""What becomes of Kubernetes' OpenAPI on its way into our CRDs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from foosets.api.podtemplate import extract, main, pod_template_schema
from tests.api.schemas import nodes

PREFIX = "#/components/schemas/"


def document(**pod_spec: Any) -> dict[str, Any]:
    """An API server's document with just these fields in a pod's spec."""
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    return {
        "info": {"version": "v9.9.9"},
        "components": {
            "schemas": {
                "io.k8s.api.core.v1.PodTemplateSpec": {
                    "type": "object",
                    "description": "What to make.",
                    "properties": {
                        "metadata": {"allOf": [{"$ref": PREFIX + meta}], "default": {}},
                        "spec": {"allOf": [{"$ref": PREFIX + "io.k8s.api.core.v1.PodSpec"}], "default": {}},
                    },
                },
                "io.k8s.api.core.v1.PodSpec": {"type": "object", "properties": pod_spec},
                "Port": {
                    "type": "object",
                    "required": ["number"],
                    "properties": {
                        "number": {"type": "integer", "default": 0},
                        "protocol": {"type": "string", "default": "TCP"},
                        "name": {"type": "string", "default": ""},
                    },
                },
                meta: {"type": "object", "properties": {"finalizers": {"type": "array"}}},
                "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
                "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"format": "int-or-string"},
            }
        },
    }


def extracted(**pod_spec: Any) -> dict[str, Any]:
    return extract(document(**pod_spec))["properties"]["spec"]["properties"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "string", "description": "Words.", "default": ""}, {"type": "string"}),
        ({"type": "string", "enum": ["A", "B"], "default": ""}, {"type": "string", "enum": ["A", "B"]}),
        ({"type": "integer", "format": "int32"}, {"type": "integer", "format": "int32"}),
        (
            {"type": "array", "items": {"type": "string", "default": ""}, "x-kubernetes-list-type": "atomic"},
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"},
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-patch-strategy": "merge"},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"$ref": PREFIX + "io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
            {"x-kubernetes-int-or-string": True},
        ),
    ],
)
def test_keywords(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert extracted(field=given)["field"] == expected


def test_only_the_optional_keys_of_a_list_map_keep_their_default() -> None:
    ports = extracted(
        ports={
            "type": "array",
            "items": {"$ref": PREFIX + "Port"},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["number", "protocol"],
        }
    )["ports"]
    fields = ports["items"]["properties"]
    assert fields == {
        "number": {"type": "integer"},
        "protocol": {"type": "string", "default": "TCP"},
        "name": {"type": "string"},
    }


def test_metadata_is_what_a_template_hands_on() -> None:
    template = extract(document())
    assert set(template["properties"]["metadata"]["properties"]) == {"labels", "annotations"}
    assert template["required"] == ["spec"]
    assert "v9.9.9" in template["$comment"]


def test_a_keyword_that_is_not_known_stops_the_extraction() -> None:
    with pytest.raises(ValueError, match="'minimum'"):
        extract(document(field={"type": "integer", "minimum": 3}))


def test_a_servers_document_becomes_the_file_that_is_committed(tmp_path: Path) -> None:
    served, written = tmp_path / "served.json", tmp_path / "podtemplate.json"
    served.write_text(json.dumps(document(priority={"type": "integer"})))
    main(["--server-openapi", str(served), str(written)])
    assert json.loads(written.read_text()) == extract(document(priority={"type": "integer"}))


def test_the_committed_schema() -> None:
    schema = pod_template_schema()
    pod = schema["properties"]["spec"]["properties"]
    assert "default" not in pod["schedulerName"], "a scheduler that was left open must be told from a chosen one"
    assert pod["imagePullSecrets"]["items"]["properties"]["name"]["default"] == ""
    assert pod["restartPolicy"]["enum"] == ["Always", "Never", "OnFailure"]
    defaults = {path for path, part in nodes(schema, into_pod_templates=True) if "default" in part}
    assert {path.rpartition(".")[2] for path in defaults} == {"name", "protocol"}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("500m", True),
        ("1Gi", True),
        ("1.5", True),
        (".5", True),
        ("1e3", True),
        ("-1", True),
        ("1GB", False),
        ("", False),
        ("1 Gi", False),
    ],
)
def test_quantities(text: str, accepted: bool) -> None:  # noqa: FBT001  a table's column
    pod = pod_template_schema()["properties"]["spec"]["properties"]
    pattern = pod["overhead"]["additionalProperties"]["pattern"]
    assert bool(re.search(pattern, text)) is accepted
