"""Ways through the schemas of the CRDs, for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from foosets.api.crd import DEFINITIONS

Schema = dict[str, Any]

CRDS = Path(__file__).parents[2] / "crds"


def committed() -> dict[str, Schema]:
    """The committed definitions: kind to CRD."""
    loaded = [
        yaml.load((CRDS / f"{definition.resource.plural}.yaml").read_text(), yaml.CSafeLoader)
        for definition in DEFINITIONS
    ]
    return {crd["spec"]["names"]["kind"]: crd for crd in loaded}


def root(crd: Schema) -> Schema:
    """The schema of the only version."""
    (version,) = crd["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def is_pod_template(schema: Schema) -> bool:
    """Whether Kubernetes' own schema begins here."""
    spec = schema.get("properties", {}).get("spec", {})
    return "containers" in spec.get("properties", {})


def nodes(schema: Schema, path: str = "", *, into_pod_templates: bool) -> Iterator[tuple[str, Schema]]:
    """Every schema below this one, with its path."""
    yield path, schema
    if is_pod_template(schema) and not into_pod_templates:
        return
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}", into_pod_templates=into_pod_templates)
    for word in {"items", "additionalProperties"} & schema.keys():
        yield from nodes(schema[word], f"{path}[]", into_pod_templates=into_pod_templates)


def defaulted(schema: Schema, value: Any) -> Any:
    """The value with the schema's defaults filled in, as an API server does it."""
    if isinstance(value, list):
        return [defaulted(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Schema = schema.get("properties", {})
    filled = {name: part["default"] for name, part in properties.items() if "default" in part} | value
    return {name: defaulted(properties[name], item) if name in properties else item for name, item in filled.items()}
