"""Who refuses a generated object, and in which words: told from the schemas and the rules, before any server is asked.

The API server judges by the CRD first, and what passes by the policy `templates`; without the policy the same words
come from the controller. What nobody here has a word against may still be no pod that Kubernetes takes.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from foosets.api.customresource import NAME_MAX, NAME_PATTERN
from foosets.api.fooset import FooSetSpec
from foosets.api.names import Kind
from foosets.planning import rules
from foosets.planning.rules import Fault
from tests.badinput.rows import Manifest
from tests.fake.schemas import causes, filled, pruned, schema_of

ENDING: Final = ("Never", "OnFailure")
UNENDING: Final = (None, "Always")
SHOWN: Final = 500
"""Characters of a fault that are in a condition at least: what is longer may be cut."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What becomes of an object: `refusals` are the CRD's words, one of which is said; `faults` are those of the rules.

    Of several parts each may have one: the policy says one of them. `told` is the one that the controller says where
    nobody refused the object.
    """

    refusals: Sequence[str] = ()
    faults: Sequence[Fault] = ()
    told: Fault | None = None


def foretold(manifest: Manifest) -> Foretold:
    """Return who refuses an object, and why; nothing if it is to be seen what Kubernetes makes of it."""
    name, stored = manifest["metadata"]["name"], let_through(manifest)
    if stored is not None:
        return Foretold(tuple(_against_cel(stored)), tuple(_faults(stored)), told_of(stored))
    schema = schema_of(manifest["kind"])
    fields = tuple(cause.field for cause in causes(schema, filled(schema, pruned(schema, _copy(manifest))), None))
    return Foretold(fields if _may_be(name) else (*fields, "metadata.name"))


def let_through(manifest: Manifest) -> Manifest | None:
    """The object as the API server would store it, or None if its schema refuses it, or the rules for its name."""
    schema = schema_of(manifest["kind"])
    if not _may_be(manifest["metadata"]["name"]):
        return None
    stored = filled(schema, pruned(schema, _copy(manifest)))
    return None if causes(schema, stored, None) else stored


def fault_of(stored: Manifest) -> Fault | None:
    """What the rules have against an object that the schema lets through."""
    spec = stored["spec"]
    match stored["kind"]:
        case Kind.FOOSET:
            return rules.fooset(FooSetSpec.model_validate(spec))
        case Kind.BATCHFOOSET:
            return rules.batch_template(spec["template"])
        case _:
            return rules.service_template(spec["template"])


def _faults(stored: Manifest) -> Iterator[Fault]:
    """The first fault of each part."""
    spec, lists = stored["spec"], ("batch", "service")
    rest = {name: part for name, part in spec.items() if name not in lists}
    parts = [rest | {name: [entry]} for name in lists for entry in spec.get(name, ())]
    for alone in parts if stored["kind"] == Kind.FOOSET else [spec]:
        if (fault := fault_of(stored | {"spec": alone})) is not None:
            yield fault


def told_of(stored: Manifest) -> Fault | None:
    """The fault that the controller comes to tell of; a batch of no completions is complete, whatever its template."""
    done = stored["kind"] == Kind.BATCHFOOSET and stored["spec"]["completions"] == 0
    return None if done else fault_of(stored)


def _against_cel(stored: Manifest) -> Iterator[str]:
    """The words of the CRD's rules in CEL that an object breaks; no generated object has names that are too long."""
    spec = stored["spec"]
    batches, services = ({entry["name"] for entry in spec.get(part, ())} for part in ("batch", "service"))
    if batches & services:
        yield "a name may be used only once over batch and service"
    for batch, template in _templates(stored):
        policy = template["spec"].get("restartPolicy")
        if policy not in (ENDING if batch else UNENDING):
            yield f"template.spec.restartPolicy must be {'Never or OnFailure' if batch else 'Always'}"


def _templates(stored: Manifest) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    spec = stored["spec"]
    if stored["kind"] != Kind.FOOSET:
        yield stored["kind"] == Kind.BATCHFOOSET, spec["template"]
        return
    for entries in ("batch", "service"):
        yield from ((entries == "batch", entry["template"]["spec"]["template"]) for entry in spec.get(entries, ()))


def _may_be(name: str) -> bool:
    return len(name) <= NAME_MAX and re.fullmatch(NAME_PATTERN, name) is not None


def _copy(manifest: Manifest) -> Manifest:
    return json.loads(json.dumps(manifest))
