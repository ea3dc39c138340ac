"""What a key's own last writes are, so that it is not planned again from a cache that has not seen them.

A creation or change is seen when the store has passed its resourceVersion (comparable numbers within one resource,
KEP-5504); a deletion when the object with that uid is gone or terminating. There is no time-out that fails open: a
watch that keeps a key waiting is asked for a live list instead.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from foosets.api.meta import Key, Resource
from foosets.api.names import Uid


@dataclass(slots=True)
class _Awaited:
    versions: dict[Resource, int] = field(default_factory=dict[Resource, int])
    deletions: dict[Uid, tuple[Resource, Key]] = field(default_factory=dict[Uid, tuple[Resource, Key]])


@dataclass(frozen=True, slots=True)
class Sight:
    """What of one watched resource is visible: its version, and whether an object is still there and staying."""

    resource_version: Callable[[], int]
    stays: Callable[[Key, Uid], bool]


class Expectations:
    """The awaited writes of every key. `sights` names the resources whose stores can be asked."""

    def __init__(self, sights: dict[Resource, Sight]) -> None:
        self._sights = sights
        self._awaited: dict[Key, _Awaited] = {}

    def awaits(self, key: Key, resource: Resource, resource_version: int) -> None:
        """Await a version: what a write of this key returned, or what its status presumes.

        A resource that is not watched is not awaited.
        """
        if resource in self._sights and resource_version:
            versions = self._of(key).versions
            versions[resource] = max(versions.get(resource, 0), resource_version)

    def deleted(self, key: Key, resource: Resource, target: Key, uid: Uid) -> None:
        """Await the sight of a deletion that this key asked for."""
        if resource in self._sights:
            self._of(key).deletions[uid] = (resource, target)

    def unmet(self, key: Key) -> Resource | None:
        """Return a resource whose store still has to catch up with this key's writes, or None."""
        awaited = self._awaited.get(key)
        if awaited is None:
            return None
        for resource, version in awaited.versions.items():
            if self._sights[resource].resource_version() < version:
                return resource
        for uid, (resource, target) in list(awaited.deletions.items()):
            if self._sights[resource].stays(target, uid):
                return resource
            del awaited.deletions[uid]
        del self._awaited[key]
        return None

    def _of(self, key: Key) -> _Awaited:
        awaited = self._awaited.get(key)
        if awaited is None:
            awaited = self._awaited[key] = _Awaited()
        return awaited

    def forget(self, key: Key) -> None:
        """Drop what a key awaits; its object is gone."""
        self._awaited.pop(key, None)
