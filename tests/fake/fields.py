"""Sets of fields, and objects merged by them: the arithmetic below server-side apply (KEP-555).

A field is a path of elements as `managedFields` writes them: `f:name` of an object, `k:{"name":"a"}` of a list whose
items have keys, `v:"x"` of a set. A schema says which objects and lists are taken apart like this; the others are
atomic, one field as a whole.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.fake.schemas import Schema

Path = tuple[str, ...]
Fields = frozenset[Path]

NONE: Final[Fields] = frozenset()
_UNTYPED: Final[Schema] = {}


def fields_in(schema: Schema, value: Any) -> Fields:
    """Return the fields that somebody owns who applies this value."""
    return frozenset(_fields_in(schema, value, ()))


@dataclass(frozen=True, slots=True)
class Difference:
    """The fields by which one object became another."""

    changed: Fields
    """Added, or given another value."""
    removed: Fields


def difference(schema: Schema, old: Any, new: Any) -> Difference:
    """Return what changed between two values; what contains something new is new as well."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    _compare(schema, (old, new), (), (changed, removed))
    return Difference(frozenset(changed), frozenset(removed))


def merged(schema: Schema, live: Any, applied: Any) -> Any:
    """Return the live value with the applied one laid over it."""
    if live is None or applied is None or not _is_granular(schema, applied):
        return applied if applied is not None else live
    if isinstance(applied, dict) and isinstance(live, dict):
        parts = {name: merged(_part(schema, name), live.get(name), applied.get(name)) for name in {**live, **applied}}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(applied, list) and isinstance(live, list):
        return _merged_lists(schema, live, applied)
    return applied


def without(schema: Schema, value: Any, gone: Iterable[Path]) -> Any:
    """Return the value without these fields."""
    return _without(schema, value, _tree(gone))


def with_named_parents(schema: Schema, fields: Fields) -> Fields:
    """Return the fields and the declared ones that contain them: who owns all of `spec` owns `spec`."""
    return fields | {
        path[:length] for path in fields for length in range(1, len(path)) if _is_declared(schema, path[:length])
    }


def within(fields: Fields, roots: Iterable[Path]) -> Fields:
    """Return those that are one of these or lie below one."""
    tops = tuple(roots)
    return frozenset(path for path in fields if any(path[: len(top)] == top for top in tops))


def written(fields: Fields) -> dict[str, Any]:
    """Return them as `fieldsV1`."""
    return _as_v1(_tree(fields))


def read(fields: Mapping[str, Any]) -> Fields:
    """Return the fields that a `fieldsV1` names."""
    return frozenset(_read(fields, ()))


# ---- types


def _is_granular(schema: Schema, value: Any) -> bool:
    if isinstance(value, dict):
        return schema.get("x-kubernetes-map-type") != "atomic"
    return isinstance(value, list) and schema.get("x-kubernetes-list-type", "atomic") != "atomic"


def _part(schema: Schema, name: str) -> Schema:
    declared = schema.get("properties", _UNTYPED).get(name)
    if declared is not None:
        return declared
    others = schema.get("additionalProperties")
    return others if isinstance(others, dict) else _UNTYPED


def _items(schema: Schema, items: list[Any]) -> dict[str, Any]:
    """Return the items by their path elements."""
    return {_element(schema, item): item for item in items}


def _element(schema: Schema, item: Any) -> str:
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys:
        return f"v:{_json(item)}"
    members = schema["items"].get("properties", _UNTYPED)
    found = {key: item.get(key, members.get(key, _UNTYPED).get("default")) for key in sorted(keys)}
    return f"k:{_json({key: value for key, value in found.items() if value is not None})}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _is_declared(schema: Schema, path: Path) -> bool:
    declared = False
    for element in path:
        if element.startswith("f:"):
            declared = element[2:] in schema.get("properties", _UNTYPED)
            schema = _part(schema, element[2:])
        else:
            declared = False
            schema = schema.get("items", _UNTYPED)
    return declared


# ---- walks


def _fields_in(schema: Schema, value: Any, path: Path) -> Iterator[Path]:
    if not _is_granular(schema, value):
        yield path
    elif isinstance(value, dict):
        for name, part in value.items():
            below = (*path, f"f:{name}")
            yield from _fields_in(_part(schema, name), part, below)
            if part == {} or name not in schema.get("properties", _UNTYPED):
                yield below
    else:
        for element, item in _items(schema, value).items():
            yield (*path, element)
            yield from _fields_in(schema["items"], item, (*path, element))


def _compare(schema: Schema, pair: tuple[Any, Any], path: Path, found: tuple[set[Path], set[Path]]) -> None:
    """Add to `found` what is changed and what is removed; None stands for nothing."""
    old, new = pair
    changed, removed = found
    parts = _pairs(schema, old, new)
    if parts is None:
        if new is None:
            removed.add(path)
        elif old != new:
            changed.add(path)
        return
    for element, part_schema, part in parts:
        _compare(part_schema, part, (*path, element), found)
    if path and old is None:
        changed.add(path)
    elif path and new is None:
        removed.add(path)


def _pairs(schema: Schema, old: Any, new: Any) -> list[tuple[str, Schema, tuple[Any, Any]]] | None:
    """Return what two values contain, side by side; None if they are to be compared as a whole."""
    some = new if new is not None else old
    if not (old or new) or not _is_granular(schema, some) or not (old is None or type(old) is type(some)):
        return None
    if isinstance(some, dict):
        left, right = old or {}, new or {}
        return [(f"f:{name}", _part(schema, name), (left.get(name), right.get(name))) for name in {**left, **right}]
    left, right = _items(schema, old or []), _items(schema, new or [])
    return [(element, schema["items"], (left.get(element), right.get(element))) for element in {**left, **right}]


def _merged_lists(schema: Schema, live: list[Any], applied: list[Any]) -> list[Any]:
    """Return the items of both: the applied ones in their order, each live one as near to its place as that allows."""
    left, right = _items(schema, live), _items(schema, applied)
    waiting, order = list(left), list[str]()
    for element in right:
        if element in left:
            while waiting and waiting[0] != element:
                other = waiting.pop(0)
                if other not in right:
                    order.append(other)
            waiting = [other for other in waiting if other != element]
        elif waiting and not any(other in right for other in waiting):
            order += waiting
            waiting = []
        order.append(element)
    order += [element for element in waiting if element not in right]
    return [merged(schema["items"], left.get(element), right.get(element)) for element in order]


def _without(schema: Schema, value: Any, gone: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        kept = ((name, part, gone.get(f"f:{name}")) for name, part in value.items())
        return {
            name: part if below is None else _without(_part(schema, name), part, below)
            for name, part, below in kept
            if below is None or _MEMBER not in below
        }
    if isinstance(value, list):
        kept_items = ((item, gone.get(element)) for element, item in _items(schema, value).items())
        return [
            item if below is None else _without(schema["items"], item, below)
            for item, below in kept_items
            if below is None or _MEMBER not in below
        ]
    return value


# ---- sets as trees

_MEMBER: Final = "."


def _tree(fields: Iterable[Path]) -> dict[str, Any]:
    """Return a tree of elements; a "." says that what is there is itself a member."""
    top: dict[str, Any] = {}
    for path in fields:
        place = top
        for element in path:
            place = place.setdefault(element, {})
        place[_MEMBER] = {}
    return top


def _as_v1(tree: Mapping[str, Any]) -> dict[str, Any]:
    if set(tree) == {_MEMBER}:
        return {}
    return {element: {} if element == _MEMBER else _as_v1(tree[element]) for element in sorted(tree)}


def _read(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if not fields and path:
        yield path
    for element, below in fields.items():
        if element == _MEMBER:
            yield path
        else:
            yield from _read(below, (*path, element))
