"""A fake API server: as much of the real one as the suite meets, in memory, quick and repeatable.

    apiserver ──▶ writes, deletion, reads, watches         one request each
                     │        │
                  objects ◀── kinds, schemas, pods         what becomes of an object on its way in
                  ownership ◀─ fields                      server-side apply
                     └──────▶ storage ──▶ record           versions in one order, and everything that ever happened
    transport (in memory), http (loopback)                 the ways to it
    garbage                                                what else lives in a cluster

It knows FooSets, BatchFooSets, ServiceFooSets, pods, nodes, namespaces, leases and events. What it does not know is
refused by an UnsupportedError that no controller catches, so that no test passes for want of a feature.

Nothing here runs by itself: no thread, no task, no clock of its own. Time is what the given clock says, chance comes
from the given generator, and who waits, waits through anyio. There is neither authorization nor admission policy; a
hook of the transport can refuse whatever a test wants to have refused.
"""

import random
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import msgspec
from anyio import NoEventLoopError

from foosets.api.meta import NAMESPACES, Key, Resource
from foosets.kube.transport import JSON
from tests.fake.deletion import Deletion
from tests.fake.kinds import Target, target_of
from tests.fake.reads import Reads
from tests.fake.record import Object, Record, Request
from tests.fake.refusals import Refusal, UnsupportedError, bad_request
from tests.fake.storage import Clock, Storage, copied
from tests.fake.watches import Watch
from tests.fake.writes import Answer, Call, Writes

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def loop_clock(start: datetime = START) -> Clock:
    """Return a clock that goes as the event loop's does: with virtual time, as fast as the test wants.

    Outside of a loop, while a test builds its world, it stands still at `start`.
    """

    def now() -> datetime:
        try:
            return start + timedelta(seconds=anyio.current_time())
        except NoEventLoopError:
            return start

    return now


class FakeApiServer:
    """One cluster's API server. `record` is everything that happened; see `request` and `watch` for the two ways in."""

    def __init__(self, clock: Clock, rng: random.Random, *, namespaces: Sequence[str] = ("default",)) -> None:
        self.record = Record()
        self.storage = Storage(clock, self.record)
        self._rng = rng
        self._reads = Reads(self.storage)
        self._writes = Writes(self.storage, self._new_uid, self._new_suffix)
        self._deletion = Deletion(self.storage)
        self._doing: dict[str, Callable[[Call], Answer]] = {
            "POST": self._writes.create,
            "PUT": self._writes.replace,
            "PATCH": self._writes.patch,
            "DELETE": self._deletion.delete,
            "GET": self._read,
        }
        for namespace in namespaces:
            self.create(NAMESPACES, {"metadata": {"name": namespace}})

    # ---- the two ways in

    def request(
        self, method: str, path: str, body: bytes = b"", *, content_type: str = JSON, user: str = "admin"
    ) -> tuple[int, bytes]:
        """Do what a request asks for, in one moment; return status and body of the reply."""
        target = target_of(path)
        try:
            call = Call(method, target, _decoded(body), content_type, user)
        except Refusal as refusal:
            return refusal.code, refusal.body
        try:
            answer = self._doing[method](call)
        except Refusal as refusal:
            answer = Answer(refusal.code, refusal.body)
        self._note(call, answer.code)
        return answer.code, answer.body

    def open_watch(self, path: str, *, user: str = "admin") -> Watch:
        """Begin a watch; raises the `Refusal` of one that makes no sense."""
        target = target_of(path)
        watch = Watch.open(self.storage, target)
        self._note(Call("GET", target, {}, JSON, user), 200)
        return watch

    async def watch(self, path: str, *, user: str = "admin") -> AsyncGenerator[list[bytes], None]:
        """Yield the lines of a watch as they come about; raises the `Refusal` of one that makes no sense."""
        async for told in self.open_watch(path, user=user).events():
            yield [one.line for one in told]

    def compact(self, version: int | None = None) -> None:
        """Forget what was before a version, or before now: older watches and pages get 410."""
        self.storage.compact(version)

    # ---- shorter, for tests

    def create(self, resource: Resource, found: Object, *, user: str = "admin") -> Object:
        """Create an object of which a test names only what matters; return it as stored."""
        envelope = {"apiVersion": resource.api_version, "kind": resource.kind}
        path = resource.path(found["metadata"].get("namespace", ""))
        return self._must("POST", path, envelope | found, user)

    def change(
        self, resource: Resource, key: Key, patch: Object, *, subresource: str = "", user: str = "admin"
    ) -> Object:
        """Change an object, or its status, by a JSON merge patch; return it as stored."""
        path = resource.path(key.namespace, key.name, subresource)
        return self._must("PATCH", path, patch, user)

    def delete(self, resource: Resource, key: Key, *, user: str = "admin", **options: Any) -> None:
        """Delete an object; `options` are members of DeleteOptions."""
        self._must("DELETE", resource.path(key.namespace, key.name), options, user)

    def get(self, resource: Resource, key: Key) -> Object | None:
        """Return a copy of an object, or None; this is no request."""
        found = self.storage.get(resource.plural, key)
        return copied(found.object) if found is not None else None

    def all(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return copies of all objects of a resource, by namespace and name; this is no request."""
        found = self.storage.all(resource.plural)
        return [copied(one.object) for one in found if namespace in {"", one.namespace}]

    def _must(self, method: str, path: str, body: Object, user: str) -> Object:
        content_type = "application/merge-patch+json" if method == "PATCH" else JSON
        code, reply = self.request(method, path, msgspec.json.encode(body), content_type=content_type, user=user)
        if code >= 300:
            raise AssertionError(f"{method} {path}: {code} {reply.decode()}")
        return msgspec.json.decode(reply)

    # ---- inside

    def _read(self, call: Call) -> Answer:
        target = call.target
        if target.watches:
            raise UnsupportedError("a watch by `request`; there is `watch`")
        return Answer(200, self._reads.get(target) if target.name else self._reads.page(target))

    def _note(self, call: Call, code: int) -> None:
        target = call.target
        self.record.requests.append(
            Request(
                user=call.user,
                verb=_verb(call.method, target),
                resource=target.called,
                namespace=target.namespace,
                name=target.name or (call.body.get("metadata") or {}).get("name", ""),
                code=code,
                at=self.storage.clock(),
                body=call.body,
                dry_run=target.dry_run,
            )
        )

    def _new_uid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _new_suffix(self) -> str:
        return "".join(self._rng.choice(_SUFFIX_LETTERS) for _ in range(5))


def _verb(method: str, target: Target) -> str:
    if method != "GET":
        return _VERBS[method]
    return "watch" if target.watches else "get" if target.name else "list"


def _decoded(body: bytes) -> Object:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise bad_request(f"the body of the request is no object: {error}") from error
