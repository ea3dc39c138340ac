"""Makes the CustomResourceDefinitions from the models.

    python -m foosets.api.crd [--check] [DIRECTORY]

The models say what a field means; this file says how a CRD is written. A structural schema is stricter than what
pydantic writes: no references, no alternatives for what may be absent, no titles.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import JsonValue

from foosets.api.batchfooset import BatchFooSet
from foosets.api.customresource import INT32_MAX, POD_TEMPLATE_REF, CustomResource
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS, Resource
from foosets.api.podtemplate import pod_template_schema
from foosets.api.servicefooset import ServiceFooSet
from foosets.api.status import UNOBSERVED

Schema = dict[str, Any]

HEADER: Final = "# Generated from the models in controllers/foosets/api by `make generate`; do not edit.\n"
CATEGORY: Final = "foo"
WRITTEN_AS_ONE: Final[Schema] = {"x-kubernetes-map-type": "atomic"}
"""Of a pod template: who applies it owns the whole. Field by field, the API server turns an object that an apply leaves
empty into null, and refuses it (docs/decisions/0016-a-template-is-applied-as-one.md)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says beside its schema."""

    resource: Resource
    model: type[CustomResource]
    short_name: str
    columns: tuple[Column, ...]
    subresources: Mapping[str, Schema]


READY: Final = Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status')
REASON: Final = Column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason')
AGE: Final = Column("Age", "date", ".metadata.creationTimestamp")
SCALE: Final[Schema] = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}

DEFINITIONS: Final = (
    Definition(
        FOOSETS,
        FooSet,
        "fs",
        (
            READY,
            Column("Batch", "string", ".status.batchReady"),
            Column("Service", "string", ".status.serviceReady"),
            REASON,
            Column("Trace", "string", ".status.traceID"),
            AGE,
        ),
        {"status": {}},
    ),
    Definition(
        BATCHFOOSETS,
        BatchFooSet,
        "bfs",
        (
            READY,
            Column("Active", "integer", ".status.active"),
            Column("Succeeded", "integer", ".status.succeeded"),
            Column("Failed", "integer", ".status.failed"),
            REASON,
            AGE,
        ),
        {"status": {}},
    ),
    Definition(
        SERVICEFOOSETS,
        ServiceFooSet,
        "sfs",
        (
            READY,
            Column("Replicas", "integer", ".status.replicas"),
            Column("Updated", "integer", ".status.updatedReplicas"),
            REASON,
            AGE,
        ),
        {"status": {}, "scale": SCALE},
    ),
    Definition(
        FOOQUOTAS,
        FooQuota,
        "fq",
        (
            Column("Hard", "string", ".spec.hard"),
            Column("Reserved", "string", ".status.reserved"),
            Column("Used", "string", ".status.used"),
            Column("Waiting", "integer", ".status.waiting"),
            AGE,
        ),
        {"status": {}},
    ),
)


# ---- the schema


def root_schema(model: type[CustomResource]) -> Schema:
    """Return the structural schema of a kind, without what the API server adds itself (kind, metadata)."""
    schema = model.model_json_schema()
    definitions: dict[str, Schema] = schema["$defs"]
    status = _structural(schema["properties"]["status"], definitions, defaults=False)
    rules = {key: schema[key] for key in ("x-kubernetes-validations",) if key in schema}
    return {
        "description": _one_line(schema["description"]),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": _structural(schema["properties"]["spec"], definitions, defaults=True),
            "status": status | {"default": {"observedGeneration": UNOBSERVED}},
        },
        **rules,
    }


def _structural(schema: Schema, definitions: Mapping[str, Schema], *, defaults: bool) -> Schema:
    schema = _resolved(schema, definitions)
    if schema.get("x-schema") == POD_TEMPLATE_REF:
        return pod_template_schema() | WRITTEN_AS_ONE | {"description": _one_line(schema["description"])}
    result: Schema = {}
    for keyword, value in schema.items():
        match keyword:
            case "title":
                pass
            case "default":
                if defaults and not _says_nothing(value):
                    result[keyword] = value
            case "description":
                result[keyword] = _one_line(value)
            case "properties":
                result[keyword] = {
                    name: _structural(part, definitions, defaults=defaults) for name, part in value.items()
                }
            case "items" | "additionalProperties":
                result[keyword] = _structural(value, definitions, defaults=defaults)
            case _:
                result[keyword] = value
    if result.get("type") == "integer":
        result["format"] = "int32" if result["maximum"] <= INT32_MAX else "int64"
    return result


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Replace a reference, or the alternatives of an optional field, by what it means; siblings win."""
    siblings = {keyword: value for keyword, value in schema.items() if keyword not in ("$ref", "anyOf")}
    if "anyOf" in schema:
        (meant,) = (part for part in schema["anyOf"] if part != {"type": "null"})
        return _resolved(meant, definitions) | siblings
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]] | siblings
    return schema


def _says_nothing(default: JsonValue) -> bool:
    """Whether an absent field means the same as this default: nothing, or a collection of nothing."""
    if isinstance(default, dict):
        return all(_says_nothing(value) for value in default.values())
    return default is None or default in ("", [])


def _one_line(text: str) -> str:
    return " ".join(text.split())


# ---- the definition


def crd(definition: Definition) -> Schema:
    """Return the CustomResourceDefinition as the API server takes it."""
    resource = definition.resource
    kind = str(resource.kind)  # a plain string: YAML has no enums
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": resource.plural,
                "singular": kind.lower(),
                "shortNames": [definition.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": resource.version,
                    "served": True,
                    "storage": True,
                    "subresources": dict(definition.subresources),
                    "additionalPrinterColumns": [
                        {"name": column.name, "type": column.type, "jsonPath": column.path}
                        for column in definition.columns
                    ],
                    "schema": {"openAPIV3Schema": root_schema(definition.model)},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: what occurs twice is written twice, as people expect of a manifest."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class asks for each value
        return True


def files() -> dict[str, str]:
    """Return the generated files: name to text, the same bytes from the same models."""
    return {
        f"{definition.resource.plural}.yaml": HEADER + yaml.dump(crd(definition), Dumper=_Dumper, width=120)
        for definition in DEFINITIONS
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the CRDs, or with --check say which of them are not what the models make; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m foosets.api.crd", description=main.__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("crds"))
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    options = parser.parse_args(arguments)
    stale = False
    for name, text in files().items():
        path: Path = options.directory / name
        if not options.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.stderr.write(f"{path} is not what the models make: run `make generate` and commit the result\n")
            stale = True
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
