"""Objects as an API server writes them: the members of built-in kinds in the order of its types, others by name."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from foosets.api.meta import Resource
from foosets.api.names import GROUP

_sorted: Final = msgspec.json.Encoder(order="sorted").encode
_as_is: Final = msgspec.json.Encoder().encode
_METADATA: Final = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def encoded(resource: Resource, found: Mapping[str, Any]) -> bytes:
    """Return the object's JSON."""
    if resource.group == GROUP:
        return _sorted(found)
    meta = found["metadata"]
    first = {name: meta[name] for name in _METADATA if name in meta}
    envelope = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {**first, **meta}}
    return _as_is({**envelope, **{name: part for name, part in found.items() if name not in envelope}})


def as_item(resource: Resource, body: bytes) -> bytes:
    """Return an encoded object as a list has it: the items of built-in kinds do not say what they are."""
    if resource.group == GROUP:
        return body
    return b"{" + body.removeprefix(
        b'{"kind":"%b","apiVersion":"%b",' % (resource.kind.encode(), resource.api_version.encode())
    )
