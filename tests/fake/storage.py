"""Objects, their versions in one global order, and how far back that order is remembered.

Like etcd below an API server: one counter for all resources, which only grows; every write is one step of it. What was
compacted cannot be watched from or listed at any more; the record keeps it all the same.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

import anyio
import msgspec

from foosets.api.meta import Key, Resource
from tests.fake.encoding import encoded
from tests.fake.record import ADDED, DELETED, MODIFIED, Object, Record, Version

Clock = Callable[[], datetime]

_number = attrgetter("resource_version")


def copied(found: object) -> Object:
    """Return an object of one's own, to be changed."""
    return msgspec.json.decode(msgspec.json.encode(found))


@dataclass(slots=True)
class Storage:
    """All objects. `news` is set, and replaced by another, with every write."""

    clock: Clock
    record: Record
    version: int = 1
    compacted: int = 0
    news: anyio.Event = field(default_factory=anyio.Event)
    _live: dict[str, dict[Key, Version]] = field(default_factory=dict[str, dict[Key, Version]])
    _histories: dict[str, list[Version]] = field(default_factory=dict[str, list[Version]])

    def get(self, plural: str, key: Key) -> Version | None:
        """Return the newest version of an object, or None if there is none."""
        return self._live.get(plural, {}).get(key)

    def all(self, plural: str, at: int | None = None) -> list[Version]:
        """Return the newest versions of all objects of a resource, or those of an earlier moment, in order of keys."""
        live = self._live.get(plural, {}) if at is None else self._as_of(plural, at)
        return [live[key] for key in sorted(live)]

    def history(self, plural: str) -> list[Version]:
        """Return all versions of a resource, oldest first; the list grows."""
        return self._histories.setdefault(plural, [])

    def after(self, plural: str, version: int) -> int:
        """Return where in the history of a resource begins what came after a version."""
        return bisect_right(self.history(plural), version, key=_number)

    def put(self, resource: Resource, found: Object, user: str) -> Version:
        """Store a new state, in the place of one that may be there. The storage owns the object from here on."""
        key = Key(found["metadata"].get("namespace", ""), found["metadata"]["name"])
        before = self.get(resource.plural, key)
        stored = self._next(ADDED if before is None else MODIFIED, resource, found, user, before)
        self._live.setdefault(resource.plural, {})[key] = stored
        return stored

    def remove(self, resource: Resource, key: Key, user: str) -> Version:
        """Remove an object that is there; return its end."""
        before = self._live[resource.plural].pop(key)
        return self._next(DELETED, resource, copied(before.object), user, before)

    def compact(self, version: int | None = None) -> None:
        """Forget what was before a version, or before now."""
        self.compacted = max(self.compacted, self.version if version is None else version)

    def _next(self, type_: str, resource: Resource, found: Object, user: str, before: Version | None) -> Version:
        self.version += 1
        meta = found["metadata"]
        meta["resourceVersion"] = str(self.version)
        version = Version(
            type=type_,
            resource=resource.plural,
            namespace=meta.get("namespace", ""),
            name=meta["name"],
            uid=meta["uid"],
            resource_version=self.version,
            user=user,
            at=self.clock(),
            object=found,
            body=encoded(resource, found),
            before=before.object if before is not None else None,
        )
        self.history(resource.plural).append(version)
        self.record.versions.append(version)
        self.news.set()
        self.news = anyio.Event()
        return version

    def _as_of(self, plural: str, at: int) -> dict[Key, Version]:
        live: dict[Key, Version] = {}
        for version in self._until(plural, at):
            key = Key(version.namespace, version.name)
            if version.type == DELETED:
                live.pop(key)
            else:
                live[key] = version
        return live

    def _until(self, plural: str, at: int) -> Iterator[Version]:
        return iter(self.history(plural)[: self.after(plural, at)])
