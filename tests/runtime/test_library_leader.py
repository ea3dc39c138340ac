"""Why the election is ours: each defect of kubernetes_asyncio 36.1's leader election shown, and our way past it.

A test of the first kind (`library_...`) that fails after an upgrade brings good news: the defect is gone.
"""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from aiohttp import web
from kubernetes_asyncio import client
from kubernetes_asyncio.leaderelection.electionconfig import Config
from kubernetes_asyncio.leaderelection.leaderelection import LeaderElection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

from foosets.kube.errors import ApiError
from foosets.kube.lease import micro_time
from tests.kube.loopback import serve, status
from tests.runtime.leases import KEY, Candidate, LeaseServer, Trouble
from tests.virtualtime import in_virtual_time

LEASE, DEADLINE, RETRY = 3, 2, 1
"""In seconds of the wall clock, which the library goes by; about as short as it allows."""


@dataclass
class Door:
    """One candidate's way to the lease, over HTTP."""

    server: LeaseServer
    silent: bool = False

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        if self.silent:
            await anyio.sleep_forever()
        body = await request.read()
        try:
            reply = self.server.get() if request.method == "GET" else self.server.put(body, request.method)
        except ApiError as error:
            return status(error.status, error.reason, error.message)
        return web.Response(body=reply, content_type="application/json")


@dataclass
class Library:
    """A candidate of the library's."""

    identity: str
    door: Door
    dies: bool = False
    began: anyio.Event = field(default_factory=anyio.Event)
    stopped: anyio.Event = field(default_factory=anyio.Event)

    async def work(self) -> None:
        self.began.set()
        if self.dies:
            raise ZeroDivisionError("a bug")
        await anyio.sleep_forever()

    async def stop(self) -> None:
        self.stopped.set()

    async def run(self, url: str) -> None:
        async with client.ApiClient(client.Configuration(host=url)) as api:
            lock = LeaseLock(KEY.name, KEY.namespace, self.identity, api)
            await LeaderElection(Config(lock, LEASE, DEADLINE, RETRY, self.work, self.stop)).run()


@asynccontextmanager
async def electing(*candidates: Library) -> AsyncIterator[None]:
    """Let each take part in turn; the first works before the next asks."""
    async with AsyncExitStack() as stack, anyio.create_task_group() as group:
        for one in candidates:
            group.start_soon(one.run, await stack.enter_async_context(serve(one.door)))
            await candidates[0].began.wait()
        yield
        group.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep what asyncio says of a task that nobody asks about out of the output."""
    asyncio_log = logging.getLogger("asyncio")
    asyncio_log.disabled = True
    yield
    asyncio_log.disabled = False


# ---------------------------------------------------------------------------- two work when renewals hang


async def test_library_has_two_at_work_when_renewals_hang() -> None:
    server = LeaseServer()
    first, second = Library("first", Door(server)), Library("second", Door(server))
    async with electing(first, second):
        first.door.silent = True
        with anyio.fail_after(LEASE * 4):
            await second.began.wait()
        await anyio.sleep(DEADLINE)
        assert not first.stopped.is_set(), "the library bounds its renewals"


def test_ours_has_stopped_before() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "first"), Candidate(server, "second")
        async with anyio.create_task_group() as group:
            group.start_soon(first.run)
            await first.begins()
            group.start_soon(second.run)
            await anyio.sleep(3)
            first.way.trouble = Trouble.SILENT
            assert await first.ends() < await second.begins()
            group.cancel_scope.cancel()

    in_virtual_time(main, alone=True)


# ---------------------------------------------------------------------------- dead work keeps its lease


async def test_library_renews_for_work_that_died() -> None:
    server = LeaseServer()
    async with electing(Library("first", Door(server), dies=True)):
        before = server.spec["renewTime"]
        await anyio.sleep(RETRY * 2.5)
        assert server.spec["renewTime"] > before, "the library has noticed"
        assert server.spec["holderIdentity"] == "first"


def test_ours_gives_the_lease_back() -> None:
    server = LeaseServer()

    async def main() -> None:
        leader = Candidate(server, "first", dies_of=ZeroDivisionError("a bug"))
        leader.done.set()
        await leader.run()

    with pytest.raises(ExceptionGroup):
        in_virtual_time(main, alone=True)
    assert "holderIdentity" not in server.spec


# ---------------------------------------------------------------------------- local time as UTC


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nine hours before UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
async def test_library_writes_local_time_as_utc() -> None:
    server = LeaseServer()
    async with electing(Library("first", Door(server))):
        written = server.spec["renewTime"]
    assert written[:13] == micro_time(time.time() + 9 * 3600)[:13]
    assert written.endswith("Z")


@pytest.mark.usefixtures("tokyo")
def test_ours_writes_utc() -> None:
    assert micro_time(1_800_000_000) == "2027-01-15T08:00:00.000000Z"
