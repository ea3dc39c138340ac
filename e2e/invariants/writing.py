"""I7, I9: nobody writes what he should not: nothing stale, and nothing of another's."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from e2e.audit import Write, identity
from e2e.invariants.history import History, Life, Object, Violation, controller
from foosets.api import names
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS
from foosets.api.names import Component, Kind

OWN_KINDS: Final[Mapping[str, str]] = {
    identity(Component.FOOSET): Kind.FOOSET,
    identity(Component.BATCHFOOSET): Kind.BATCHFOOSET,
    identity(Component.SERVICEFOOSET): Kind.SERVICEFOOSET,
}
"""Whose children each writer makes and removes; the scheduler has none."""
OUR_KINDS: Final = frozenset(one.plural for one in (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, FOOQUOTAS))
OURS: Final = frozenset(identity(component) for component in Component)


def ours(history: History) -> Iterator[Write]:
    """Yield the writes of our components, Leases aside."""
    return (write for write in history.writes if write.user in OURS and write.resource != "leases")


def nothing_stale(history: History) -> Iterator[Violation]:
    """I7: a status or a child is written at a version, and never at one older than the writer has used before.

    Each writer for himself: he waits for one answer before he writes again, while answers to two writers come in any
    order. That the version is still the newest when the write is stored, the API server sees to.
    """
    newest: dict[tuple[str, ...], int] = {}
    for write in ours(history):
        if not _is_computed_from_the_object(write) or not write.succeeded:
            continue
        metadata = write.body.get("metadata", {})
        subject = _subject(write)
        if "resourceVersion" not in metadata:
            if write.resource.endswith("/status"):
                yield Violation("I7", subject, f"{write.user} wrote it at no version")
            continue
        key, number = (
            (write.user, write.resource.split("/")[0], write.name, metadata.get("uid", "")),
            int(metadata["resourceVersion"]),
        )
        if number < newest.get(key, 0):
            yield Violation("I7", subject, f"{write.user} wrote it at {number} after a write at {newest[key]}")
        newest[key] = max(number, newest.get(key, 0))


def no_theft(history: History) -> Iterator[Violation]:
    """I9: what a component deletes or changes is its own, deletions say which uid, and owners never change."""
    by_uid = {life.uid: life for lives in history.lives.values() for life in lives}
    for write in ours(history):
        if write.verb == "delete":
            yield from _stolen(write, by_uid)
        elif write.verb == "deletecollection":
            yield Violation("I9", _subject(write), f"{write.user} deleted without saying what")
    for life in history.of_kind(*history.lives):
        owners = [controller(version.object).get("uid", "") for version in life.versions]
        adopted = next((new for old, new in pairwise(owners) if new not in {old, ""}), None)
        if adopted is not None:
            yield Violation("I9", str(life), f"belonged to {owners[0] or 'nobody'} and was taken by {adopted}")


def _stolen(write: Write, by_uid: Mapping[str, Life]) -> Iterator[Violation]:
    uid = write.body.get("preconditions", {}).get("uid")
    if not uid:
        yield Violation("I9", _subject(write), f"{write.user} asked for its deletion without a uid")
        return
    life = by_uid.get(uid)
    if life is None or not write.succeeded:
        return
    if not _belongs_to(life.last, write.user):
        owner = controller(life.last)
        whose = f"{owner['kind']} {owner['name']}" if owner else "nobody"
        yield Violation("I9", _subject(write), f"{write.user} deleted it, and it belonged to {whose}")


def _belongs_to(target: Object, user: str) -> bool:
    owner = controller(target)
    return owner.get("kind") == OWN_KINDS.get(user) and owner.get("apiVersion") == names.API_VERSION


def _is_computed_from_the_object(write: Write) -> bool:
    """Whether the body follows from the object's state: the status of one of our kinds, or the patch of a child."""
    whole, _, part = write.resource.partition("/")
    return whole in OUR_KINDS and (part == "status" or write.verb == "patch")


def _subject(write: Write) -> str:
    return f"{write.resource} {write.namespace}/{write.name}"
