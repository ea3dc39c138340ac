"""The generated CRDs, by themselves."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from foosets.api.crd import DEFINITIONS, files, main
from tests.api.schemas import CRDS, Schema, committed, defaulted, is_pod_template, nodes, root

KINDS = committed()
EVERY_NODE = [
    pytest.param(schema, id=f"{kind}{path}")
    for kind, crd in KINDS.items()
    for path, schema in nodes(root(crd), into_pod_templates=False)
]
POD = {"spec": {"containers": [{"name": "main", "image": "example"}], "restartPolicy": "Never"}}
MINIMAL: dict[str, Any] = {
    "FooSet": {
        "batch": [{"name": "workers", "template": {"spec": {"template": POD}}}],
        "service": [{"name": "server", "template": {"spec": {"template": POD}}}],
    },
    "BatchFooSet": {"template": POD},
    "ServiceFooSet": {"template": POD},
    "FooQuota": {"hard": {"cpu": "1"}},
}


def test_the_committed_files_are_what_the_models_make() -> None:
    assert {path.name: path.read_text() for path in CRDS.iterdir()} == files()


def test_check_passes_on_what_was_written_and_names_what_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""

    changed = tmp_path / "batchfoosets.yaml"
    changed.write_text(changed.read_text().replace("default: 6", "default: 7"))
    (tmp_path / "foosets.yaml").unlink()
    assert main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert [line.split()[0] for line in said.splitlines()] == [str(tmp_path / "foosets.yaml"), str(changed)]
    assert "make generate" in said


@pytest.mark.parametrize("schema", EVERY_NODE)
def test_every_field_is_described_and_bounded(schema: Schema) -> None:
    match schema.get("type", "int-or-string"):
        case "integer":
            assert {"minimum", "maximum", "format"} <= schema.keys()
        case "string":
            assert {"maxLength", "enum"} & schema.keys() or schema["format"] == "date-time"
        case "int-or-string":
            assert {"minimum", "maxLength", "pattern"} <= schema.keys()
        case "array":
            assert {"maxItems", "x-kubernetes-list-type"} <= schema.keys()
        case "object":
            assert "properties" in schema or {"maxProperties", "additionalProperties"} <= schema.keys()
        case kind:
            assert kind == "boolean"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_description_worth_reading(kind: str) -> None:
    for path, schema in nodes(root(KINDS[kind]), into_pod_templates=False):
        if is_pod_template(schema):
            assert "kubectl explain pod.spec" in schema["description"], path
        for name, part in {} if is_pod_template(schema) else schema.get("properties", {}).items():
            assert part["description"].endswith("."), f"{path}.{name}"
            assert len(part["description"].split()) > 2, f"{path}.{name}"


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_structural(kind: str) -> None:
    forbidden = {"$ref", "$comment", "$defs", "title", "anyOf", "allOf", "oneOf", "x-schema"}
    for path, schema in nodes(root(KINDS[kind]), into_pod_templates=True):
        assert not forbidden & schema.keys(), path
        assert ("type" in schema) != ("x-kubernetes-int-or-string" in schema), path


@pytest.mark.parametrize("definition", DEFINITIONS, ids=KINDS)
def test_the_schema_and_the_model_have_the_same_defaults(definition: Any) -> None:
    schema = root(KINDS[definition.resource.kind])["properties"]
    spec = definition.model.model_fields["spec"].annotation
    minimal = MINIMAL[definition.resource.kind]
    by_model = json.loads(spec.model_validate(minimal).to_json())
    for entry in (*by_model.get("batch", ()), *by_model.get("service", ())):
        assert entry["template"].pop("metadata") == {"labels": {}, "annotations": {}}  # absent and empty mean the same
    assert by_model.pop("priorityClassName", "") == ""
    assert defaulted(schema["spec"], minimal) == by_model

    status = definition.model.model_fields["status"]
    assert schema["status"]["default"] == {"observedGeneration": status.default.observed_generation}
    assert defaulted(schema["status"], {}) == {}, "inside a status, a default would read as an observation"


def test_the_first_versions_fields() -> None:
    fields = {kind: set(root(crd)["properties"]["spec"]["properties"]) for kind, crd in KINDS.items()}
    assert fields == {
        "FooSet": {"priorityClassName", "batch", "service"},
        "BatchFooSet": {"parallelism", "completions", "backoffLimit", "placement", "template"},
        "ServiceFooSet": {"replicas", "minReadySeconds", "template"},
        "FooQuota": {"hard"},
    }


@pytest.mark.parametrize(
    ("kind", "names", "columns"),
    [
        ("FooSet", ["foosets", "fooset", "fs"], "Ready Batch Service Reason Trace Age"),
        ("BatchFooSet", ["batchfoosets", "batchfooset", "bfs"], "Ready Active Succeeded Failed Reason Age"),
        ("ServiceFooSet", ["servicefoosets", "servicefooset", "sfs"], "Ready Replicas Updated Reason Age"),
        ("FooQuota", ["fooquotas", "fooquota", "fq"], "Hard Reserved Used Waiting Age"),
    ],
)
def test_names_and_columns(kind: str, names: list[str], columns: str) -> None:
    spec = KINDS[kind]["spec"]
    assert [spec["names"]["plural"], spec["names"]["singular"], *spec["names"]["shortNames"]] == names
    assert spec["names"]["categories"] == ["foo"]
    assert spec["scope"] == "Namespaced"
    (version,) = spec["versions"]
    assert version["name"] == "v1alpha1"
    assert [column["name"] for column in version["additionalPrinterColumns"]] == columns.split()


@pytest.mark.parametrize("kind", KINDS)
def test_columns_and_scale_point_at_fields_that_exist(kind: str) -> None:
    (version,) = KINDS[kind]["spec"]["versions"]
    paths = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
    paths += list(version["subresources"].get("scale", {}).values())
    known = {path for path, _ in nodes(root(KINDS[kind]), into_pod_templates=False)} | {".metadata.creationTimestamp"}
    assert {path.replace('[?(@.type=="Ready")]', "[]") for path in paths} <= known


def test_a_helm_release_of_the_crds_stays_small() -> None:
    """Helm keeps a release in one Secret of at most 1 MiB: the chart's files in base64, and the rendered manifest."""
    texts = {path.name: path.read_text() for path in CRDS.iterdir()}
    chart = [{"name": name, "data": base64.b64encode(text.encode()).decode()} for name, text in texts.items()]
    release = {"name": "foosets", "chart": {"templates": chart}, "manifest": "---\n".join(texts.values())}
    stored = base64.b64encode(gzip.compress(json.dumps(release).encode(), compresslevel=9))
    assert len(stored) < 500_000


def test_no_helm_template_language_inside() -> None:
    assert not any("{{" in path.read_text() for path in CRDS.iterdir())
