"""Whatever falls silent wherever is given up in time, and what was missed is fetched."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from foosets.kube.errors import Unreachable
from foosets.kube.transport import TIMEOUT_SECONDS, Transport, connect
from foosets.kube.watch import Reflector
from tests.kube.blackhole import Hole, Relay, relayed
from tests.kube.loopback import Authority, Handler, PodServer, PodSink, bookmark, kubeconfig, serve
from tests.kube.test_watch import SOURCE, versions
from tests.virtualtime import in_virtual_time

HOLES = 50
"""For each way."""
FOUND_SECONDS = 95.0
"""By then a silent connection has been given up, from its last byte on."""
RECOVERY_SECONDS = 2.0
"""The first pause after a failure, and what the server is asked then."""
PODS = "abcde"
CHANGES = 4
WHOLE_SECONDS = CHANGES * 60 + 1


@dataclass
class Story:
    """A reflector that lists in three pages and is told of a pod a minute; from some byte on, its server is silent."""

    server: PodServer
    sink: PodSink
    relay: Relay

    async def happen(self) -> None:
        for number in range(CHANGES):
            await anyio.sleep(60)
            self.server.put(f"later-{number}")
            self.server.send(bookmark(self.server.version))

    async def ends_well(self) -> float:
        """Return how long the silence lasted, once the reflector has given up and knows all that it has missed."""
        await self.relay.given_up.wait()
        assert self.relay.fell_silent is not None
        silence = anyio.current_time() - self.relay.fell_silent
        self.server.put("last")
        with anyio.fail_after(RECOVERY_SECONDS):
            await self.sink.signal.until(lambda: self.sink.rows == versions(self.server))
        return silence


class Way(Enum):
    """How the reflector reaches its server."""

    PLAIN = "http"
    TLS = "https"
    PROXY = "by a proxy"


class Site:
    """Where stories take place: one way to the server, and what is trusted on it."""

    def __init__(self, folder: Path, way: Way) -> None:
        self.folder = folder
        self.way = way
        self.authority = Authority(folder, "ca") if way is Way.TLS else None

    def kubeconfig(self, port: int) -> str:
        if self.way is Way.PROXY:
            cluster = {"proxy-url": f"http://127.0.0.1:{port}"}
            return kubeconfig(self.folder, "http://api.example.com:6443", cluster=cluster)
        if self.authority is None:
            return kubeconfig(self.folder, f"http://127.0.0.1:{port}")
        trusted = self.folder / "ca.crt"
        trusted.write_bytes(self.authority.pem)
        return kubeconfig(self.folder, f"https://127.0.0.1:{port}", cluster={"certificate-authority": str(trusted)})

    @asynccontextmanager
    async def beyond(self, handler: Handler, hole: Hole | None) -> AsyncIterator[tuple[Transport, Relay]]:
        """Give the way to a server, and the relay on it."""
        async with (
            serve(handler, self.authority.server if self.authority else None) as url,
            relayed(int(url.rpartition(":")[2]), hole) as (port, relay),
            connect(self.kubeconfig(port)) as transport,
        ):
            yield transport, relay


@asynccontextmanager
async def story(site: Site, hole: Hole | None) -> AsyncIterator[Story]:
    server, sink = PodServer(page_size=2), PodSink()
    for name in PODS:
        server.put(name)
    async with site.beyond(server.handle, hole) as (transport, relay), anyio.create_task_group() as tasks:
        told = Story(server, sink, relay)
        reflector = Reflector(transport, SOURCE, sink, report=lambda _: None)
        tasks.start_soon(reflector.run)
        tasks.start_soon(told.happen)
        yield told
        tasks.cancel_scope.cancel()


def holes(lengths: list[int], seed: str) -> list[Hole]:
    """Draw holes over all connections, their very beginnings among them."""
    rng = random.Random(seed)
    drawn = [Hole(connection, 0) for connection in range(len(lengths))]
    while len(drawn) < HOLES:
        connection = rng.randrange(len(lengths))
        drawn.append(Hole(connection, rng.randrange(1, lengths[connection])))
    return drawn


def silences(drawn: list[Hole], fallen: Callable[[Hole], Awaitable[float]]) -> Iterator[tuple[Hole, float]]:
    """Fall into each hole, in a world of its own; yield how long it was silent."""
    for hole in drawn:

        async def main(into: Hole = hole) -> float:
            return await fallen(into)

        yield hole, in_virtual_time(main)


@pytest.mark.parametrize("way", list(Way))
def test_a_reflector_gets_out_of_any_black_hole(tmp_path: Path, way: Way) -> None:
    site = Site(tmp_path, way)

    async def whole() -> list[int]:
        async with story(site, None) as it:
            await anyio.sleep(WHOLE_SECONDS)
            return it.relay.sent

    async def fallen(hole: Hole) -> float:
        async with story(site, hole) as it:
            return await it.ends_well()

    drawn = holes(in_virtual_time(whole), way.value)
    assert {hole: seconds for hole, seconds in silences(drawn, fallen) if seconds > FOUND_SECONDS} == {}


@pytest.mark.parametrize("way", list(Way))
def test_a_write_without_a_reply_is_given_up_and_holds_up_no_other(tmp_path: Path, way: Way) -> None:
    site = Site(tmp_path, way)

    async def store(request: web.BaseRequest) -> web.Response:
        return web.json_response({"stored": (await request.read()).decode()})

    async def whole() -> list[int]:
        async with site.beyond(store, None) as (transport, relay):
            await transport.request("POST", "/x", b"{}")
            return relay.sent

    async def fallen(hole: Hole) -> float:
        async with site.beyond(store, hole) as (transport, _):
            began = anyio.current_time()
            with pytest.raises(Unreachable) as caught:
                await transport.request("POST", "/x", b"{}")
            assert caught.value.ambiguous
            silence = anyio.current_time() - began
            assert await transport.request("POST", "/x", b"{}") == b'{"stored": "{}"}'
            return silence

    drawn = holes(in_virtual_time(whole), way.value)
    assert {hole: seconds for hole, seconds in silences(drawn, fallen) if seconds > TIMEOUT_SECONDS} == {}
