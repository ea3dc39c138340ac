"""I5, I6, I12: no more is written than the work asks for."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from typing import Final

from e2e.audit import Write, most_in_a_second
from e2e.invariants.history import POD, History, Violation, slot_of
from e2e.invariants.writing import ours
from foosets.api.meta import EVENTS

STATUS_A_SECOND: Final = 5
"""Of one object: `runtime.controller.STATUS_INTERVAL` allows four, and the audit log's clock is not the writer's."""
REPEATS_A_SECOND: Final = 8
"""Of one refused or repeated request: the loop comes back after 50 ms at the soonest, and then backs off."""
PODS_A_MINUTE: Final = 20
"""Of one index. A slot whose pods end at once costs six; a user who deletes them may cost more."""

Summary = Counter[tuple[str, str]]


def quiet(history: History, rest: datetime) -> Iterator[Violation]:
    """I5: after the rest nothing is written."""
    for write in ours(history):
        if write.at > rest:
            after = (write.at - rest).total_seconds()
            target = f"{write.resource} {write.namespace}/{write.name}"
            yield Violation("I5", target, f"{write.user} wrote it ({write.verb}) {after:.3f} s after the rest")


def summary(history: History) -> Summary:
    """Return how often each kind was created and deleted, successfully, by our components.

    Without Events, of which there is one for each cause that was there long enough to be seen.
    """
    counts: Summary = Counter()
    for write in ours(history):
        if write.resource == EVENTS.plural:
            continue
        made = write.verb == "create" or (write.verb == "patch" and write.code == 201)
        if write.succeeded and (made or write.verb == "delete"):
            counts["create" if made else "delete", write.resource] += 1
    return counts


def same_work(history: History, reference: History) -> Iterator[Violation]:
    """I6: creations and deletions are those of the reference."""
    done, wanted = summary(history), summary(reference)
    for verb, resource in sorted(done.keys() | wanted.keys()):
        told = done[verb, resource], wanted[verb, resource]
        if told[0] != told[1]:
            yield Violation("I6", resource, f"{told[0]} times {verb} where the reference has {told[1]}")


def bounded(history: History, replicas: int, resent: int) -> Iterator[Violation]:
    """I12: requests on one object, by so many replicas, and pods of one index stay within their bounds."""
    yield from _too_many(history, _status_target, STATUS_A_SECOND * replicas + resent)
    yield from _too_many(history, _request, REPEATS_A_SECOND * replicas)
    births: dict[Hashable, list[datetime]] = {}
    for life in history.of_kind(POD):
        slot = slot_of(life.last)
        if slot is not None:
            births.setdefault(slot, []).append(life.versions[0].at)
    for slot, times in births.items():
        minute = _most_in_a_minute(times)
        if minute > PODS_A_MINUTE:
            yield Violation("I12", f"index {slot}", f"got {minute} pods within a minute")


def _too_many(history: History, key: Callable[[Write], Hashable], most: int) -> Iterator[Violation]:
    times: dict[Hashable, list[datetime]] = {}
    for write in ours(history):
        if (found := key(write)) is not None:
            times.setdefault(found, []).append(write.at)
    for found, moments in times.items():
        count = most_in_a_second(moments) if len(moments) > most else 0
        if count > most:
            yield Violation("I12", str(found), f"{count} requests within a second, where {most} are allowed")


def _status_target(write: Write) -> Hashable:
    return _target(write) if write.resource.endswith("/status") else None


def _request(write: Write) -> Hashable:
    return (write.user, write.verb, *_target(write)) if write.name else None


def _target(write: Write) -> tuple[str, ...]:
    """What is written. An object that is made anew under its name is another, where the writer says which he means."""
    uid = write.body.get("metadata", {}).get("uid", "")
    return (write.resource, write.namespace, write.name, uid)


def _most_in_a_minute(times: list[datetime]) -> int:
    minute = timedelta(minutes=1)
    return max(sum(start <= at < start + minute for at in times) for start in times)
