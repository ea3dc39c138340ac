"""One Lease with the API server's answers, and candidates that each have a way of their own to it.

What the answers are was asked of a real one: see tests/kube/test_lease_on_a_server.py.
"""

import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import anyio

from foosets.api.meta import Key
from foosets.kube.errors import ApiError, Conflict, Forbidden, Invalid, NotFound, ServerFault, Unreachable
from foosets.kube.lease import LeaseClient
from foosets.kube.transport import Pool, Transport
from foosets.runtime.leader import Elector, Fence, LeaseLostError

KEY = Key("foosets-system", "foosets-fooset")
WALL = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""
LATENCY = 0.01
SILENCE = 3.0
NEVER = float("inf")


class LeaseServer:
    """One Lease, or none, and everything that was written to it: (when, by whom, its holder)."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.requests = 0
        self.writes: list[tuple[float, str, str]] = []
        self._version = 100

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        return self.lease["spec"]

    def get(self) -> bytes:
        if self.lease is None:
            raise NotFound(404, "NotFound", 'leases "foosets-fooset" not found')
        return json.dumps(self.lease).encode()

    def put(self, body: bytes, who: str) -> bytes:
        asked = json.loads(body)
        presumed, stored = asked["metadata"], self.lease["metadata"] if self.lease else {}
        if "uid" in presumed and presumed["uid"] != stored.get("uid"):
            raise Conflict(409, "Conflict", "Precondition failed: UID in precondition")
        if stored and "resourceVersion" not in presumed:
            raise Invalid(422, "Invalid", "metadata.resourceVersion: must be specified for an update")
        if stored and presumed["resourceVersion"] != stored["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")
        self.writes.append((anyio.current_time(), who, asked["spec"].get("holderIdentity", "")))
        return self._store(presumed, asked["spec"])

    def edit(self, **spec: Any) -> None:
        """Write as somebody whom nothing stops."""
        assert self.lease is not None
        self._store(self.lease["metadata"], {**self.spec, **spec})

    def label(self, **labels: str) -> None:
        assert self.lease is not None
        self._store({**self.lease["metadata"], "labels": labels}, self.spec)

    def _store(self, metadata: dict[str, Any], spec: dict[str, Any]) -> bytes:
        self._version += 1
        identity = {"uid": metadata.get("uid", f"uid-{self._version}"), "resourceVersion": str(self._version)}
        self.lease = {"kind": "Lease", "metadata": {**metadata, **identity}, "spec": spec}
        return json.dumps(self.lease).encode()


class Trouble(StrEnum):
    """What may be wrong with the way to the server."""

    REFUSED = "refused"
    SILENT = "silent"
    REPLY_LOST = "the write is done and its reply lost"
    FAULTY = "faulty"
    FORBIDDEN = "forbidden"


@dataclass
class Way:
    """A candidate's transport."""

    server: LeaseServer
    who: str
    trouble: Trouble | None = None
    slowness: float = 0.0
    """Seconds that a reply takes."""

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        pool: Pool,
        timeout: float,  # noqa: ASYNC109 - as the real one's
    ) -> bytes:
        assert path.startswith("/apis/coordination.k8s.io/v1/namespaces/foosets-system/leases/foosets-fooset")
        assert (pool, timeout) == (Pool.LEASES, SILENCE)
        self.server.requests += 1
        await anyio.sleep(SILENCE if self.trouble is Trouble.SILENT else LATENCY)
        if self.trouble is not None and self.trouble is not Trouble.REPLY_LOST:
            raise _error(self.trouble)
        reply = self.server.put(body, self.who) if method == "PUT" else self.server.get()
        await anyio.sleep(self.slowness)
        if self.trouble is Trouble.REPLY_LOST and method == "PUT":
            raise Unreachable("PUT: the connection was reset")
        return reply


def _error(trouble: Trouble) -> ApiError:
    match trouble:
        case Trouble.FAULTY:
            return ServerFault(500, "InternalError", "etcdserver: request timed out")
        case Trouble.FORBIDDEN:
            return Forbidden(403, "Forbidden", 'User "x" cannot get resource "leases"')
        case _:
            return Unreachable("no route to host")


@dataclass
class Candidate:
    """One life of a process: its clocks, its way, and when it worked."""

    server: LeaseServer
    identity: str
    seed: int = 0
    suspended: float = 0.0
    """Seconds for which its machine slept."""
    wall: float = WALL
    complaints: list[str] = field(default_factory=list[str])
    began: float = NEVER
    ended: float = NEVER
    lost: str = ""
    has_begun: anyio.Event = field(default_factory=anyio.Event)
    has_ended: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)
    dies_of: Exception | None = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def __post_init__(self) -> None:
        self.way = Way(self.server, self.identity)
        self.fence = Fence(lambda: anyio.current_time() + self.suspended)
        lease = LeaseClient(cast("Transport", self.way), KEY, "foosets-fooset")
        self.elector = Elector(
            lease,
            self.identity,
            self.fence,
            wall=lambda: self.wall + anyio.current_time(),
            complaints=lambda: self.complaints,
            rng=random.Random(self.seed),
        )

    @property
    def works(self) -> bool:
        return self.has_begun.is_set() and not self.has_ended.is_set()

    async def run(self) -> None:
        """Be a candidate until told to stop; what it lost its lease for stands in `lost`."""
        with self.scope:
            try:
                await self.elector.lead(self._work)
            except* LeaseLostError as errors:
                (error,) = errors.exceptions
                self.lost = str(error)
        self.over.set()

    async def _work(self) -> None:
        self.began = anyio.current_time()
        self.has_begun.set()
        try:
            await self.done.wait()
            if self.dies_of is not None:
                raise self.dies_of
        finally:
            self.ended = anyio.current_time()
            self.has_ended.set()

    def crash(self) -> None:
        """End without another word to the server."""
        self.fence.shut()
        self.scope.cancel()

    def stop(self) -> None:
        """End as on SIGTERM."""
        self.scope.cancel()

    async def begins(self) -> float:
        """Wait until it works; return since when."""
        await self.has_begun.wait()
        return self.began

    async def ends(self) -> float:
        """Wait until it works no more; return since when."""
        await self.has_ended.wait()
        return self.ended
