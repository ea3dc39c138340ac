"""Sets of completion indexes and slots, and their compact notation: `0,3-7`, as Job's status has it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
"""One index or a run of them; the largest index has five digits (`foosets.api.batchfooset.INDEX_LIMIT`)."""


def format_ranges(indexes: Iterable[int]) -> str:
    """Return the indexes as ascending ranges; two neighbours are written `3,4` as Job does, three `3-5`."""
    parts: list[str] = []
    for first, last in _runs(sorted(indexes)):
        if last == first:
            parts.append(str(first))
        elif last == first + 1:
            parts.append(f"{first},{last}")
        else:
            parts.append(f"{first}-{last}")
    return ",".join(parts)


def parse_ranges(text: str) -> set[int]:
    """Return the indexes that the notation names. Raises ValueError for what is not in it."""
    indexes: set[int] = set()
    for part in text.split(",") if text else ():
        found = _RANGE.fullmatch(part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if last < first:
            raise ValueError(f"not in the notation of ranges: {part!r}")
        indexes.update(range(first, last + 1))
    return indexes


def _runs(ordered: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of every run of neighbours."""
    if not ordered:
        return
    first = last = ordered[0]
    for index in ordered[1:]:
        if index > last + 1:
            yield first, last
            first = index
        last = index
    yield first, last


class Attempts(dict[int, int]):
    """The attempt that each index is at; an index that was never replaced is absent and counts as 0.

    It is also the high-water mark of what was counted: a pod of an attempt below it has been accounted for.
    """

    def __missing__(self, index: int) -> int:
        """Every index starts with attempt 0."""
        return 0

    def raised(self, to: Mapping[int, int]) -> "Attempts":
        """Return the attempts with each given index at least at the given attempt; none ever falls."""
        merged = Attempts(self)
        for index, attempt in to.items():
            merged[index] = max(merged[index], attempt)
        return merged

    def grouped(self) -> list[tuple[str, int]]:
        """Return `(ranges, attempt)` in order of attempt, the shape that status stores."""
        by_attempt: dict[int, list[int]] = {}
        for index, attempt in self.items():
            if attempt:
                by_attempt.setdefault(attempt, []).append(index)
        return [(format_ranges(indexes), attempt) for attempt, indexes in sorted(by_attempt.items())]

    @classmethod
    def from_groups(cls, groups: Iterable[tuple[str, int]]) -> "Attempts":
        """Return what `grouped` wrote."""
        return cls({index: attempt for ranges, attempt in groups for index in parse_ranges(ranges)})
