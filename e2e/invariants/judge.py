"""All invariants over one recording."""

from collections.abc import Iterator

from e2e.invariants import cost, existence, placement, reporting, reserving, writing
from e2e.invariants.history import At, History, Violation


def judge(history: History, at: At | None = None) -> list[Violation]:
    """Return what does not hold, in order; those that are about the end are judged only where there is a rest."""
    return sorted({*_always(history, at or At()), *_at_rest(history, at or At())})


def _always(history: History, at: At) -> Iterator[Violation]:
    yield from existence.nothing_doubled(history)
    yield from placement.placed_once(history)
    yield from placement.placed_where_it_fits(history, at.lag)
    yield from writing.nothing_stale(history)
    yield from writing.no_theft(history)
    yield from reporting.never_back(history)
    yield from reporting.nothing_invented(history)
    yield from reserving.charged_once(history)
    yield from reserving.within_limits(history, at.lag)
    yield from reserving.covered_pods(history, at.lag)
    yield from cost.bounded(history, at.replicas, at.resent)


def _at_rest(history: History, at: At) -> Iterator[Violation]:
    if at.rest is None:
        return
    yield from existence.nothing_lost(history)
    yield from existence.no_orphans(history)
    yield from reporting.counts_at_rest(history)
    yield from reserving.nothing_kept(history)
    yield from cost.quiet(history, at.rest)
    if at.reference is not None:
        yield from cost.same_work(history, at.reference)
