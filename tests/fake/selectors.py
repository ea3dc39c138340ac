"""Label and field selectors, as kubectl writes them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fake.refusals import bad_request

Matches = Callable[[Mapping[str, Any]], bool]

_TERMS: Final = re.compile(r",(?![^()]*\))")
_SET: Final = re.compile(r"(?P<key>\S+)\s+(?P<operator>in|notin)\s+\((?P<values>[^)]*)\)")
_COMPARISON: Final = re.compile(r"(?P<key>[^=!\s]+)\s*(?P<operator>==|=|!=)\s*(?P<value>.*)")

_EVERYWHERE: Final = ("metadata.name", "metadata.namespace")
_OF_PODS: Final = (
    "spec.nodeName",
    "spec.schedulerName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "status.phase",
    "status.nominatedNodeName",
)
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods": (*_EVERYWHERE, *_OF_PODS),
    "nodes": (*_EVERYWHERE, "spec.unschedulable"),
    "namespaces": (*_EVERYWHERE, "status.phase"),
}
"""By plural: what a field selector may name."""


def selects(plural: str, labels: str, fields: str) -> Matches:
    """Return whether an object is selected by both selectors; raises a refusal for one that nobody understands."""
    terms = [_label_term(term.strip()) for term in _TERMS.split(labels) if term.strip()]
    terms += [_field_term(plural, term.strip()) for term in fields.split(",") if term.strip()]
    return lambda found: all(term(found) for term in terms)


def _label_term(term: str) -> Matches:
    if (listed := _SET.fullmatch(term)) is not None:
        values = {value.strip() for value in listed["values"].split(",")}
        wanted = listed["operator"] == "in"
        return lambda found: (_labels(found).get(listed["key"]) in values) == wanted
    if (compared := _COMPARISON.fullmatch(term)) is not None:
        wanted = compared["operator"] != "!="
        return lambda found: (_labels(found).get(compared["key"]) == compared["value"].strip()) == wanted
    absent = term.startswith("!")
    return lambda found: (term.lstrip("! ") in _labels(found)) != absent


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


def _field_term(plural: str, term: str) -> Matches:
    compared = _COMPARISON.fullmatch(term)
    if compared is None:
        raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    path = compared["key"]
    if path not in FIELDS.get(plural, _EVERYWHERE):
        raise bad_request(f'field label not supported: "{path}"')
    wanted = compared["operator"] != "!="
    return lambda found: (_field(found, path) == compared["value"]) == wanted


def _field(found: Mapping[str, Any], path: str) -> str:
    value: Any = found
    for step in path.split("."):
        value = value.get(step) or {}
    if path == "spec.unschedulable":
        return "true" if value else "false"
    return str(value or "")
