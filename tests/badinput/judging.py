"""What is wrong with how a row was met: the wrong one refused it, in words that do not help, or a pod came of it."""

from collections.abc import Iterator, Sequence
from math import inf
from statistics import median
from typing import Final

from tests.badinput.rows import GONE, By, Row
from tests.badinput.told import Told, condition

POLICY: Final = "ValidatingAdmissionPolicy"
"""What the refusals of all policies say."""
CHANGES: Final = 3
"""Of a neighbour, at least: fewer would show nothing."""
LONGER_SECONDS: Final = 1.0
"""By which nothing bad may keep a neighbour."""


def problems(row: Row, told: Told, *, guarded: bool) -> list[str]:
    """Return what is not as the row says; `guarded` is whether the policies are in force."""
    who = last_word(row, guarded=guarded)
    if who is None:
        return list(_not_taken(told))
    if who in {By.SCHEMA, By.POLICY, By.SERVER}:
        return list(_refused_otherwise(row, who, told))
    otherwise = _said_otherwise if who is By.CONDITION else _borne_otherwise
    wrong = [*_not_taken(told), *otherwise(row, told)]
    shown = bool(wrong) or row.shows is None or row.shows(told)
    return wrong if shown else ["it does not show what its name says"]


def last_word(row: Row, *, guarded: bool) -> By | None:
    """Return who has it; without the policies, the controller, or nobody where it matters who asks."""
    if row.by is not By.POLICY or guarded:
        return row.by
    return By.CONDITION if row.reason else None


def kept_waiting(usual: Sequence[float], took: Sequence[float]) -> list[str]:
    """Return what is wrong with the seconds of a neighbour's changes, by those that it usually takes.

    What is usual is the median, so that one that happened to be slow beside good sets excuses none beside bad ones.
    """
    if min(len(usual), len(took)) < CHANGES:
        return [f"changed {len(usual)} times beside good sets, {len(took)} beside bad ones: that shows nothing"]
    never = [f"a change took no effect beside good sets: {usual}" for seconds in usual if seconds == inf]
    most = median(usual) + LONGER_SECONDS
    return never + [
        f"a change took {seconds:.2f} s, and usually {median(usual):.2f}" for seconds in took if seconds > most
    ]


def _refused_otherwise(row: Row, who: By, told: Told) -> Iterator[str]:
    *before, last = told.answers
    yield from (f"refused too early: {answer.message}" for answer in before if not answer.taken)
    if len(told.answers) < _requests(row) or last.code < 400:
        yield f"taken, or not asked: {last}"
        return
    if (POLICY in last.message) is not (who is By.POLICY):
        yield f"refused by another than the {who}: {last.message}"
    if who is By.POLICY and f"'foosets-{row.policy}'" not in last.message:
        yield f"refused by another policy: {last.message}"
    if who is By.SCHEMA and last.code != 422:
        yield f"refused with {last.code}: {last.message}"
    yield from _lacking(row, last.message)
    if told.found is None or row.about[0] == "Pod":
        yield from (f"a pod of a refused object: {pod['metadata']['name']}" for pod in told.pods)


def _requests(row: Row) -> int:
    """Return how many answers there are at least, if all was asked."""
    return len(row.steps)


def _not_taken(told: Told) -> Iterator[str]:
    yield from (f"refused with {answer.code}: {answer.message}" for answer in told.answers if not answer.taken)


def _said_otherwise(row: Row, told: Told) -> Iterator[str]:
    if told.found is None:
        yield f"no {' '.join(row.about)}"
        return
    ready = condition(told.found, "Ready")
    if (ready.get("status"), ready.get("reason")) != ("False", row.reason):
        yield f"Ready is {ready.get('status')}, {ready.get('reason')}: {ready.get('message')}"
    yield from _lacking(row, ready.get("message", ""))
    yield from (f"a pod: {pod['metadata']['name']}" for pod in told.pods if not row.has_pods)


def _borne_otherwise(row: Row, told: Told) -> Iterator[str]:
    if row.state == GONE:
        yield from (f"still there: {' '.join(row.about)}" for _ in [told.found] if told.found is not None)
        yield from (f"a pod is left: {pod['metadata']['name']}" for pod in told.pods)
        return
    if told.found is None:
        yield f"no {' '.join(row.about)}"
        return
    state = condition(told.found, row.state)
    if state.get("status") != "True":
        yield f"{row.state} is {state.get('status')}, {state.get('reason')}: {state.get('message')}"
    seen, newest = told.found["status"].get("observedGeneration"), told.found["metadata"]["generation"]
    if seen != newest:
        yield f"generation {newest}, of which {seen} was seen"


def _lacking(row: Row, message: str) -> Iterator[str]:
    yield from (f"no {word!r} in: {message}" for word in row.words if word not in message)
