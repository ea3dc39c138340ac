import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from foosets.kube.errors import AlreadyExists, Deposed, Silent, Throttled, Unauthorized, Unreachable
from foosets.kube.transport import INACTIVITY_SECONDS, TIMEOUT_SECONDS, Pool, Transport, connect
from tests.kube.loopback import Authority, Handler, kubeconfig, serve, silence, status
from tests.virtualtime import in_virtual_time


@asynccontextmanager
async def to(handler: Handler, folder: Path, **user: Any) -> AsyncIterator[Transport]:
    async with serve(handler) as url, connect(kubeconfig(folder, url, user=user or None)) as transport:
        yield transport


async def echo(request: web.BaseRequest) -> web.Response:
    """Answer with what came."""
    body = (await request.read()).decode()
    came = {"method": request.method, "target": request.raw_path, "headers": dict(request.headers), "body": body}
    return web.json_response(came, status=201)


async def test_a_request_goes_out_as_it_was_given(tmp_path: Path) -> None:
    async with to(echo, tmp_path, token="abc") as transport:
        came = json.loads(await transport.request("POST", "/api/v1/pods?a=b%2Cc", b"{}"))
        patch = json.loads(await transport.request("PATCH", "/x", b"{}", content_type="application/apply-patch+yaml"))
    assert (came["method"], came["target"], came["body"]) == ("POST", "/api/v1/pods?a=b%2Cc", "{}")
    headers = came["headers"]
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer abc", "application/json")
    assert (headers["Accept-Encoding"], headers["User-Agent"]) == ("identity", "foosets")
    assert patch["headers"]["Content-Type"] == "application/apply-patch+yaml"


async def test_an_error_reply_is_raised_with_its_header(tmp_path: Path) -> None:
    async def busy(request: web.BaseRequest) -> web.Response:  # noqa: ARG001 - a handler
        reply = status(429, "TooManyRequests", "slow down")
        reply.headers["Retry-After"] = "4"
        return reply

    async with to(busy, tmp_path) as transport:
        with pytest.raises(Throttled, match="slow down") as caught:
            await transport.request("GET", "/x")
    assert caught.value.retry_after == 4


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async def elsewhere(request: web.BaseRequest) -> web.Response:
        assert request.path == "/x"
        return web.Response(status=307, headers={"Location": "/y"})

    async with to(elsewhere, tmp_path) as transport:
        with pytest.raises(Exception, match="307"):
            await transport.request("POST", "/x", b"{}")


def test_every_call_ends_by_default(tmp_path: Path) -> None:
    async def main() -> None:
        async with to(silence, tmp_path) as transport:
            began = anyio.current_time()
            with pytest.raises(Unreachable):
                await transport.request("POST", "/x", b"{}")
            took = anyio.current_time() - began
            assert TIMEOUT_SECONDS * 0.9 < took < TIMEOUT_SECONDS * 2

    in_virtual_time(main)


async def test_who_waited_in_vain_for_a_connection_is_told_so(tmp_path: Path) -> None:
    async with to(silence, tmp_path) as transport:
        asked = [transport.request("GET", "/x", pool=Pool.LEASES, timeout=0.05) for _ in range(3)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in outcomes] == [*["GET /x: no complete reply in time"] * 2, "GET /x: TimeoutError"]


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with connect(kubeconfig(tmp_path, f"http://127.0.0.1:{port}")) as transport:
        with pytest.raises(Unreachable, match=r"POST /x: .*onnect"):
            await transport.request("POST", "/x", b"{}")
    assert transport.statistics().requests == {("POST", Pool.WRITES, 0): 1}


@pytest.mark.parametrize("promised", [0, 100])
async def test_a_reply_that_is_cut_is_unreachable_and_a_post_is_not_sent_again(tmp_path: Path, promised: int) -> None:
    posts = 0

    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal posts
        posts += 1
        assert request.transport is not None
        if promised:
            request.transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n{" % promised)
        request.transport.close()
        return web.Response()

    async with to(cut, tmp_path) as transport:
        with pytest.raises(Unreachable):
            await transport.request("POST", "/x", b"{}")
    assert posts == 1


class Gate:
    """Accepts one token, which a test can change."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.seen: list[str] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request.headers["Authorization"].removeprefix("Bearer "))
        if self.seen[-1] != self.token:
            return status(401, "Unauthorized", "Unauthorized")
        if "watch" in request.query:
            return web.Response(body=b"{}\n")
        return web.json_response({})


async def test_a_refused_token_is_read_again_once_and_the_request_sent_again(tmp_path: Path) -> None:
    gate = Gate("first")
    (tmp_path / "token").write_text("first")
    async with to(gate, tmp_path, tokenFile=str(tmp_path / "token")) as transport:
        await transport.request("GET", "/x")
        gate.token = "second"
        (tmp_path / "token").write_text("second")
        assert await transport.request("GET", "/x") == b"{}"
        async with transport.watch("/x?watch=true") as stream:
            assert [line async for lines in stream for line in lines] == [b"{}"]
    assert gate.seen == ["first", "first", "second", "second"]
    assert transport.statistics().retries == 1


async def test_a_token_that_stays_refused_is_not_sent_again(tmp_path: Path) -> None:
    gate = Gate("other")
    async with to(gate, tmp_path, token="mine") as transport:
        for _ in range(3):
            with pytest.raises(Unauthorized):
                await transport.request("GET", "/x")
    assert gate.seen == ["mine"] * 3
    assert transport.statistics().retries == 0


async def test_writes_have_32_connections_and_do_not_hold_up_the_others(tmp_path: Path) -> None:
    writing = most = 0
    full = anyio.Event()
    release = anyio.Event()

    async def slow_writes(request: web.BaseRequest) -> web.Response:
        nonlocal writing, most
        if request.method == "POST":
            writing += 1
            most = max(most, writing)
            if writing == 32:
                full.set()
            await release.wait()
            writing -= 1
        return web.json_response({})

    async with to(slow_writes, tmp_path) as transport:

        async def write() -> None:
            await transport.request("POST", "/x", b"{}")

        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(write)
            await full.wait()
            await transport.request("PUT", "/status", b"{}", pool=Pool.STATUS)
            await transport.request("GET", "/x", pool=Pool.READS)
            release.set()
    assert most == 32


async def test_the_system_is_told_to_take_a_peer_for_dead_after_25_seconds(tmp_path: Path) -> None:
    async with to(echo, tmp_path) as transport:
        await transport.request("GET", "/x", pool=Pool.READS)
        options = [tuple(_options(transport))]
    assert options == [(1, 25, 25_000)]


def _options(transport: Transport) -> list[int]:
    """Keep-alive, the seconds until an idle dead peer is found, and the milliseconds with data under way."""
    (connection,) = transport._exchanges[Pool.READS]._open
    assert connection._transport is not None
    opened = connection._transport.get_extra_info("socket")
    tcp = socket.IPPROTO_TCP
    idle, interval = opened.getsockopt(tcp, socket.TCP_KEEPIDLE), opened.getsockopt(tcp, socket.TCP_KEEPINTVL)
    return [
        opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        idle + interval * opened.getsockopt(tcp, socket.TCP_KEEPCNT),
        opened.getsockopt(tcp, socket.TCP_USER_TIMEOUT),
    ]


async def test_what_went_over_the_wire_is_counted(tmp_path: Path) -> None:
    async def taken(request: web.BaseRequest) -> web.Response:
        return status(409, "AlreadyExists") if request.method == "POST" else web.Response(body=b"12345")

    async with to(taken, tmp_path) as transport:
        with pytest.raises(AlreadyExists):
            await transport.request("POST", "/x", b"123")
        before = transport.statistics().bytes_received
        await transport.request("GET", "/x", pool=Pool.READS)
    counted = transport.statistics()
    assert counted.requests == {("POST", Pool.WRITES, 409): 1, ("GET", Pool.READS, 200): 1}
    assert (counted.bytes_sent, counted.bytes_received - before) == (3, 5)


async def lines_of(handler: Handler, folder: Path) -> list[bytes]:
    async with to(handler, folder) as transport, transport.watch("/x") as stream:
        return [line async for lines in stream for line in lines]


async def test_a_watch_gives_lines_until_the_server_ends_it(tmp_path: Path) -> None:
    big = b"x" * (5 * 2**20)

    async def three(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\ntw")
        await response.write(b"o\n" + big)
        await response.write(b"\nhalf")
        return response

    assert await lines_of(three, tmp_path) == [b"one", b"two", big]


async def test_a_refused_watch_is_an_error(tmp_path: Path) -> None:
    async def refuse(request: web.BaseRequest) -> web.Response:  # noqa: ARG001 - a handler
        return status(429, "TooManyRequests", "slow down")

    with pytest.raises(Throttled, match="slow down"):
        await lines_of(refuse, tmp_path)


async def test_a_watch_that_is_cut_is_unreachable(tmp_path: Path) -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    with pytest.raises(Unreachable):
        await lines_of(cut, tmp_path)


@pytest.mark.parametrize(("accepts", "error"), [(True, Silent), (False, Unreachable)])
def test_a_silent_watch_ends_after_a_while(tmp_path: Path, *, accepts: bool, error: type[Exception]) -> None:
    async def accept(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await anyio.sleep_forever()
        return response

    async def main() -> float:
        began = anyio.current_time()
        with pytest.raises(error) as caught:
            await lines_of(accept if accepts else silence, tmp_path)
        assert type(caught.value) is error
        return anyio.current_time() - began

    assert INACTIVITY_SECONDS * 0.9 < in_virtual_time(main) < INACTIVITY_SECONDS * 2


def test_a_watch_with_a_line_now_and_then_goes_on(tmp_path: Path) -> None:
    async def tick(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2):
            await anyio.sleep(INACTIVITY_SECONDS * 0.6)
            await response.write(b"tick\n")
        return response

    assert in_virtual_time(lambda: lines_of(tick, tmp_path)) == [b"tick"] * 2


async def test_leaving_a_watch_closes_its_connection(tmp_path: Path) -> None:
    gone = anyio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        try:
            await asyncio.Future()
        finally:
            gone.set()
        return response

    async with serve(endless) as url, connect(kubeconfig(tmp_path, url)) as transport:
        async with transport.watch("/x") as stream:
            async for _ in stream:
                break
        with anyio.fail_after(5):
            await gone.wait()


async def test_a_private_authority_is_trusted_and_a_foreign_one_is_not(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    (tmp_path / "ca.crt").write_bytes(ours.pem)
    trust = {"certificate-authority": str(tmp_path / "ca.crt")}
    async with serve(echo, ours.server) as url, connect(kubeconfig(tmp_path, url, cluster=trust)) as transport:
        assert json.loads(await transport.request("GET", "/x"))["method"] == "GET"
    async with serve(echo, theirs.server) as url, connect(kubeconfig(tmp_path, url, cluster=trust)) as transport:
        with pytest.raises(Unreachable, match="certificate"):
            await transport.request("GET", "/x")


# ---------------------------------------------------------------------------- the fence


async def test_behind_a_shut_fence_nothing_is_written_and_everything_read(tmp_path: Path) -> None:
    is_open = [False]
    async with serve(echo) as url, connect(kubeconfig(tmp_path, url), fence=lambda: is_open[0]) as transport:
        for pool in (Pool.WRITES, Pool.STATUS):
            with pytest.raises(Deposed, match="POST /x was not sent: this process does not lead") as refusal:
                await transport.request("POST", "/x", b"{}", pool=pool)
            assert not refusal.value.ambiguous
        await transport.request("GET", "/x", pool=Pool.READS)
        await transport.request("PUT", "/lease", b"{}", pool=Pool.LEASES)
        assert {method for method, _, _ in transport.statistics().requests} == {"GET", "PUT"}
        is_open[0] = True
        await transport.request("POST", "/x", b"{}")
