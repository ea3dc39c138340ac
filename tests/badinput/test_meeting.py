"""Who refuses a generated object is foretold, and the judge of how it was met can find fault."""

from typing import Any

import pytest

from foosets.api.names import Reason
from foosets.planning.rules import Fault
from tests.badinput.foretelling import Foretold, foretold
from tests.badinput.generating import OBJECTS, generated
from tests.badinput.meeting import Met, problems
from tests.badinput.objects import a, batch, batches, once, pods, service, services
from tests.badinput.rows import Manifest
from tests.badinput.told import Answer

NODE = "spec.template.spec.nodeName must be empty"
FAULT = Fault(Reason.INVALID_POD_TEMPLATE, NODE)
FAULTY = Foretold(faults=[FAULT], told=FAULT)
INVALID = Foretold(["spec.template", "spec.replicas"])
SOUND = Foretold()
MINE = "demo-workers"
TAKEN = Answer(201, "")
DELETED = Answer(200, "")
BY_SCHEMA = Met(Answer(422, "it is invalid: spec.replicas: no"))
BY_POLICY = Met(Answer(422, f"ValidatingAdmissionPolicy 'foosets-templates' with binding denied request: {NODE}"))


def test_the_schema_is_foretold_by_field() -> None:
    assert foretold(services(replicas=-1)) == Foretold(("spec.service[0].template.spec.replicas",))
    assert foretold(a("FooSet", "A")).refusals == ("metadata.name",)
    assert foretold(a("FooSet") | {"spec": []}).refusals == ("spec",)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (batches(template=pods()), "template.spec.restartPolicy must be Never or OnFailure"),
        (a("ServiceFooSet", template=once()), "template.spec.restartPolicy must be Always"),
        (
            a("FooSet", batch=[batch("x")], service=[service("x")]),
            "a name may be used only once over batch and service",
        ),
    ],
)
def test_the_rules_in_cel_are_foretold(manifest: Manifest, words: str) -> None:
    assert foretold(manifest).refusals == (words,)


def test_a_fault_is_foretold_in_the_words_of_the_rules() -> None:
    told = foretold(a("ServiceFooSet", template=pods(nodeName="node-0")))
    assert told.refusals == ()
    assert told.told is not None
    assert list(told.faults) == [told.told]
    assert told.told.message.startswith(NODE)


def test_of_several_parts_the_fault_of_each_is_foretold() -> None:
    bad = {"template": pods(nodeName="node-0")}
    told = foretold(a("FooSet", service=[service("x", **bad), service("y"), service("z", **bad)]))
    assert [fault.message.partition(".template")[0] for fault in told.faults] == [
        "spec.service[name=x]",
        "spec.service[name=z]",
    ]
    assert told.told == told.faults[0]


def test_a_batch_of_no_completions_does_not_tell_of_its_template() -> None:
    told = foretold(a("BatchFooSet", completions=0, template=once(nodeName="node-0")))
    assert (len(told.faults), told.told) == (1, None)


def test_all_is_foretold_of_some_objects() -> None:
    told = [foretold(generated(number)) for number in range(0, OBJECTS, 20)]
    assert sum(bool(one.refusals) for one in told) >= 20
    assert sum(bool(one.faults) and not one.refusals for one in told) >= 10
    assert sum(one == SOUND for one in told) >= 20


def met(status: str, reason: str, message: str = "", removed: Answer | None = DELETED) -> Met:
    ready: Any = {"type": "Ready", "status": status, "reason": reason, "message": message}
    found: Manifest = {
        "metadata": {"generation": 1},
        "spec": {},
        "status": {"observedGeneration": 1, "conditions": [ready], "blockedBy": {"name": MINE}},
    }
    return Met(TAKEN, found, removed)


RUNS = met("True", "Available")
TELLS = met("False", "InvalidPodTemplate", NODE)


@pytest.mark.parametrize(
    ("told", "seen", "made", "guarded"),
    [
        (INVALID, BY_SCHEMA, "", True),
        (INVALID, BY_SCHEMA, "", False),
        (FAULTY, BY_POLICY, "", True),
        (FAULTY, TELLS, "", False),
        (SOUND, RUNS, MINE, True),
        (SOUND, TELLS, "", True),
        (SOUND, met("False", "NoFit"), MINE, True),
        (SOUND, TELLS, "demo-others", True),
    ],
)
def test_what_is_met_as_foretold_is_right(told: Foretold, seen: Met, made: str, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert list(problems(told, seen, made.split(), guarded=guarded)) == []


@pytest.mark.parametrize(
    ("told", "seen", "made", "guarded"),
    [
        (INVALID, RUNS, MINE, True),
        (INVALID, BY_POLICY, "", True),
        (INVALID, Met(Answer(422, "it is invalid")), "", True),
        (INVALID, Met(Answer(500, "spec.replicas")), "", True),
        (FAULTY, RUNS, MINE, True),
        (FAULTY, BY_SCHEMA, "", True),
        (FAULTY, Met(Answer(422, BY_POLICY.answer.message.replace("templates", "requester"))), "", True),
        (FAULTY, Met(Answer(422, BY_POLICY.answer.message.replace("node", "image"))), "", True),
        (FAULTY, BY_POLICY, "", False),
        (FAULTY, RUNS, MINE, False),
        (FAULTY, TELLS, MINE, False),
        (FAULTY, met("False", "InvalidPodTemplate", "spec.other"), "", False),
        (FAULTY, met("False", "UnsupportedTemplate", NODE), "", False),
        (SOUND, BY_SCHEMA, "", True),
        (SOUND, BY_POLICY, "", True),
        (SOUND, met("False", "InvalidPodTemplate", "it is wrong"), "", True),
        (SOUND, met("False", "UnsupportedTemplate", "spec.volumes"), "", True),
        (SOUND, TELLS, MINE, True),
        (SOUND, met("False", "AdmissionDenied", "no"), MINE, True),
        (SOUND, met("False", "Placing"), MINE, True),
        (SOUND, Met(TAKEN, None, DELETED), MINE, True),
        (SOUND, met("True", "Available", removed=None), MINE, True),
        (SOUND, met("True", "Available", removed=Answer(404, "no")), MINE, True),
    ],
)
def test_what_is_met_otherwise_is_wrong(told: Foretold, seen: Met, made: str, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert list(problems(told, seen, made.split(), guarded=guarded)) != []
