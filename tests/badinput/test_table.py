"""The table itself: as many rows as it promises, each of its own name, and a judge that can find fault."""

from typing import Any

import pytest

from foosets.api.names import SET_UID, TRACEPARENT, Reason
from tests.badinput.judging import kept_waiting, problems
from tests.badinput.objects import a
from tests.badinput.rows import By, Create, Manifest, Of, Row, borne, by_condition, by_schema, by_template_policy
from tests.badinput.table.answers import LASTING, ONCE
from tests.badinput.table.whole import OBJECTS
from tests.badinput.told import Answer, Told

CLASSES = {of: [row.name for row in rows] for of, rows in OBJECTS.items()} | {
    Of.ANSWERS: [row.name for row in (*ONCE, *LASTING)]
}


def test_there_are_two_hundred_rows_and_twenty_of_each_class() -> None:
    assert set(CLASSES) == set(Of)
    assert min(map(len, CLASSES.values())) >= 20
    assert sum(map(len, CLASSES.values())) >= 200


def test_each_row_has_a_name_of_its_own() -> None:
    names = [name for of in CLASSES.values() for name in of]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("row", [row for rows in OBJECTS.values() for row in rows], ids=lambda row: row.name)
def test_a_row_says_who_has_the_last_word_and_how(row: Row) -> None:
    assert bool(row.words) is (row.by is not By.ENGINE)
    assert bool(row.policy) is (row.by is By.POLICY)
    assert bool(row.state) is (row.by is By.ENGINE)
    assert row.by in {By.CONDITION, By.POLICY} or not row.reason
    assert row.by in {By.CONDITION, By.ENGINE} or row.shows is None
    assert row.shows is not None or not row.has_pods


# ---- the judge

SCHEMA = by_schema("s", a("FooSet"), "spec.batch")
POLICY = by_template_policy("p", a("FooSet"), "nodeName")
CONDITION = by_condition("c", a("FooSet"), Reason.NO_FIT, "cpu")
BORNE = borne("b", Create(a("FooSet")))
TAKEN = Answer(201, "")
BY_SCHEMA = Answer(422, "it is invalid: spec.batch: no")
BY_POLICY = Answer(422, "ValidatingAdmissionPolicy 'foosets-templates' denied request: nodeName")
POD: Manifest = {"metadata": {"name": "x"}}


def set_(status: str, reason: str, message: str = "", seen: int = 1) -> Manifest:
    conditions: list[Any] = [{"type": "Ready", "status": status, "reason": reason, "message": message}]
    return {"metadata": {"generation": 1}, "status": {"observedGeneration": seen, "conditions": conditions}}


def told(answer: Answer, found: Manifest | None = None, *pods: Manifest) -> Told:
    return Told([answer], found, pods)


@pytest.mark.parametrize(
    ("row", "met", "guarded"),
    [
        (SCHEMA, told(BY_SCHEMA), True),
        (SCHEMA, told(BY_SCHEMA), False),
        (POLICY, told(BY_POLICY), True),
        (POLICY, told(TAKEN, set_("False", "InvalidPodTemplate", "nodeName")), False),
        (CONDITION, told(TAKEN, set_("False", "NoFit", "no cpu")), True),
        (BORNE, told(TAKEN, set_("True", "Available"), POD), True),
    ],
)
def test_what_is_met_as_its_row_says_is_right(row: Row, met: Told, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert problems(row, met, guarded=guarded) == []


@pytest.mark.parametrize(
    ("row", "met", "guarded"),
    [
        (SCHEMA, told(TAKEN, set_("True", "Available")), True),
        (SCHEMA, told(BY_POLICY), True),
        (SCHEMA, told(Answer(422, "no")), True),
        (SCHEMA, told(BY_SCHEMA, None, POD), True),
        (POLICY, told(BY_SCHEMA), True),
        (POLICY, told(Answer(422, BY_POLICY.message.replace("templates", "requester"))), True),
        (POLICY, told(BY_POLICY), False),
        (POLICY, told(TAKEN, set_("True", "Available")), False),
        (CONDITION, told(TAKEN, set_("False", "Placing", "no cpu")), True),
        (CONDITION, told(TAKEN, set_("False", "NoFit", "no room")), True),
        (CONDITION, told(TAKEN, set_("False", "NoFit", "no cpu"), POD), True),
        (CONDITION, told(TAKEN), True),
        (BORNE, told(Answer(403, "no")), True),
        (BORNE, told(TAKEN, set_("False", "Placing")), True),
        (BORNE, told(TAKEN, set_("True", "Available", seen=0)), True),
    ],
)
def test_what_is_met_otherwise_is_wrong(row: Row, met: Told, guarded: bool) -> None:  # noqa: FBT001 - a table
    assert problems(row, met, guarded=guarded) != []


CLAIMING = [row for rows in OBJECTS.values() for row in rows if row.shows is not None]
SPOILED: Manifest = {
    "metadata": {
        "uid": "1",
        "generation": 1,
        "creationTimestamp": "9999-12-31T23:59:59Z",
        "annotations": {TRACEPARENT: "evil"},
    },
    "spec": {"bacth": []},
    "status": {
        "observedGeneration": 1,
        "trace": {"startedAt": "0001-01-01T00:00:00Z"},
        "conditions": [{"type": kind, "status": "True", "reason": "Forged"} for kind in ("Ready", "Complete")],
    },
}
EVIL: Manifest = {
    "kind": "BatchFooSet",
    "metadata": {"name": "evil", "labels": {SET_UID: "2"}, "annotations": {TRACEPARENT: "evil"}},
    "spec": {"containers": [{"name": "main", "image": "evil", "env": []}]},
}
"""A pod, or a set."""


def test_many_rows_claim_more_than_a_state() -> None:
    assert len(CLAIMING) >= 50


@pytest.mark.parametrize("row", CLAIMING, ids=lambda row: row.name)
def test_what_a_row_claims_is_looked_for(row: Row) -> None:
    refused = set_("False", row.reason, " ".join(row.words))
    pods = [EVIL, EVIL] if row.by is By.ENGINE or row.has_pods else []
    met = Told([TAKEN], SPOILED if row.by is By.ENGINE else refused, pods, [EVIL])
    assert problems(row, met, guarded=True) == ["it does not show what its name says"]


# ---- the judge of neighbours

NEVER = float("inf")


@pytest.mark.parametrize(
    ("usual", "took"), [([0.2, 0.3, 0.4], [0.2, 1.2, 0.5]), ([0.2, 0.2, 0.2, 30.0], [0.2, 0.2, 0.2])]
)
def test_a_neighbour_that_waits_no_longer_than_usual_is_served(usual: list[float], took: list[float]) -> None:
    assert kept_waiting(usual, took) == []


@pytest.mark.parametrize(
    ("usual", "took"),
    [
        ([0.2, 0.3, 0.4], [0.2, 0.3, 1.4]),
        ([0.2, 0.3, 0.4], [0.2, 0.3, NEVER]),
        ([0.2, 0.2, 0.2, 5.0], [0.2, 4.0, 0.2]),
        ([0.2, 0.2, 0.2, NEVER], [0.2, 0.2, 0.2]),
        ([NEVER] * 5, [NEVER] * 5),
        ([0.2, 0.2, 0.2], []),
        ([], [0.2, 0.2, 0.2]),
    ],
)
def test_a_neighbour_that_waits_is_found(usual: list[float], took: list[float]) -> None:
    assert kept_waiting(usual, took) != []
