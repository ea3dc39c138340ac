import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest

from foosets.api.meta import FOOSETS, Key
from foosets.kube.client import Client
from foosets.kube.errors import NotFound
from foosets.kube.transport import Transport, connect
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.http import serving
from tests.kube.loopback import kubeconfig


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[tuple[FakeApiServer, Transport]]:
    server = FakeApiServer(loop_clock(), random.Random(1))
    async with serving(server) as url, connect(kubeconfig(folder, url)) as transport:
        yield server, transport


def body(name: str) -> bytes:
    found = {"apiVersion": FOOSETS.api_version, "kind": FOOSETS.kind, "metadata": {"name": name}, "spec": {}}
    return msgspec.json.encode(found)


async def test_a_client_writes_and_reads(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, transport):
        client = Client(transport, "foosets-test")
        await client.create(FOOSETS, "default", body("a"))
        assert (await client.get(FOOSETS, "default", "a")).startswith(b'{"apiVersion"')
        with pytest.raises(NotFound, match='"b" not found'):
            await client.get(FOOSETS, "default", "b")
        assert server.get(FOOSETS, Key("default", "a")) is not None


async def test_a_watch_is_told_what_happens(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, transport):
        async with transport.watch(f"{FOOSETS.path()}?watch=true&resourceVersion=1") as stream:
            server.request("POST", FOOSETS.path("default"), body("a"))
            lines = await anext(stream)
        assert [line.startswith(b'{"type":"ADDED"') for line in lines] == [True]


async def test_a_watch_ends_in_order(tmp_path: Path) -> None:
    async with connected(tmp_path) as (_, transport):
        path = f"{FOOSETS.path()}?watch=true&resourceVersion=1&timeoutSeconds=1"
        with anyio.fail_after(5):
            async with transport.watch(path) as stream:
                assert [lines async for lines in stream] == []
