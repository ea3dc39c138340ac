"""Each component dies at each of its writes, before the server does it and after it has; the end is as if it had not.

`make unit` plays one of so many ways to die; `KILLS=all make sequences` plays them all.
"""

import os

import pytest

from tests.sequences.case import Case, Kill, kills, problems
from tests.sequences.stories import STORIES

pytestmark = pytest.mark.timeout(600)

EVERY = 1 if os.environ.get("KILLS") == "all" else 23


@pytest.mark.parametrize("story", STORIES)
def test_a_component_that_dies_at_a_write_goes_on(story: str) -> None:
    for kill in list(kills(story))[::EVERY]:
        case = Case(story, kill=kill)
        assert problems(case) == [], case


def test_a_death_that_does_not_come_is_told() -> None:
    (problem, *_) = problems(Case("scale_up", kill=Kill.parse("scheduler:999:after")))
    assert problem == "nobody was killed: scheduler:999:after was not reached"
