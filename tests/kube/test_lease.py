"""What goes over the wire for a Lease, and what comes back."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web
from kubernetes_asyncio.client import Configuration

from foosets.api.meta import Key
from foosets.kube.credentials import REFRESH_SECONDS, Credentials, KubeconfigFile
from foosets.kube.errors import Garbled, Unreachable
from foosets.kube.lease import REQUEST_SECONDS, LeaseClient, Record, StoredLease, micro_time
from foosets.kube.transport import Transport, connect
from tests.kube.loopback import kubeconfig, serve, status
from tests.virtualtime import in_virtual_time

PATH = "/apis/coordination.k8s.io/v1/namespaces/foosets-system/leases/foosets-fooset"
METADATA = {"name": "foosets-fooset", "uid": "u", "resourceVersion": "7", "labels": {"team": "a"}}
SPEC = {
    "holderIdentity": "me",
    "leaseDurationSeconds": 15,
    "acquireTime": "2027-01-15T08:00:00.000000Z",
    "renewTime": "2027-01-15T08:00:03.000000Z",
    "leaseTransitions": 2,
}
RECORD = Record("me", 15, SPEC["acquireTime"], SPEC["renewTime"], 2)


@asynccontextmanager
async def lease(folder: Path, answer: web.Response | None = None) -> AsyncIterator[tuple[LeaseClient, list[Any]]]:
    received: list[Any] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        received.append((request.method, request.raw_path, json.loads(await request.read() or b"null")))
        return answer or web.json_response({"kind": "Lease", "metadata": METADATA, "spec": SPEC})

    async with serve(handle) as url, connect(kubeconfig(folder, url)) as transport:
        yield LeaseClient(transport, Key("foosets-system", "foosets-fooset"), "foosets-fooset"), received


async def test_a_lease_is_read_with_the_metadata_that_the_next_write_presumes(tmp_path: Path) -> None:
    async with lease(tmp_path) as (client, received):
        stored = await client.read()
    assert stored is not None
    assert stored.record == RECORD
    assert json.loads(stored.metadata) == METADATA
    assert received == [("GET", PATH, None)]


async def test_a_lease_that_is_not_there_is_none(tmp_path: Path) -> None:
    async with lease(tmp_path, status(404, "NotFound")) as (client, _):
        assert await client.read() is None


async def test_a_lease_that_was_never_held_has_an_empty_record(tmp_path: Path) -> None:
    async with lease(tmp_path, web.json_response({"metadata": METADATA, "spec": {}})) as (client, _):
        stored = await client.read()
    assert stored is not None
    assert stored.record == Record()


async def test_a_write_carries_the_metadata_back_as_it_was_read(tmp_path: Path) -> None:
    async with lease(tmp_path) as (client, received):
        await client.write(RECORD, StoredLease(Record(), json.dumps(METADATA).encode()))
    ((method, target, body),) = received
    assert (method, target) == ("PUT", f"{PATH}?fieldManager=foosets-fooset")
    assert body == {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": METADATA, "spec": SPEC}


async def test_a_missing_lease_is_made_by_a_put_that_presumes_nothing(tmp_path: Path) -> None:
    async with lease(tmp_path) as (client, received):
        await client.write(RECORD, None)
    ((method, _, body),) = received
    assert method == "PUT"
    assert body["metadata"] == {"namespace": "foosets-system", "name": "foosets-fooset"}


async def test_a_free_lease_names_no_holder_for_an_empty_one_is_none(tmp_path: Path) -> None:
    async with lease(tmp_path) as (client, received):
        await client.write(Record(lease_duration_seconds=1), None)
    assert received[0][2]["spec"] == {"leaseDurationSeconds": 1}


async def test_what_is_no_lease_is_garbled(tmp_path: Path) -> None:
    async with lease(tmp_path, web.json_response({"metadata": METADATA, "spec": {"leaseTransitions": "x"}})) as (it, _):
        with pytest.raises(Garbled, match="not a Lease"):
            await it.read()


@dataclass
class SlowOrigin:
    """Credentials that take `seconds` to read."""

    file: KubeconfigFile
    seconds: float = 0.0

    async def read(self, *, afresh: bool) -> Configuration:
        await anyio.sleep(self.seconds)
        return await self.file.read(afresh=afresh)

    def namespace(self) -> str:
        return ""


@pytest.mark.parametrize("refused", [False, True], ids=["read again after a minute", "read again after a 401"])
def test_credentials_that_take_long_to_read_hold_no_request_up_and_are_there_at_last(
    tmp_path: Path, *, refused: bool
) -> None:
    takes = {"Bearer first", "Bearer second"}

    async def handle(request: web.BaseRequest) -> web.Response:
        if request.headers["Authorization"] not in takes:
            return status(401, "Unauthorized")
        return web.json_response({"metadata": METADATA, "spec": SPEC})

    async def main() -> None:
        async with serve(handle) as url:
            (tmp_path / "token").write_text("first")
            path = kubeconfig(tmp_path, url, user={"tokenFile": str(tmp_path / "token")})
            origin = SlowOrigin(KubeconfigFile(path))
            credentials = await Credentials.load(origin)
            transport = Transport(credentials, user_agent="test")
            client = LeaseClient(transport, Key("foosets-system", "foosets-fooset"), "foosets-fooset")
            (tmp_path / "token").write_text("second")
            origin.seconds = 20.0
            if refused:
                takes.discard("Bearer first")
            else:
                await anyio.sleep(REFRESH_SECONDS)

            asked = anyio.current_time()
            with pytest.raises(Unreachable, match="not done within 3 s"):
                await client.read()
            assert anyio.current_time() - asked == pytest.approx(REQUEST_SECONDS, abs=0.1)

            await anyio.sleep(20.0 - REQUEST_SECONDS)
            assert await client.read() is not None
            assert credentials.authorization == "Bearer second"
            await transport.aclose()

    in_virtual_time(main)


def test_times_are_utc_with_six_decimals() -> None:
    assert micro_time(1_800_000_000) == "2027-01-15T08:00:00.000000Z"
    assert micro_time(1_800_000_000.25) == "2027-01-15T08:00:00.250000Z"
