import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.batchfooset import INDEX_LIMIT
from foosets.api.status import INDEXES_MAX
from foosets.planning.indexes import Attempts, format_ranges, parse_ranges

INDEXES = st.sets(st.integers(0, 2_000))
ATTEMPTS = st.dictionaries(st.integers(0, 50), st.integers(0, 5)).map(Attempts)

NOTATIONS = [
    (set(), ""),
    ({0}, "0"),
    ({3, 4}, "3,4"),
    ({3, 4, 5}, "3-5"),
    ({0, 3, 4, 5, 6, 7}, "0,3-7"),
    ({9, 10, 11, 99, 100}, "9-11,99,100"),
]


@pytest.mark.parametrize(("indexes", "text"), NOTATIONS, ids=[text or "none" for _, text in NOTATIONS])
def test_ranges_are_written_as_job_writes_them(indexes: set[int], text: str) -> None:
    assert format_ranges(indexes) == text
    assert parse_ranges(text) == indexes


@given(INDEXES)
def test_what_is_written_is_read_back(indexes: set[int]) -> None:
    assert parse_ranges(format_ranges(indexes)) == indexes


@pytest.mark.parametrize("text", ["x", ",", "1,", "-3", "3-", "1--2", "1-2-3", "5-3", "1 2", "+1", "1_0"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ranges"):
        parse_ranges(text)


def test_a_range_beyond_every_index_is_refused_rather_than_built() -> None:
    with pytest.raises(ValueError, match="ranges"):
        parse_ranges("0-99999999999")


def test_the_longest_text_fits_its_status_field() -> None:
    assert len(format_ranges(range(0, INDEX_LIMIT, 2))) <= INDEXES_MAX


# ---- attempts


def test_an_index_that_was_never_replaced_is_at_attempt_0() -> None:
    assert Attempts()[7] == 0
    assert Attempts().grouped() == []


def test_attempts_are_stored_by_number() -> None:
    attempts = Attempts({0: 2, 3: 2, 4: 2, 5: 2, 9: 1, 1: 0})
    assert attempts.grouped() == [("9", 1), ("0,3-5", 2)]


@given(ATTEMPTS)
def test_what_status_stores_is_read_back(attempts: Attempts) -> None:
    stored = Attempts.from_groups(attempts.grouped())
    assert all(stored[index] == attempts[index] for index in range(51))


@given(ATTEMPTS, ATTEMPTS)
def test_attempts_never_fall(before: Attempts, to: Attempts) -> None:
    after = before.raised(to)
    assert all(after[index] == max(before[index], to[index]) for index in range(51))
