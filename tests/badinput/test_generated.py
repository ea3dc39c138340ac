"""Two thousand objects that nobody would write: what the schema lets through, no model and no plan fails of."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest

from foosets.api.customresource import NAME_MAX, NAME_PATTERN
from tests.badinput.generating import KINDS, OBJECTS, generated
from tests.badinput.rooms import planned
from tests.badinput.rows import Manifest
from tests.fake.schemas import causes, filled, pruned, schema_of

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HUNDREDS: Final = range(0, OBJECTS, 100)


def let_through(manifest: Manifest) -> Manifest | None:
    """The object as the API server would store it, or None if its schema refuses it, or the rules for its name."""
    schema, name = schema_of(manifest["kind"]), manifest["metadata"]["name"]
    if len(name) > NAME_MAX or not re.fullmatch(NAME_PATTERN, name):
        return None
    stored = filled(schema, pruned(schema, json.loads(json.dumps(manifest))))
    return None if causes(schema, stored, None) else stored


@pytest.mark.parametrize("first", HUNDREDS)
def test_no_plan_fails_of_what_the_schema_lets_through(first: int) -> None:
    for number in range(first, first + 100):
        stored = let_through(generated(number))
        if stored is not None:
            for body in planned(stored, NOW):
                assert msgspec.json.decode(body, type=dict[str, Any])["kind"], number


def test_some_are_let_through_and_some_are_not() -> None:
    """Otherwise the test above would be about nothing, or about nothing bad."""
    verdicts = [(generated(number)["kind"], let_through(generated(number)) is not None) for number in range(300)]
    counts = {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
    assert min(counts.get((kind, through), 0) for kind in KINDS for through in (True, False)) >= 15, counts


def test_the_same_number_is_the_same_object() -> None:
    assert generated(7) == generated(7)
    assert generated(7) != generated(8)
