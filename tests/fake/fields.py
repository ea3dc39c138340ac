"""Sets of fields, and objects merged by them: the arithmetic below server-side apply (KEP-555).

A field is a path of elements as `managedFields` writes them: `f:name` of an object, `k:{"name":"a"}` of a list whose
items have keys, `v:"x"` of a set. A schema says which objects and lists are taken apart like this; the others are
atomic, one field as a whole.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from tests.fake.schemas import Schema

Path = tuple[str, ...]
Fields = frozenset[Path]

_REMEMBERED: Final = 1024
"""Sets kept in both shapes: the same few are read and written with every request."""
NONE: Final[Fields] = frozenset()
_ABSENT: Final[Any] = ()
"""What is not there: no value of JSON, and as empty as an object or list that is not there."""
_UNTYPED: Final[Schema] = {}


def fields_in(schema: Schema, value: Any) -> Fields:
    """Return the fields that somebody owns who applies this value."""
    return frozenset(_fields_in(schema, value, ()))


class Difference(NamedTuple):
    """The fields by which one object became another: added or given another value, and gone."""

    changed: Fields
    removed: Fields


def difference(schema: Schema, old: Any, new: Any) -> Difference:
    """Return what changed between two values; what contains something new is new as well."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    _compare(schema, (old, new), (), (changed, removed))
    return Difference(frozenset(changed), frozenset(removed))


def merged(schema: Schema, live: Any, applied: Any) -> Any:
    """Return the live value with the applied one laid over it; a null takes the place of all but what has parts."""
    if applied is None and live and _is_granular(schema, live):
        return live
    if not _is_granular(schema, applied) or type(live) is not type(applied):
        return applied
    if isinstance(applied, dict):
        both = {name: merged(_part(schema, name), live[name], applied[name]) for name in live.keys() & applied.keys()}
        return {**live, **applied, **both}
    assert isinstance(applied, list)  # nothing else has parts
    return _merged_lists(schema, live, applied)


def without(schema: Schema, value: Any, gone: Iterable[Path]) -> Any:
    """Return the value without these fields; what loses its last one becomes null, as on the real server."""
    return _without(schema, value, _tree(gone))


def with_named_parents(schema: Schema, fields: Fields) -> Fields:
    """Return the fields and the declared ones that contain them: who owns all of `spec` owns `spec`."""
    return fields | {
        path[:length] for path in fields for length in range(1, len(path)) if _is_declared(schema, path[:length])
    }


@lru_cache(maxsize=_REMEMBERED)
def written(fields: Fields) -> dict[str, Any]:
    """Return them as `fieldsV1`, which is shared: nobody may change it."""
    return _as_v1(_tree(fields))


def read(fields: Mapping[str, Any]) -> Fields:
    """Return the fields that a `fieldsV1` names."""
    return _read_encoded(msgspec.json.encode(fields))


@lru_cache(maxsize=_REMEMBERED)
def _read_encoded(fields: bytes) -> Fields:
    return frozenset(_read(msgspec.json.decode(fields), ()))


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
    """Add to `found` what is changed and what is removed."""
    old, new = pair
    changed, removed = found
    parts = _pairs(schema, old, new)
    for element, part_schema, part in parts:
        _compare(part_schema, part, (*path, element), found)
    if path and new is _ABSENT:
        removed.add(path)
    elif path and (old is _ABSENT or (not parts and old != new)):
        changed.add(path)


def _pairs(schema: Schema, old: Any, new: Any) -> list[tuple[str, Schema, tuple[Any, Any]]]:
    """Return what two values contain, side by side; nothing if they are to be compared as a whole."""
    some = old if new is _ABSENT or new is None else new  # a null is as empty as what it takes the place of
    if not _is_granular(schema, some) or not (old is _ABSENT or type(old) is type(some)):
        return []
    if isinstance(some, dict):
        left, right = old or {}, new or {}
        names = {**left, **right}
        return [(f"f:{name}", _part(schema, name), _both(left, right, name)) for name in names]
    left, right = _items(schema, old or []), _items(schema, new or [])
    return [(element, schema["items"], _both(left, right, element)) for element in {**left, **right}]


def _both(left: Mapping[str, Any], right: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    return left.get(name, _ABSENT), right.get(name, _ABSENT)


def _merged_lists(schema: Schema, live: list[Any], applied: list[Any]) -> list[Any]:
    left, right = _items(schema, live), _items(schema, applied)
    both = {element: merged(schema["items"], left[element], right[element]) for element in left.keys() & right.keys()}
    found = {**left, **right, **both}
    return [found[element] for element in _order(left, right)]


def _order(live: Iterable[str], applied: Iterable[str]) -> list[str]:
    """Return the elements of two lists: the applied ones in their order, the others as near to where they were.

    Both lists are read from their beginnings. A live element that is applied as well waits until it is its turn in the
    applied list, or is passed over if another of those that are in both lists comes first there.
    """
    left, right, named = deque(live), deque(applied), frozenset(applied)
    shared = deque(element for element in right if element in left)
    order: list[str] = []
    while left or right:
        first, wanted = left[0] if left else "", right[0] if right else ""
        if first == wanted:
            left.popleft()
        elif first in named and wanted and shared and first != shared[0]:
            left.popleft()
            continue
        elif first and first not in named:
            order.append(left.popleft())
            continue
        elif first in order:
            left.popleft()
        if right:
            order.append(right.popleft())
        if shared and shared[0] == wanted:
            shared.popleft()
    return order


def _without(schema: Schema, value: Any, gone: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        named = {name: (part, gone.get(f"f:{name}")) for name, part in value.items()}
        left = {name: _left(_part(schema, name), part, below) for name, (part, below) in named.items() if _stays(below)}
        return left or None
    items = _items(schema, value).items()
    remaining = [(item, gone.get(element)) for element, item in items if _stays(gone.get(element))]
    return [_left(schema["items"], item, below) for item, below in remaining] or None


def _stays(below: Mapping[str, Any] | None) -> bool:
    return below is None or _MEMBER not in below


def _left(schema: Schema, value: Any, below: Mapping[str, Any] | None) -> Any:
    return value if below is None else _without(schema, value, below)


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
