"""Two thousand objects that nobody would write: what the schema lets through, no model and no plan fails of."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest

from foosets.api.names import Kind
from tests.badinput.foretelling import SHOWN, fault_of, let_through, told_of
from tests.badinput.generating import KINDS, OBJECTS, generated
from tests.badinput.rooms import planned
from tests.badinput.told import condition

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HUNDREDS: Final = range(0, OBJECTS, 100)
MADE: Final = {"Pod", Kind.BATCHFOOSET, Kind.SERVICEFOOSET}


@pytest.mark.parametrize("first", HUNDREDS)
def test_no_plan_fails_of_what_the_schema_lets_through(first: int) -> None:
    for number in range(first, first + 100):
        stored = let_through(generated(number))
        if stored is None:
            continue
        plan = planned(stored, NOW)
        kinds = {msgspec.json.decode(body, type=dict[str, Any])["kind"] for body in plan.bodies}
        if fault_of(stored) is not None:
            assert kinds & MADE == set(), number
        if (told := told_of(stored)) is not None:
            ready = condition(plan.told, "Ready")
            assert (ready["status"], ready["reason"]) == ("False", told.reason), number
            assert told.message[:SHOWN] in ready["message"], number


def test_some_are_let_through_and_some_are_not() -> None:
    """Otherwise the test above would be about nothing, or about nothing bad."""
    verdicts = [(generated(number)["kind"], let_through(generated(number)) is not None) for number in range(300)]
    counts = {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
    assert min(counts.get((kind, through), 0) for kind in KINDS for through in (True, False)) >= 15, counts


def test_the_same_number_is_the_same_object() -> None:
    assert generated(7) == generated(7)
    assert generated(7) != generated(8)
