"""What the schemas of our CRDs do to an object: prune, fill in, judge.

The generated `crds/*.yaml` are read, so that what the tests rely on is what users install. Rules in CEL are not
evaluated. A field is named in a cause as the real server names it; the words are our own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from tests.api.schemas import committed, root
from tests.fake.record import Object

Schema = Mapping[str, Any]


class Cause(NamedTuple):
    """A field, and what is wrong with it; `blocks` is whether rules in CEL are not evaluated because of it."""

    field: str
    message: str
    blocks: bool = False


_ENVELOPE: Final = ("apiVersion", "kind", "metadata")
_NONE: Final[Schema] = {}
_BLOCKING: Final = frozenset({"maxLength", "maxItems", "maxProperties"})
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def schema_of(kind: str) -> Schema:
    """Return the schema of one of our kinds."""
    return _schemas()[kind]


@cache
def _schemas() -> Mapping[str, Schema]:
    return {kind: root(definition) for kind, definition in committed().items()}


def pruned(schema: Schema, found: Object) -> Object:
    """Return the object without fields that the schema does not know, and without nulls that it does not allow."""
    kept = {name: found[name] for name in _ENVELOPE if name in found}
    return kept | _pruned(schema, {name: part for name, part in found.items() if name not in _ENVELOPE})


def untypable(schema: Schema, found: Object) -> Iterator[str]:
    """Yield what keeps an object from being applied: fields that the schema does not know or types otherwise."""
    return _untypable(schema, {name: part for name, part in found.items() if name not in _ENVELOPE}, "")


def causes(schema: Schema, found: Object, before: Object | None) -> list[Cause]:
    """Return what the schema refuses; parts that are as they were before are not judged again."""
    known = before or {}
    missing = [Cause(name, "Required value", blocks=True) for name in schema.get("required", ()) if name not in found]
    parts = ((name, part) for name, part in found.items() if name not in known or known[name] != part)
    return missing + [cause for name, part in parts for cause in _causes(_part(schema, name) or _NONE, part, name)]


# ---- pruning and defaults


def _pruned(schema: Schema, value: Any) -> Any:
    if isinstance(value, list):
        return [_pruned(schema.get("items", _NONE), item) for item in value]
    if not isinstance(value, dict):
        return value
    parts = {name: (part, item) for name, item in value.items() if (part := _part(schema, name)) is not None}
    return {
        name: _pruned(part, item)
        for name, (part, item) in parts.items()
        if item is not None or part.get("nullable") or "default" in part
    }


def _part(schema: Schema, name: str) -> Schema | None:
    """Return the schema of a member, or None if there may be no such member."""
    declared = schema.get("properties", _NONE).get(name)
    if declared is not None:
        return declared
    others = schema.get("additionalProperties")
    if others is not None:
        return others if isinstance(others, dict) else _NONE
    return _NONE if schema.get("x-kubernetes-preserve-unknown-fields") else None


def _untypable(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if value is not None and not _has_type(schema, value):
        yield f"{path}: expected {schema.get('type')}"
    elif isinstance(value, list):
        identities = [_identity(schema, item) for item in value]
        for number, item in enumerate(value):
            yield from _untypable(schema.get("items", _NONE), item, f"{path}[{number}]")
            if _has_identities(schema) and identities[number] in identities[:number]:
                yield f"{path}: duplicate entries"
    elif isinstance(value, dict) and schema.get("type") == "object":
        for name, item in value.items():
            part = _part(schema, name)
            if part is None:
                yield f"{path}.{name}: field not declared in schema"
            else:
                yield from _untypable(part, item, f"{path}.{name}")


def filled(schema: Schema, value: Any) -> Any:
    """Return the value with the schema's defaults, also within those that were just filled in."""
    if isinstance(value, list):
        return [filled(schema.get("items", _NONE), item) for item in value]
    if not isinstance(value, dict):
        return value
    given = dict(value)
    for name, part in schema.get("properties", _NONE).items():
        if "default" in part and given.get(name) is None:
            given[name] = part["default"]
    return {name: filled(_part(schema, name) or _NONE, item) for name, item in given.items()}


# ---- judging


def _causes(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if not _has_type(schema, value):
        yield Cause(path, f"Invalid value: must be of type {','.join(_types(schema))}", blocks=True)
        return
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{one}"' for one in schema["enum"])
        yield Cause(path, f"Unsupported value: {value!r}: supported values: {supported}", blocks=True)
    for keyword, breaks in _RULES.items():
        if keyword in schema and breaks(value, schema[keyword]):
            yield Cause(path, f"Invalid value: breaks {keyword} {schema[keyword]}", blocks=keyword in _BLOCKING)
    if isinstance(value, dict):
        yield from _causes_within(schema, value, path)
    elif isinstance(value, list):
        yield from _causes_in_items(schema, value, path)


def _causes_within(schema: Schema, value: Object, path: str) -> Iterator[Cause]:
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            yield Cause(f"{prefix}{name}", "Required value", blocks=True)
    for name, item in value.items():
        yield from _causes(_part(schema, name) or _NONE, item, f"{prefix}{name}")


def _causes_in_items(schema: Schema, value: list[Any], path: str) -> Iterator[Cause]:
    for number, item in enumerate(value):
        yield from _causes(schema.get("items", _NONE), item, f"{path}[{number}]")
        if _has_identities(schema) and _identity(schema, item) in [
            _identity(schema, other) for other in value[:number]
        ]:
            yield Cause(f"{path}[{number}]", "Duplicate value")


def _types(schema: Schema) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    return (schema["type"],) if "type" in schema else ()


def _has_type(schema: Schema, value: Any) -> bool:
    types = _types(schema)
    return not types or any(_IS[type_](value) for type_ in types)


def _has_identities(schema: Schema) -> bool:
    return schema.get("x-kubernetes-list-type") in {"map", "set"}


def _identity(schema: Schema, item: Any) -> Any:
    keys = schema.get("x-kubernetes-list-map-keys")
    return [item.get(key) for key in keys] if keys and isinstance(item, dict) else item


def _is_integer(value: Any) -> bool:
    """Whether it is one to the API server, which reads as a float what has more than 64 bits."""
    whole = (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value.is_integer()
    )
    return whole and -(2**63) <= value < 2**63


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _breaks_format(value: Any, name: str) -> bool:
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        return not low <= value <= high
    return name == "date-time" and not _is_time(value)


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


# what is an integer or a string may have bounds for both
_RULES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "minimum": lambda value, bound: not isinstance(value, str) and value < bound,
    "maximum": lambda value, bound: not isinstance(value, str) and value > bound,
    "minLength": lambda value, bound: isinstance(value, str) and len(value) < bound,
    "maxLength": lambda value, bound: isinstance(value, str) and len(value) > bound,
    "minItems": lambda value, bound: len(value) < bound,
    "maxItems": lambda value, bound: len(value) > bound,
    "minProperties": lambda value, bound: len(value) < bound,
    "maxProperties": lambda value, bound: len(value) > bound,
    "pattern": lambda value, pattern: isinstance(value, str) and re.search(pattern, value) is None,
    "format": _breaks_format,
}
"""By keyword: whether a value breaks it."""
