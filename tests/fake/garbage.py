"""The garbage collector of a fake cluster: what is left of deletions, done step by step.

`collect` does what can be done now; a test calls it when it likes, or lets `run` call it whenever something was
written. Owners are known by uid. What blocks a foreground deletion is every dependent with `blockOwnerDeletion`.
"""

from collections.abc import Iterator
from typing import Final, NoReturn

import anyio

from foosets.api.meta import Key, Resource
from tests.fake.apiserver import FakeApiServer
from tests.fake.deletion import FOREGROUND, ORPHAN
from tests.fake.kinds import KINDS
from tests.fake.record import Object, Version

COLLECTOR: Final = "system:serviceaccount:kube-system:generic-garbage-collector"
_RESOURCES: Final = tuple(kind.resource for kind in KINDS)


async def run(server: FakeApiServer, *, after: float = 0.0) -> NoReturn:
    """Collect for ever, each time so many seconds after something was written."""
    while True:
        news = server.storage.news
        if not collect(server):
            await news.wait()
            await anyio.sleep(after)


def collect(server: FakeApiServer) -> int:
    """Take one step with every object that is due; return how many were touched."""
    everything = [(resource, found) for resource in _RESOURCES for found in server.storage.all(resource.plural)]
    present = {found.uid for _, found in everything}
    return sum(_step(server, resource, found, present) for resource, found in everything)


def _step(server: FakeApiServer, resource: Resource, found: Version, present: set[str]) -> bool:
    meta = found.object["metadata"]
    finalizers = meta.get("finalizers", []) if "deletionTimestamp" in meta else []
    if ORPHAN in finalizers:
        _orphan(server, found)
        return _release(server, resource, found, ORPHAN)
    if FOREGROUND in finalizers:
        blocking = list(_blocking(server, found))
        touched = [_delete(server, kind, one, "Foreground") for kind, one in blocking if not _is_leaving(one)]
        return any(touched) if blocking else _release(server, resource, found, FOREGROUND)
    owners = meta.get("ownerReferences", [])
    orphaned = owners and not any(owner["uid"] in present for owner in owners)
    return bool(orphaned) and not _is_leaving(found) and _delete(server, resource, found, "Background")


def _is_leaving(found: Version) -> bool:
    return "deletionTimestamp" in found.object["metadata"]


def _blocking(server: FakeApiServer, owner: Version) -> Iterator[tuple[Resource, Version]]:
    for resource, found, reference in _dependents(server, owner):
        if reference.get("blockOwnerDeletion"):
            yield resource, found


def _dependents(server: FakeApiServer, owner: Version) -> Iterator[tuple[Resource, Version, Object]]:
    for resource in _RESOURCES:
        for found in server.storage.all(resource.plural):
            for reference in found.object["metadata"].get("ownerReferences", []):
                if reference["uid"] == owner.uid:
                    yield resource, found, reference


def _delete(server: FakeApiServer, resource: Resource, found: Version, policy: str) -> bool:
    key = Key(found.namespace, found.name)
    server.delete(resource, key, user=COLLECTOR, preconditions={"uid": found.uid}, propagationPolicy=policy)
    return True


def _orphan(server: FakeApiServer, owner: Version) -> None:
    for resource, found, _ in list(_dependents(server, owner)):
        references = found.object["metadata"]["ownerReferences"]
        others = [reference for reference in references if reference["uid"] != owner.uid]
        patch = {"metadata": {"uid": found.uid, "ownerReferences": others}}
        server.change(resource, Key(found.namespace, found.name), patch, user=COLLECTOR)


def _release(server: FakeApiServer, resource: Resource, found: Version, finalizer: str) -> bool:
    meta = found.object["metadata"]
    others = [one for one in meta["finalizers"] if one != finalizer]
    patch = {"metadata": {"uid": found.uid, "finalizers": others}}
    server.change(resource, Key(found.namespace, found.name), patch, user=COLLECTOR)
    return True
