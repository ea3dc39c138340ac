"""Sets of completion indexes and slots, and their compact notation: `0,3-7`, as Job's status has it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from foosets.api.status import ATTEMPTS_MAX

INDEX_DIGITS: Final = 5
"""Of the largest index (`foosets.api.batchfooset.INDEX_LIMIT`)."""
_RANGE: Final = re.compile(rf"(\d{{1,{INDEX_DIGITS}}})(?:-(\d{{1,{INDEX_DIGITS}}}))?", re.ASCII)
"""One index or a run of them."""
_RUN: Final = re.compile("1+")
_IN: Final = ord("1")
_OUT: Final = ord("0")
_PARSED: Final = 64
"""Texts whose indexes are kept: that of a set changes with its status, and is read with every look at it."""


class IndexSet(Struct, frozen=True, gc=False):
    """An immutable set of indexes, one bit each.

    To join, compare or count sets of ten thousand indexes takes a microsecond, so that a plan may do it at every look.
    """

    bits: int = 0

    @classmethod
    def of(cls, indexes: Iterable[int]) -> "IndexSet":
        """Return the set of these indexes."""
        tally = Tally()
        for index in indexes:
            tally.add(index)
        return tally.indexes()

    @classmethod
    def below(cls, end: int) -> "IndexSet":
        """Return all indexes from 0 up to `end`, which is not in it."""
        return cls((1 << end) - 1)

    @property
    def end(self) -> int:
        """The highest index plus one; 0 if there is none."""
        return self.bits.bit_length()

    def __or__(self, other: "IndexSet") -> "IndexSet":
        """Return what is in either."""
        return IndexSet(self.bits | other.bits)

    def __and__(self, other: "IndexSet") -> "IndexSet":
        """Return what is in both."""
        return IndexSet(self.bits & other.bits)

    def __sub__(self, other: "IndexSet") -> "IndexSet":
        """Return what is in this one alone."""
        return IndexSet(self.bits & ~other.bits)

    def __contains__(self, index: int) -> bool:
        """Whether the index is in it."""
        return bool(self.bits >> index & 1)

    def __len__(self) -> int:
        """Return how many indexes are in it."""
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[int]:
        """Iterate in ascending order."""
        flags = self._flags()
        index = flags.find("1")
        while index >= 0:
            yield index
            index = flags.find("1", index + 1)

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield first and last of every run of neighbours, in ascending order."""
        for run in _RUN.finditer(self._flags()):
            yield run.start(), run.end() - 1

    def _flags(self) -> str:
        """Return a character for each index from 0 on, `1` for those that are in it."""
        return f"{self.bits:b}"[::-1]


class Tally:
    """Indexes that come and go one by one, each at the same small cost however many there are."""

    __slots__ = ("_flags",)

    def __init__(self) -> None:
        self._flags = bytearray()

    def add(self, index: int) -> None:
        """Put an index in."""
        if index >= len(self._flags):
            self._flags.extend(b"0" * (index + 1 - len(self._flags)))
        self._flags[index] = _IN

    def add_run(self, first: int, last: int) -> None:
        """Put in all indexes from first to last."""
        self.add(last)
        self._flags[first:last] = b"1" * (last - first)

    def discard(self, index: int) -> None:
        """Take an index out that was put in."""
        self._flags[index] = _OUT

    def indexes(self) -> IndexSet:
        """Return what is in it now."""
        return IndexSet(int(self._flags[::-1] or b"0", 2))


ALL: Final = IndexSet.below(10**INDEX_DIGITS)
"""Every index that there can be."""


def format_ranges(indexes: IndexSet) -> str:
    """Return the indexes as ascending ranges; two neighbours are written `3,4` as Job does, three `3-5`."""
    parts: list[str] = []
    for first, last in indexes.runs():
        if last == first:
            parts.append(str(first))
        elif last == first + 1:
            parts.append(f"{first},{last}")
        else:
            parts.append(f"{first}-{last}")
    return ",".join(parts)


@lru_cache(maxsize=_PARSED)
def parse_ranges(text: str) -> IndexSet:
    """Return the indexes that the notation names. Raises ValueError for what is not in it."""
    tally = Tally()
    for part in text.split(",") if text else ():
        found = _RANGE.fullmatch(part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if last < first:
            raise ValueError(f"not in the notation of ranges: {part!r}")
        tally.add_run(first, last)
    return tally.indexes()


def stored_ranges(text: str) -> IndexSet:
    """Return the indexes that a status names; whatever is not what we would have written names none.

    Its schema holds the text to the notation, but not the runs in it to their direction.
    """
    try:
        return parse_ranges(text)
    except ValueError:
        return IndexSet()


class Attempts(dict[int, int]):
    """The attempt that each index is at; an index that was never replaced is absent and counts as 0.

    It is also the high-water mark of what was counted: a pod of an attempt below it has been accounted for.
    """

    def __missing__(self, index: int) -> int:
        """Every index starts with attempt 0."""
        return 0

    def raised(self, to: Mapping[int, int]) -> "Attempts":
        """Return the attempts with each given index at least at the given attempt; none ever falls.

        Of more different ones than status has room for, the lowest are raised to the first that it has: a number may be
        skipped.
        """
        higher = {index: attempt for index, attempt in to.items() if attempt > self[index]}
        if not higher:
            return self
        raised = self | higher
        lowest = sorted(set(raised.values()))[-ATTEMPTS_MAX:][0]
        return Attempts({index: max(attempt, lowest) for index, attempt in raised.items()})

    def grouped(self) -> list[tuple[str, int]]:
        """Return `(ranges, attempt)` in order of attempt, the shape that status stores."""
        by_attempt: dict[int, list[int]] = {}
        for index, attempt in self.items():
            if attempt:
                by_attempt.setdefault(attempt, []).append(index)
        return [(format_ranges(IndexSet.of(indexes)), attempt) for attempt, indexes in sorted(by_attempt.items())]

    @classmethod
    def from_groups(cls, groups: Iterable[tuple[str, int]]) -> "Attempts":
        """Return what `grouped` wrote."""
        return cls({index: attempt for ranges, attempt in groups for index in stored_ranges(ranges)})


def version_told(stored: str, newest: int, *, raised: bool) -> str:
    """Return the resourceVersion of pods that attempts were last raised in the knowledge of; `stored` if they stay.

    `newest` is that of the newest pod that was seen. Whoever reads the attempts with a cache that is older may not know
    yet of a pod that is still on its way out.
    """
    return str(max(newest, int(stored or 0))) if raised else stored
