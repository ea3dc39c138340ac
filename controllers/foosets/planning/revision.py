"""The revision of a template: what must change for its pods to be replaced."""

from collections.abc import Mapping
from typing import Any

import msgspec

from foosets.api.names import GROUP, TRACEPARENT
from foosets.planning.naming import REVISION_LENGTH, base32_sha256

_canonical = msgspec.json.Encoder(order="deterministic")


def canonical_json(value: object) -> bytes:
    """Return JSON with sorted keys and without blanks: equal values give equal bytes."""
    return _canonical.encode(value)


def is_ours(annotation: str) -> bool:
    """Whether an annotation is the suite's bookkeeping rather than the user's wish."""
    return annotation == TRACEPARENT or annotation.partition("/")[0] == GROUP


def template_revision(template: Mapping[str, Any]) -> str:
    """Return the hash of a pod template as the user wrote it.

    Our own annotations do not count. The user's do: a restart by annotation must replace pods.
    """
    metadata: dict[str, Any] = dict(template.get("metadata") or {})
    annotations: Mapping[str, str] = metadata.pop("annotations", None) or {}
    users = {key: value for key, value in annotations.items() if not is_ours(key)}
    metadata = {key: value for key, value in metadata.items() if value}
    if users:
        metadata["annotations"] = users
    hashed = {"metadata": metadata, "spec": template.get("spec") or {}}
    return base32_sha256(canonical_json(hashed))[:REVISION_LENGTH]
