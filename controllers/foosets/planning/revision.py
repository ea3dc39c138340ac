"""The revision of a template: what must change for its pods to be replaced."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import msgspec

from foosets.api.names import GROUP, TRACEPARENT
from foosets.api.podtemplate import pod_template_schema
from foosets.planning.naming import REVISION_LENGTH, base32_sha256

_canonical = msgspec.json.Encoder(order="deterministic")


def canonical_json(value: object) -> bytes:
    """Return JSON with sorted keys and without blanks: equal values give equal bytes."""
    return _canonical.encode(value)


def is_ours(annotation: str) -> bool:
    """Whether an annotation is the suite's bookkeeping rather than the user's wish."""
    return annotation == TRACEPARENT or annotation.startswith(f"{GROUP}/")


def template_revision(template: Mapping[str, Any]) -> str:
    """Return the hash of a pod template as the user wrote it.

    A user's annotation counts: a restart by annotation must replace pods. A field that is equal to its schema's
    default counts as left out, so that a new version that gives a field a default replaces nothing.
    """
    pods: Mapping[str, Any] = _pod_template()["properties"]["spec"]
    return revision(template.get("metadata") or {}, _without_defaults(template.get("spec") or {}, pods))


def revision(metadata: Mapping[str, Any], spec: object) -> str:
    """Return the hash of what a user asked for. Our own annotations do not count, the user's do."""
    metadata = dict(metadata)
    annotations: Mapping[str, str] = metadata.pop("annotations", None) or {}
    users = {key: value for key, value in annotations.items() if not is_ours(key)}
    metadata = {key: value for key, value in metadata.items() if value}
    if users:
        metadata["annotations"] = users
    return base32_sha256(canonical_json({"metadata": metadata, "spec": spec}))[:REVISION_LENGTH]


def _without_defaults(value: object, schema: Mapping[str, Any]) -> object:
    """Return the value without the fields that only say what their schema says for them."""
    if isinstance(value, list):
        items: Mapping[str, Any] = schema.get("items", {})
        return [_without_defaults(part, items) for part in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    said = {key: (part, fields.get(key, {})) for key, part in cast("dict[str, object]", value).items()}
    return {
        key: _without_defaults(part, field)
        for key, (part, field) in said.items()
        if "default" not in field or part != field["default"]
    }


_pod_template = cache(pod_template_schema)
