"""Each component dies at each of its writes, before the server does it and after it has, or never hears the answer.

In the end all is as if it had not happened.

`make unit` plays one of so many; `KILLS=all make sequences` plays them all.
"""

import os

import pytest

from tests.sequences.case import Case, Kill, kills, problems
from tests.sequences.stories import STORIES

pytestmark = pytest.mark.timeout(600)

EVERY = 1 if os.environ.get("KILLS") == "all" else 23


@pytest.mark.parametrize("story", STORIES)
def test_a_component_goes_on_from_whatever_happens_at_a_write(story: str) -> None:
    for kill in list(kills(story))[::EVERY]:
        case = Case(story, kill=kill)
        assert problems(case) == [], case


def test_what_does_not_happen_is_told() -> None:
    (problem, *_) = problems(Case("scale_up", kill=Kill.parse("scheduler:999:after")))
    assert problem == "nothing happened: scheduler:999:after was not reached"
