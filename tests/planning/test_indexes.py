import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.batchfooset import INDEX_LIMIT
from foosets.api.status import ATTEMPTS_MAX, INDEXES_MAX, INDEXES_PATTERN
from foosets.planning.indexes import Attempts, IndexSet, Tally, format_ranges, parse_ranges, stored_ranges

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
    assert format_ranges(IndexSet.of(indexes)) == text
    assert set(parse_ranges(text)) == indexes


@given(INDEXES)
def test_what_is_written_is_read_back(indexes: set[int]) -> None:
    assert set(parse_ranges(format_ranges(IndexSet.of(indexes)))) == indexes


def test_ranges_may_come_in_any_order() -> None:
    assert format_ranges(parse_ranges("9,3-5,0,4-6")) == "0,3-6,9"


@given(INDEXES, INDEXES)
def test_a_set_of_indexes_is_a_set(one: set[int], other: set[int]) -> None:
    this, that = IndexSet.of(one), IndexSet.of(other)
    assert list(this) == sorted(one)
    assert len(this) == len(one)
    assert all((index in this) == (index in one) for index in other)
    assert this.end == max(one, default=-1) + 1
    assert [set(found) for found in (this | that, this & that, this - that)] == [one | other, one & other, one - other]
    assert (this == that) == (one == other)
    assert bool(this) == bool(one)


@pytest.mark.parametrize("end", [0, 1, INDEX_LIMIT])
def test_below_a_number_are_all_that_are_smaller(end: int) -> None:
    assert list(IndexSet.below(end)) == list(range(end))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40))))
def test_a_tally_holds_what_came_and_did_not_go(changes: list[tuple[bool, int]]) -> None:
    tally, expected = Tally(), set[int]()
    for comes, index in changes:
        if comes:
            tally.add(index)
            expected.add(index)
        elif index in expected:
            tally.discard(index)
            expected.remove(index)
        assert set(tally.indexes()) == expected


@pytest.mark.parametrize("text", ["x", ",", "1,", "-3", "3-", "1--2", "1-2-3", "5-3", "1 2", "+1", "1_0"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ranges"):
        parse_ranges(text)


def test_a_range_beyond_every_index_is_refused_rather_than_built() -> None:
    with pytest.raises(ValueError, match="ranges"):
        parse_ranges("0-99999999999")


@pytest.mark.parametrize(
    ("text", "indexes"), [("3-5", {3, 4, 5}), ("", set()), ("7-3", set()), ("0-99999999999", set())]
)
def test_a_status_that_somebody_wrote_by_hand_names_what_can_be_read(text: str, indexes: set[int]) -> None:
    assert set(stored_ranges(text)) == indexes


@given(st.sets(st.integers(0, INDEX_LIMIT - 1)))
def test_whatever_we_write_fits_the_pattern_of_its_status_field(indexes: set[int]) -> None:
    assert re.fullmatch(INDEXES_PATTERN, format_ranges(IndexSet.of(indexes)))


def test_the_longest_text_fits_its_status_field() -> None:
    assert len(format_ranges(IndexSet.of(range(0, INDEX_LIMIT, 2)))) <= INDEXES_MAX


# ---- attempts


def test_an_index_that_was_never_replaced_is_at_attempt_0() -> None:
    assert Attempts()[7] == 0
    assert Attempts().grouped() == []


def test_attempts_are_stored_by_number() -> None:
    attempts = Attempts({0: 2, 3: 2, 4: 2, 5: 2, 9: 1, 1: 0})
    assert attempts.grouped() == [("9", 1), ("0,3-5", 2)]


@pytest.mark.parametrize(
    ("to", "lowest"),
    [
        ({0: 1000}, {0: 1000, 1: 1, 2: 2}),
        ({0: 1001}, {0: 1001, 1: 2, 2: 2}),
        ({0: 1001, 3: 1002}, {0: 1001, 1: 3, 2: 3}),
    ],
    ids=["all fit", "one too many", "two too many"],
)
def test_where_there_are_more_numbers_than_status_has_room_for_the_lowest_skip_some(
    to: dict[int, int], lowest: dict[int, int]
) -> None:
    before = Attempts({index: index for index in range(1, ATTEMPTS_MAX + 1)} | {ATTEMPTS_MAX + 1: 3})
    after = before.raised(to)
    assert {index: after[index] for index in range(3)} == lowest
    assert all(after[index] >= attempt for index, attempt in before.items())
    assert len(after.grouped()) == ATTEMPTS_MAX
    assert Attempts.from_groups(after.grouped()).raised(to) == after


@given(ATTEMPTS)
def test_what_status_stores_is_read_back(attempts: Attempts) -> None:
    stored = Attempts.from_groups(attempts.grouped())
    assert all(stored[index] == attempts[index] for index in range(51))


@given(ATTEMPTS, ATTEMPTS)
def test_attempts_never_fall(before: Attempts, to: Attempts) -> None:
    after = before.raised(to)
    assert all(after[index] == max(before[index], to[index]) for index in range(51))
