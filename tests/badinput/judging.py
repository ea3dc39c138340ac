"""What is wrong with how a row was met: the wrong one refused it, in words that do not help, or a pod came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.badinput.playing import Answer, condition
from tests.badinput.rows import GONE, By, Manifest, Row

POLICY = "ValidatingAdmissionPolicy"
"""What the refusals of all policies say."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a row was met: the answers to its steps, the object that it is about, if it is there, and its pods."""

    answers: Sequence[Answer]
    found: Manifest | None
    pods: Sequence[Manifest]


def problems(row: Row, told: Told, *, guarded: bool) -> list[str]:
    """Return what is not as the row says; `guarded` is whether the policies are in force."""
    who = last_word(row, guarded=guarded)
    if who is None:
        return list(_not_taken(told))
    if who in {By.SCHEMA, By.POLICY, By.SERVER}:
        return list(_refused_otherwise(row, who, told))
    wrong = _said_otherwise(row, told) if who is By.CONDITION else _borne_otherwise(row, told)
    return [*_not_taken(told), *wrong]


def last_word(row: Row, *, guarded: bool) -> By | None:
    """Return who has it; without the policies, the controller, or nobody where it matters who asks."""
    if row.by is not By.POLICY or guarded:
        return row.by
    return By.CONDITION if row.reason else None


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
