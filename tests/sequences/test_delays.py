"""A watch that is ten minutes late: nothing is created twice, and in the end all is as if it had been on time."""

import pytest

from tests.sequences.case import Case, problems

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("late", ["pods", "batchfoosets", "servicefoosets", "foosets", "nodes"])
@pytest.mark.parametrize("story", ["first_rollout", "scale_up"])
def test_a_late_watch_costs_time_and_no_pod(story: str, late: str) -> None:
    assert problems(Case(story, late=late)) == []
