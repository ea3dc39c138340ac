"""All components together, from rest to rest: in the fixed order line by line, in others by what it comes to.

`UPDATE=1 make sequences` writes the golden traces anew; their difference then belongs to the change that caused it.
"""

import os
from pathlib import Path

import pytest

from tests.sequences.case import Case, problems, reference
from tests.sequences.orders import Order
from tests.sequences.stories import STORIES
from tests.sequences.trace import trace

pytestmark = pytest.mark.timeout(120)

GOLDEN = Path(__file__).parent
SEEDS = range(int(os.environ.get("SEEDS", "4")))


@pytest.mark.parametrize("story", STORIES)
def test_a_story_goes_as_its_golden_trace_says(story: str) -> None:
    golden = GOLDEN / f"{story}.golden"
    told = trace(reference(story))
    if os.environ.get("UPDATE"):
        golden.write_text(told)
    assert told == golden.read_text()
    assert problems(Case(story)) == []


@pytest.mark.parametrize("story", STORIES)
def test_a_story_comes_to_the_same_in_every_order(story: str) -> None:
    for seed in SEEDS:
        case = Case(story, Order(seed))
        assert problems(case) == [], case


def test_a_seed_repeats_an_order_to_the_last_line() -> None:
    once, again = (trace(Case("eviction", Order(7)).play()) for _ in range(2))
    assert once == again
    assert once != trace(Case("eviction", Order(8)).play())
