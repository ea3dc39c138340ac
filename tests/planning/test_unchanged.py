from datetime import timedelta

from foosets.planning.setspans import microseconds
from foosets.planning.unchanged import Unchanged
from tests.builders import NOW

LATER = NOW + timedelta(seconds=7)


def test_a_value_counts_from_the_first_look_at_it() -> None:
    unchanged = Unchanged()
    assert unchanged.since("a", (1, "x"), microseconds(NOW)) == NOW
    assert unchanged.since("a", (1, "x"), microseconds(LATER)) == NOW
    assert unchanged.since("b", (1, "x"), microseconds(LATER)) == LATER


def test_another_value_counts_from_its_own() -> None:
    unchanged = Unchanged()
    unchanged.since("a", 1, microseconds(NOW))
    assert unchanged.since("a", 2, microseconds(LATER)) == LATER


def test_what_is_forgotten_counts_anew() -> None:
    unchanged = Unchanged()
    unchanged.since("a", 1, microseconds(NOW))
    unchanged.forget("a")
    unchanged.forget("never seen")
    assert unchanged.since("a", 1, microseconds(LATER)) == LATER
