"""The schema of a pod template: Kubernetes' own, as a structural schema for our CRDs.

It is a committed data file, so that generating the CRDs needs no cluster. It is taken from a running API server:

    kubectl get --raw /openapi/v3/api/v1 | python -m foosets.api.podtemplate --server-openapi -

That document cannot be used as it is. Structural schemas have no references. Descriptions of four pod templates would
make the CRDs too large for a Helm release. The defaults there are Go's zero values (an API server even refuses
`default: ""` on an enum), and the real ones are filled in when the pods are created; so a template stays as its user
wrote it, and a missing `schedulerName` can be told from a chosen one. Only a key of a list-map keeps its default,
since a list-map's keys must be required or have one.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Schema = dict[str, Any]

FILE: Final = Path(__file__).with_name("podtemplate.json")
KEPT: Final = frozenset(
    {
        "type",
        "format",
        "enum",
        "required",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type",
    }
)
DROPPED: Final = frozenset(
    {
        "description",
        "default",
        "x-kubernetes-patch-merge-key",  # strategic merge patch does not exist for custom resources
        "x-kubernetes-patch-strategy",
        "x-kubernetes-unions",  # not part of a CRD's schema
    }
)
QUANTITY: Final[Schema] = {
    "x-kubernetes-int-or-string": True,
    # the grammar in the description of Kubernetes' Quantity
    "pattern": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
}
STRING_MAP: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
METADATA: Final[Schema] = {"type": "object", "properties": {"annotations": STRING_MAP, "labels": STRING_MAP}}
"""What a template hands on. Job accepts any metadata here and ignores name and namespace; we refuse what we ignore."""
REPLACED: Final[Mapping[str, Schema]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": QUANTITY,
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": METADATA,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
}


def extract(document: Mapping[str, Any]) -> Schema:
    """Return the structural schema of PodTemplateSpec from the document that serves `/openapi/v3/api/v1`.

    Raises ValueError on a keyword that this version does not know, rather than leave out a rule of Kubernetes.
    """
    template = _structural({"$ref": "io.k8s.api.core.v1.PodTemplateSpec"}, document["components"]["schemas"])
    version = document["info"]["version"]
    return {
        "$comment": f"Derived from Kubernetes {version} by foosets.api.podtemplate; Apache-2.0, see NOTICE.",
        **template,
        "required": ["spec"],
    }


def pod_template_schema() -> Schema:
    """Return the committed schema, a new copy each time."""
    schema: Schema = json.loads(FILE.read_text())
    del schema["$comment"]
    return schema


def _structural(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    name = _reference(schema)
    if name in REPLACED:
        return REPLACED[name]
    if name:
        return _structural(components[name], components)
    result: Schema = {}
    for keyword, value in schema.items():
        if keyword == "properties":
            result[keyword] = {field: _structural(part, components) for field, part in value.items()}
        elif keyword in ("items", "additionalProperties"):
            result[keyword] = _structural(value, components)
        elif keyword in KEPT:
            result[keyword] = value
        elif keyword not in DROPPED:
            raise ValueError(f"keyword {keyword!r} of the server's OpenAPI is not known: {value}")
    _keep_key_defaults(result, schema, components)
    return result


def _keep_key_defaults(result: Schema, schema: Schema, components: Mapping[str, Schema]) -> None:
    for key in schema.get("x-kubernetes-list-map-keys", ()):
        if key not in result["items"].get("required", ()):
            item = components[_reference(schema["items"])]
            result["items"]["properties"][key]["default"] = item["properties"][key]["default"]


def _reference(schema: Schema) -> str:
    """Name of the component that the schema stands for, or ''. A reference with siblings is written as allOf of one."""
    alternatives: list[Schema] = schema.get("allOf", [schema])
    return str(alternatives[0].get("$ref", "")).rpartition("/")[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write podtemplate.json anew from a server's document."""
    parser = argparse.ArgumentParser(prog="python -m foosets.api.podtemplate", description=main.__doc__)
    parser.add_argument(
        "--server-openapi",
        required=True,
        metavar="FILE",
        help="what `kubectl get --raw /openapi/v3/api/v1` printed; - for standard input",
    )
    parser.add_argument("file", type=Path, nargs="?", default=FILE, help="where to write it; %(default)s")
    options = parser.parse_args(arguments)
    source, file = str(options.server_openapi), Path(options.file)
    document = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text())
    file.write_text(json.dumps(extract(document), indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
