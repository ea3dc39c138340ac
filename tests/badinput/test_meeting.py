"""Who refuses a generated object is foretold, and the judge of how it was met can find fault."""

from typing import Any

import pytest

from foosets.api.names import Reason
from foosets.planning.rules import Fault
from tests.badinput.foretelling import Foretold, foretold
from tests.badinput.generating import OBJECTS, generated
from tests.badinput.meeting import Met, problems
from tests.badinput.objects import a, batches, once, pods, services
from tests.badinput.rows import Manifest
from tests.badinput.told import Answer

NODE = "spec.template.spec.nodeName must be empty"
FAULTY = Foretold(fault=(FAULT := Fault(Reason.INVALID_POD_TEMPLATE, NODE)), told=FAULT)
INVALID = Foretold(["spec.template", "spec.replicas"])
SOUND = Foretold()
TAKEN = Answer(201, "")
DELETED = Answer(200, "")
BY_SCHEMA = Met(Answer(422, "it is invalid: spec.replicas: no"))
BY_POLICY = Met(Answer(422, f"ValidatingAdmissionPolicy 'foosets-templates' with binding denied request: {NODE}"))


def test_the_schema_is_foretold_by_field() -> None:
    assert foretold(services(replicas=-1)) == Foretold(("spec.service[0].template.spec.replicas",))
    assert foretold(a("FooSet", "A")).refusals == ("metadata.name",)
    assert foretold(a("FooSet") | {"spec": []}).refusals == ("spec",)


@pytest.mark.parametrize("manifest", [batches(template=pods()), a("ServiceFooSet", template=once())])
def test_the_rules_in_cel_are_foretold(manifest: Manifest) -> None:
    (words,) = foretold(manifest).refusals
    assert words.startswith("template.spec.restartPolicy must be")


def test_a_fault_is_foretold_in_the_words_of_the_rules() -> None:
    told = foretold(a("ServiceFooSet", template=pods(nodeName="node-0")))
    assert told.refusals == ()
    assert told.fault == told.told
    assert told.fault is not None
    assert told.fault.message.startswith(NODE)


def test_a_batch_of_no_completions_does_not_tell_of_its_template() -> None:
    told = foretold(a("BatchFooSet", completions=0, template=once(nodeName="node-0")))
    assert (told.fault is None, told.told is None) == (False, True)


def test_all_is_foretold_of_some_objects() -> None:
    told = [foretold(generated(number)) for number in range(0, OBJECTS, 20)]
    assert sum(bool(one.refusals) for one in told) >= 20
    assert sum(one.fault is not None and not one.refusals for one in told) >= 10
    assert sum(one == SOUND for one in told) >= 20


def met(status: str, reason: str, message: str = "", removed: Answer | None = DELETED) -> Met:
    ready: Any = {"type": "Ready", "status": status, "reason": reason, "message": message}
    found: Manifest = {
        "metadata": {"generation": 1},
        "spec": {},
        "status": {"observedGeneration": 1, "conditions": [ready]},
    }
    return Met(TAKEN, found, removed)


RUNS = met("True", "Available")
TELLS = met("False", "InvalidPodTemplate", NODE)


@pytest.mark.parametrize(
    ("told", "seen", "has_pods", "guarded"),
    [
        (INVALID, BY_SCHEMA, False, True),
        (INVALID, BY_SCHEMA, False, False),
        (FAULTY, BY_POLICY, False, True),
        (FAULTY, TELLS, False, False),
        (SOUND, RUNS, True, True),
        (SOUND, TELLS, False, True),
        (SOUND, met("False", "NoFit"), True, True),
    ],
)
def test_what_is_met_as_foretold_is_right(told: Foretold, seen: Met, has_pods: bool, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert list(problems(told, seen, has_pods, guarded=guarded)) == []


@pytest.mark.parametrize(
    ("told", "seen", "has_pods", "guarded"),
    [
        (INVALID, RUNS, True, True),
        (INVALID, BY_POLICY, False, True),
        (INVALID, Met(Answer(422, "it is invalid")), False, True),
        (INVALID, Met(Answer(500, "spec.replicas")), False, True),
        (FAULTY, RUNS, True, True),
        (FAULTY, BY_SCHEMA, False, True),
        (FAULTY, Met(Answer(422, BY_POLICY.answer.message.replace("templates", "requester"))), False, True),
        (FAULTY, Met(Answer(422, BY_POLICY.answer.message.replace("node", "image"))), False, True),
        (FAULTY, BY_POLICY, False, False),
        (FAULTY, RUNS, True, False),
        (FAULTY, TELLS, True, False),
        (FAULTY, met("False", "InvalidPodTemplate", "spec.other"), False, False),
        (FAULTY, met("False", "UnsupportedTemplate", NODE), False, False),
        (SOUND, BY_SCHEMA, False, True),
        (SOUND, BY_POLICY, False, True),
        (SOUND, met("False", "InvalidPodTemplate", "it is wrong"), False, True),
        (SOUND, met("False", "UnsupportedTemplate", "spec.volumes"), False, True),
        (SOUND, TELLS, True, True),
        (SOUND, met("False", "AdmissionDenied", "no"), True, True),
        (SOUND, met("False", "Placing"), True, True),
        (SOUND, Met(TAKEN, None, DELETED), True, True),
        (SOUND, met("True", "Available", removed=None), True, True),
        (SOUND, met("True", "Available", removed=Answer(404, "no")), True, True),
    ],
)
def test_what_is_met_otherwise_is_wrong(told: Foretold, seen: Met, has_pods: bool, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert list(problems(told, seen, has_pods, guarded=guarded)) != []
