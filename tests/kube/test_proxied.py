"""Where a kubeconfig names a proxy, everything goes through it, and means the same."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from foosets.kube.errors import AlreadyExists, Deposed, Silent, Throttled, Unreachable
from foosets.kube.transport import Pool, Transport, connect
from tests.kube.loopback import Handler, kubeconfig, serve, silence, status
from tests.virtualtime import in_virtual_time

SERVER = "http://api.example.com:6443"


@asynccontextmanager
async def by_proxy(proxy: Handler, folder: Path) -> AsyncIterator[Transport]:
    async with serve(proxy) as url:
        config = kubeconfig(folder, SERVER, user={"token": "abc"}, cluster={"proxy-url": url})
        async with connect(config) as transport:
            yield transport


async def lines_of(transport: Transport) -> list[bytes]:
    async with transport.watch("/x") as stream:
        return [line async for lines in stream for line in lines]


async def test_a_request_goes_to_the_server_by_the_proxy(tmp_path: Path) -> None:
    async def echo(request: web.BaseRequest) -> web.Response:
        headers = [request.headers[name] for name in ("Host", "Authorization", "Content-Type")]
        return web.json_response([request.method, request.raw_path, *headers, (await request.read()).decode()])

    async with by_proxy(echo, tmp_path) as transport:
        came = json.loads(await transport.request("PATCH", "/x?a=b%2Cc", b"{}", content_type="application/x"))

    assert came == ["PATCH", f"{SERVER}/x?a=b%2Cc", "api.example.com:6443", "Bearer abc", "application/x", "{}"]


async def test_errors_are_the_same(tmp_path: Path) -> None:
    async def refuse(request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            return status(409, "AlreadyExists")
        reply = status(429, "TooManyRequests", "slow down")
        reply.headers["Retry-After"] = "4"
        return reply

    async with by_proxy(refuse, tmp_path) as transport:
        with pytest.raises(AlreadyExists):
            await transport.request("POST", "/x", b"{}")
        with pytest.raises(Throttled, match="slow down") as caught:
            await lines_of(transport)
    assert caught.value.retry_after == 4


async def test_a_watch_gives_lines(tmp_path: Path) -> None:
    async def three(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b"one\ntw", b"o\n", b"half"):
            await response.write(part)
        return response

    async with by_proxy(three, tmp_path) as transport:
        assert await lines_of(transport) == [b"one", b"two"]


async def test_a_watch_that_is_cut_is_unreachable(tmp_path: Path) -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with by_proxy(cut, tmp_path) as transport:
        with pytest.raises(Unreachable) as caught:
            await lines_of(transport)
    assert type(caught.value) is Unreachable


def test_a_silent_watch_is_silent_and_a_silent_proxy_unreachable(tmp_path: Path) -> None:
    async def accept(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        return await silence(request)

    async def ends_with(proxy: Handler, error: type[Exception]) -> None:
        async with by_proxy(proxy, tmp_path) as transport:
            with pytest.raises(error) as caught:
                await lines_of(transport)
            assert type(caught.value) is error

    in_virtual_time(lambda: ends_with(accept, Silent))
    in_virtual_time(lambda: ends_with(silence, Unreachable))


async def test_behind_a_shut_fence_nothing_is_asked_of_the_proxy(tmp_path: Path) -> None:
    asked: list[str] = []

    async def record(request: web.BaseRequest) -> web.Response:
        asked.append(request.method)
        return web.json_response({})

    async with serve(record) as url:
        config = kubeconfig(tmp_path, SERVER, cluster={"proxy-url": url})
        async with connect(config, fence=lambda: False) as transport:
            with pytest.raises(Deposed):
                await transport.request("POST", "/x", b"{}")
            await transport.request("GET", "/x", pool=Pool.READS)
    assert asked == ["GET"]
