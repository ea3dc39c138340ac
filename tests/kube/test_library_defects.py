"""Why calls and watches are ours: each defect of kubernetes_asyncio 36.1 shown, and our way past it.

A test of the first kind (`library_...`) that fails after an upgrade brings good news: the defect is gone.
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import ClientConnectorCertificateError, web
from aiohttp.http_exceptions import LineTooLong
from kubernetes_asyncio import client, watch
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader

from foosets.kube.credentials import Credentials, ServiceAccount
from foosets.kube.errors import Unreachable
from foosets.kube.transport import TIMEOUT_SECONDS, Transport, connect
from foosets.kube.watch import Timing
from tests.kube.loopback import (
    EXPIRED,
    Authority,
    PodServer,
    event,
    kubeconfig,
    pod,
    serve,
    silence,
)
from tests.kube.test_watch import reflecting
from tests.virtualtime import in_virtual_time


@asynccontextmanager
async def library(url: str, ca_file: str | None = None) -> AsyncIterator[client.CoreV1Api]:
    configuration = client.Configuration(host=url, ssl_ca_cert=ca_file)
    async with client.ApiClient(configuration) as api:
        yield client.CoreV1Api(api)


Answer = Callable[[web.StreamResponse, int], Awaitable[None]]


class Scripted:
    """A server whose n-th watch does what the script says, and which remembers the versions asked for."""

    def __init__(self, answer: Answer) -> None:
        self.versions: list[str] = []
        self._answer = answer

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.versions.append(request.query.get("resourceVersion", ""))
        response = web.StreamResponse()
        await response.prepare(request)
        await self._answer(response, len(self.versions))
        return response


async def follow(api: client.CoreV1Api, events: int, **options: Any) -> list[Any]:
    """Return the first events of the library's watch."""
    seen: list[Any] = []
    stream = watch.Watch()
    try:
        async for said in stream.stream(api.list_namespaced_pod, "default", **options):
            seen.append(said)
            if len(seen) == events:
                break
    finally:
        await stream.close()
    return seen


def _pod(name: str, version: int, **spec: Any) -> dict[str, Any]:
    """Return a pod that the library's models accept."""
    return pod(name, version, containers=[{"name": "c"}], **spec)


# ---------------------------------------------------------------------------- no time-out on any call


def test_library_waits_for_ever() -> None:
    async def main() -> bool:
        async with serve(silence) as url, library(url) as api:
            with anyio.move_on_after(TIMEOUT_SECONDS * 4) as waiting:
                await api.read_namespaced_pod("a", "default")
        return waiting.cancelled_caught

    assert in_virtual_time(main), "the library has got a default time-out"


def test_ours_gives_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with serve(silence) as url, connect(kubeconfig(tmp_path, url)) as transport:
            with anyio.fail_after(TIMEOUT_SECONDS * 3), pytest.raises(Unreachable):
                await transport.request("GET", "/api/v1/namespaces/default/pods/a")

    in_virtual_time(main)


# ---------------------------------------------------------------------------- a watch on a silent connection


async def _one_then_silence(response: web.StreamResponse, _: int) -> None:
    await response.write(event("ADDED", _pod("a", 101)))
    await anyio.sleep_forever()


def test_library_watches_a_silent_connection_for_ever() -> None:
    async def main() -> int:
        server = Scripted(_one_then_silence)
        async with serve(server) as url, library(url) as api:
            with anyio.move_on_after(TIMEOUT_SECONDS * 4):
                await follow(api, events=2)
        return len(server.versions)

    assert in_virtual_time(main) == 1


def test_ours_watches_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with reflecting(PodServer(), tmp_path, Timing()) as it:
            await it.has_watched(2)

    in_virtual_time(main)


# ---------------------------------------------------------------------------- 410


async def test_library_tries_a_refused_version_again() -> None:
    async def gone(response: web.StreamResponse, _: int) -> None:
        await response.write(event("ERROR", EXPIRED))

    server = Scripted(gone)
    async with serve(server) as url, library(url) as api:
        with pytest.raises(client.ApiException, match="410"):
            await follow(api, events=1, resource_version="5")
    assert server.versions == ["5", "5"]


async def test_ours_lists_again(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.version = 120
        server.forget()
        server.end()
        await it.has_watched(3)
    assert server.watched_from == [100, 100, 120]


# ---------------------------------------------------------------------------- pauses


async def _nothing_but_the_hundredth_time(response: web.StreamResponse, watches: int) -> None:
    await response.write(event("ADDED", _pod("a", 101)) if watches == 100 else b"")


def test_library_reconnects_without_a_pause() -> None:
    async def main() -> float:
        async with serve(Scripted(_nothing_but_the_hundredth_time)) as url, library(url) as api:
            await follow(api, events=1)
            return anyio.current_time()

    assert in_virtual_time(main) < 1, "the library pauses between watches"


def test_ours_pauses(tmp_path: Path) -> None:
    async def main() -> float:
        server = PodServer()
        async with reflecting(server, tmp_path, Timing()) as it:
            began = anyio.current_time()
            for watches in range(2, 6):
                server.end()
                await it.has_watched(watches)
            return anyio.current_time() - began

    assert in_virtual_time(main) >= 1 + 2 + 4 + 8


# ---------------------------------------------------------------------------- lines


async def test_library_gives_a_malformed_line_out_as_a_string() -> None:
    async def malformed(response: web.StreamResponse, _: int) -> None:
        await response.write(b'{"type":"ADDED","obj\n')

    async with serve(Scripted(malformed)) as url, library(url) as api:
        assert await follow(api, events=1) == ['{"type":"ADDED","obj\n']


async def test_ours_lists_again_after_a_malformed_line(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.send(b'{"type":"ADDED","obj\n')
        await it.has_watched(2)
    assert (server.lists, it.sink.told) == (2, ["replace", "replace"])


async def test_library_never_gets_past_a_line_of_five_mebibytes() -> None:
    async def long(response: web.StreamResponse, _: int) -> None:
        await response.write(event("ADDED", _pod("a", 101, padding="x" * (5 * 2**20))))

    async with serve(Scripted(long)) as url, library(url) as api:
        for _ in range(2):
            with pytest.raises(LineTooLong):
                await follow(api, events=1)


async def test_ours_has_no_limit(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.put("a", padding="x" * (5 * 2**20))
        await it.holds_what_the_server_has()


# ---------------------------------------------------------------------------- the version after an initial burst


async def test_library_resumes_an_initial_burst_at_its_last_object() -> None:
    async def burst(response: web.StreamResponse, watches: int) -> None:
        if watches == 1:
            await response.write(event("ADDED", _pod("a", 30)) + event("ADDED", _pod("b", 10)))
        else:
            await response.write(event("ADDED", _pod("c", 31)))

    server = Scripted(burst)
    async with serve(server) as url, library(url) as api:
        await follow(api, events=3)
    assert server.versions == ["", "10"]


async def test_ours_begins_at_the_version_of_the_list(tmp_path: Path) -> None:
    server = PodServer()
    server.put("b")
    server.put("a")
    server.version = 130
    async with reflecting(server, tmp_path) as it:
        server.end()
        await it.has_watched(2)
    assert server.watched_from == [130, 130]


# ---------------------------------------------------------------------------- rotation


def _mounted(folder: Path, ca: bytes) -> ServiceAccount:
    (folder / "token").write_text("first")
    (folder / "ca.crt").write_bytes(ca)
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    return ServiceAccount(str(folder / "token"), str(folder / "ca.crt"), environ)


@asynccontextmanager
async def to_service(url: str, mount: ServiceAccount) -> AsyncIterator[Transport]:
    """Go to a server as a pod does, which is told where it is by its environment."""
    host, port = url.removeprefix("https://").split(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    origin = ServiceAccount(mount.token_file, mount.ca_file, environ)
    transport = Transport(await Credentials.load(origin), user_agent="tests")
    try:
        yield transport
    finally:
        await transport.aclose()


async def test_library_raises_out_of_a_call_while_the_token_file_is_empty(tmp_path: Path) -> None:
    mount = _mounted(tmp_path, Authority(tmp_path, "ca").pem)
    configuration = client.Configuration()
    loader = InClusterConfigLoader(mount.token_file, mount.ca_file, environ=dict(mount.environ))
    loader.load_and_set(configuration)
    (tmp_path / "token").write_text("")
    loader.token_expires_at = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - as the library writes it: naive, and long ago
    async with client.ApiClient(configuration) as api:
        with pytest.raises(ConfigException, match="empty"):
            await client.CoreV1Api(api).read_namespaced_pod("a", "default")


async def test_ours_goes_on_with_the_old_token(tmp_path: Path) -> None:
    seen: list[str] = []

    async def note(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    authority = Authority(tmp_path, "ca")
    async with serve(note, authority.server) as url, to_service(url, _mounted(tmp_path, authority.pem)) as transport:
        await transport.request("GET", "/x")
        (tmp_path / "token").write_text("")
        transport._credentials.expire()
        await transport.request("GET", "/x")
        assert transport.statistics().credential_failures == 1
    assert seen == ["Bearer first"] * 2


async def test_library_keeps_an_authority_that_was_replaced(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    mount = _mounted(tmp_path, old.pem)
    async with serve(_empty, new.server) as url, library(url, mount.ca_file) as api:
        (tmp_path / "ca.crt").write_bytes(new.pem)
        for _ in range(3):
            with pytest.raises(ClientConnectorCertificateError):
                await api.read_namespaced_pod("a", "default")


async def test_ours_reads_the_authority_again_after_it_failed(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    async with serve(_empty, new.server) as url, to_service(url, _mounted(tmp_path, old.pem)) as transport:
        (tmp_path / "ca.crt").write_bytes(new.pem)
        with pytest.raises(Unreachable, match="certificate"):
            await transport.request("GET", "/x")
        assert await transport.request("GET", "/x") == b"{}"


async def _empty(request: web.BaseRequest) -> web.Response:  # noqa: ARG001 - a handler
    return web.json_response({})
