"""A Lease (coordination.k8s.io/v1): what stands in it, and the two requests that are made of it.

A write is a compare-and-set. It is a PUT that carries back the metadata it was read with, uid and resourceVersion
included, so it happens over nothing but what was read; and labels that others put there stay. A Lease that is missing
is made by a PUT too (its kind allows that): a role can give that right for one name, which it cannot for a POST.

Requests go through a pool of their own, which no fence shuts: who may not write anything else asks here whether it may.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
import msgspec
from msgspec import Raw, Struct

from foosets.api.meta import LEASES, Key
from foosets.kube.errors import Garbled, NotFound, Unreachable
from foosets.kube.transport import Pool, Transport

REQUEST_SECONDS: Final = 3.0
"""The whole of one request, credentials read again included, so that who is silent leaves time for another try."""


class Record(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A Lease's spec. Without a holder it is free; times are MicroTime, kept as they stand."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    acquire_time: str = ""
    renew_time: str = ""
    lease_transitions: int = 0


class _Stored(Struct):
    metadata: Raw
    spec: Record = Record()


@dataclass(frozen=True, slots=True)
class StoredLease:
    """A Lease as the server has it; `metadata` is JSON, and what the next write presumes."""

    record: Record
    metadata: bytes


_decode: Final = msgspec.json.Decoder(_Stored).decode
_encode: Final = msgspec.json.Encoder().encode


class LeaseClient:
    """One Lease, by name, in the name of one field manager. All verbs raise `ApiError` and `Garbled`."""

    def __init__(self, transport: Transport, key: Key, field_manager: str) -> None:
        self._transport = transport
        self._key = key
        self._path = LEASES.path(key.namespace, key.name)
        self._managed = f"{self._path}?fieldManager={field_manager}"

    async def read(self) -> StoredLease | None:
        """Return the Lease as a quorum of etcd has it, or None."""
        try:
            return _stored(await self._request("GET", self._path))
        except NotFound:
            return None

    async def write(self, record: Record, over: StoredLease | None) -> StoredLease:
        """Put `record` in the place of what was read; over None make the Lease.

        `Conflict` if the Lease has changed or is gone; `Invalid` if there is one although None was read.
        """
        metadata = Raw(over.metadata) if over else {"namespace": self._key.namespace, "name": self._key.name}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": record}
        return _stored(await self._request("PUT", self._managed, _encode(body)))

    async def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        try:
            with anyio.fail_after(REQUEST_SECONDS):
                return await self._transport.request(method, path, body, pool=Pool.LEASES, timeout=REQUEST_SECONDS)
        except TimeoutError:
            raise Unreachable(f"{method} {path}: not done within {REQUEST_SECONDS:.0f} s") from None


def micro_time(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, as Kubernetes' MicroTime: UTC, six decimals, Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _stored(body: bytes) -> StoredLease:
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled(f"not a Lease: {error}") from error
    return StoredLease(found.spec, bytes(found.metadata))
