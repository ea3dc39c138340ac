import random
from collections.abc import Callable

import anyio
import pytest

from foosets.api.fooset import FooSet
from foosets.api.meta import FOOSETS, Key
from foosets.kube.codec import ModelCodec
from foosets.kube.errors import NotFound, Silent, Unreachable
from foosets.kube.lists import Source
from foosets.kube.watch import Reflector
from foosets.runtime.store import Store
from tests.builders import batch_spec, entry
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.transport import FakeTransport, NothingHappens, Sent


def made() -> tuple[FakeApiServer, FakeTransport]:
    server = FakeApiServer(loop_clock(), random.Random(1))
    return server, FakeTransport(server, "me")


def create(server: FakeApiServer, name: str) -> None:
    spec = {"batch": [entry("workers", batch_spec())]}
    server.create(FOOSETS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


def watch_path(**query: str) -> str:
    return f"{FOOSETS.path()}?" + "&".join(f"{name}={value}" for name, value in {"watch": "true", **query}.items())


async def eventually(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not holds():  # noqa: ASYNC110 - a store has nobody to tell
            await anyio.sleep(0.005)


async def follow(transport: FakeTransport, path: str, inactivity: float = 60) -> list[bytes]:
    """The lines of a watch, until it ends."""
    came: list[bytes] = []
    async with transport.watch(path, inactivity=inactivity) as stream:
        async for lines in stream:
            came += lines
    return came


async def test_a_reflector_follows_it() -> None:
    server, transport = made()
    store: Store[FooSet] = Store()
    source = Source(FOOSETS, ModelCodec(FooSet))
    create(server, "before")
    async with anyio.create_task_group() as group:
        group.start_soon(Reflector(transport, source, store, report=print).run)
        await store.synced.wait()
        create(server, "after")
        await eventually(lambda: len(store) == 2)
        server.delete(FOOSETS, Key("default", "before"))
        await eventually(lambda: len(store) == 1)
        group.cancel_scope.cancel()


async def test_what_is_held_comes_when_it_is_let_go() -> None:
    server, transport = made()
    came: list[bytes] = []

    async def gather() -> None:
        async with transport.watch(watch_path()) as stream:
            async for lines in stream:
                came.extend(lines)

    transport.lag.hold("foosets")
    async with anyio.create_task_group() as group:
        group.start_soon(gather)
        await anyio.sleep(0.02)
        create(server, "a")
        create(server, "b")
        await anyio.sleep(0.05)
        assert came == []
        transport.lag.set("foosets", 0)
        await eventually(lambda: len(came) == 2)
        group.cancel_scope.cancel()


async def test_lag_is_counted_from_the_write() -> None:
    server, transport = made()
    transport.lag.set("foosets", 0.1)
    began = anyio.current_time()
    async with transport.watch(watch_path()) as stream:
        create(server, "a")
        async for _ in stream:
            break
    assert 0.1 <= anyio.current_time() - began < 0.5


async def test_a_watch_in_which_nothing_comes_is_silent() -> None:
    _, transport = made()
    with pytest.raises(Silent):
        await follow(transport, watch_path(), inactivity=0.02)


async def test_a_watch_ends_after_the_time_that_was_asked_for() -> None:
    _, transport = made()
    assert await follow(transport, watch_path(timeoutSeconds="1")) == []


async def test_watches_can_be_cut() -> None:
    _, transport = made()

    async def be_cut() -> None:
        with pytest.raises(Unreachable):
            await follow(transport, watch_path())

    async with anyio.create_task_group() as group:
        group.start_soon(be_cut)
        await anyio.sleep(0.02)
        transport.cut_watches()


class LoseReplies(NothingHappens):
    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        raise Unreachable(f"{sent.method} {sent.path}: reset after {code}, {len(body)} bytes lost")


async def test_a_hook_can_lose_a_reply_to_what_was_done() -> None:
    server, transport = made()
    create(server, "a")
    transport.hook = LoseReplies()
    with pytest.raises(Unreachable):
        await transport.request("DELETE", FOOSETS.path("default", "a"))
    transport.hook = NothingHappens()
    with pytest.raises(NotFound):
        await transport.request("GET", FOOSETS.path("default", "a"))


async def test_everything_is_recorded() -> None:
    server, transport = made()
    create(server, "a")
    await transport.request("DELETE", FOOSETS.path("default", "a"))
    last = server.record.writes[-1]
    assert (last.user, last.verb, last.resource, last.namespace, last.name, last.code) == (
        ("me", "delete", "foosets", "default", "a", 200)
    )
    versions = [(one.type, one.name, one.user) for one in server.record.versions if one.resource == "foosets"]
    assert versions == [("ADDED", "a", "admin"), ("DELETED", "a", "me")]


async def test_two_servers_of_one_seed_give_the_same_uids() -> None:
    first, second = made()[0], made()[0]
    for server in (first, second):
        create(server, "a")
    assert first.record.versions[-1].uid == second.record.versions[-1].uid
