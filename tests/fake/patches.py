"""Patches: JSON merge patches (RFC 7386), and as much of strategic merge patches as pods and nodes are written with."""

from collections.abc import Mapping
from typing import Any, Final

from tests.fake.refusals import UnsupportedError

_MERGE_KEYS: Final[Mapping[str, str]] = {"conditions": "type", "ownerReferences": "uid"}
"""Lists of which a strategic merge patch names single items, each known by a key."""


def merge_patched(value: Any, patch: Any) -> Any:
    """Return the value after a merge patch: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), part)
    return result


def strategically_patched(value: Any, patch: Any) -> Any:
    """Return the value after a strategic merge patch without directives."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if name.startswith("$"):
            raise UnsupportedError(f"the directive {name} of a strategic merge patch")
        if part is None:
            result.pop(name, None)
        elif isinstance(part, list):
            result[name] = _patched_list(name, result.get(name) or [], part)
        else:
            result[name] = strategically_patched(result.get(name), part)
    return result


def _patched_list(name: str, items: list[Any], patch: list[Any]) -> list[Any]:
    if name == "finalizers":
        return [*items, *(item for item in patch if item not in items)]
    if name not in _MERGE_KEYS:
        raise UnsupportedError(f"a strategic merge patch of the list {name}")
    key = _MERGE_KEYS[name]
    places = {item[key]: place for place, item in enumerate(items)}
    named = [strategically_patched(items[places[item[key]]] if item[key] in places else {}, item) for item in patch]
    others = [item for item in items if all(item[key] != one[key] for one in patch)]
    merged: list[Any] = []
    for item in named:
        while others and places[others[0][key]] < places.get(item[key], -1):
            merged.append(others.pop(0))
        merged.append(item)
    return merged + others
