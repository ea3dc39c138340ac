from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from foosets.api.meta import PODS, Key
from foosets.api.pod import Pod
from foosets.kube.codec import StructCodec, Undecodable
from foosets.kube.errors import Expired, Garbled, Unreachable
from foosets.kube.lists import Source, list_all
from foosets.kube.transport import connect
from foosets.kube.watch import Interruption, Reflector, Timing
from tests.kube.loopback import (
    Handler,
    PodServer,
    PodSink,
    bookmark,
    event,
    kubeconfig,
    pod,
    serve,
    silence,
    status,
)
from tests.virtualtime import in_virtual_time

QUICK = Timing(first_pause=0.002, longest_pause=0.01)
SOURCE = Source(PODS, StructCodec(Pod), label_selector="a in (b,c)")


@dataclass
class Reflection:
    """A running reflector between a server and a sink."""

    server: PodServer
    sink: PodSink
    reflector: Reflector[Pod]
    reports: list[Interruption | Undecodable]

    async def holds_what_the_server_has(self) -> None:
        await self.sink.signal.until(lambda: self.sink.rows == versions(self.server))

    async def has_watched(self, times: int) -> None:
        """Wait until the server has that many watches behind it, the last one open."""
        await self.server.signal.until(lambda: len(self.server.watched_from) >= times)


def versions(server: PodServer) -> dict[str, int]:
    return {name: int(thing["metadata"]["resourceVersion"]) for name, thing in server.pods.items()}


@asynccontextmanager
async def reflecting(
    server: PodServer, folder: Path, timing: Timing = QUICK, *, jitter: float = 1.0, handler: Handler | None = None
) -> AsyncIterator[Reflection]:
    """Reflect the server's pods and wait for the first list and watch."""
    sink = PodSink()
    reports: list[Interruption | Undecodable] = []
    async with (
        serve(handler or server.handle) as url,
        connect(kubeconfig(folder, url)) as transport,
        anyio.create_task_group() as tasks,
    ):
        reflector = Reflector(transport, SOURCE, sink, report=reports.append, timing=timing, jitter=lambda: jitter)
        tasks.start_soon(reflector.run)
        reflection = Reflection(server, sink, reflector, reports)
        await reflector.synced.wait()
        await reflection.has_watched(1)
        yield reflection
        tasks.cancel_scope.cancel()


def errors_of(reflection: Reflection) -> list[type[Exception]]:
    return [type(report.error) for report in reflection.reports if isinstance(report, Interruption)]


async def test_the_first_list_asks_a_quorum_and_the_watch_begins_at_its_version(tmp_path: Path) -> None:
    server = PodServer()
    for name in ("b", "a"):
        server.put(name)
    async with reflecting(server, tmp_path, jitter=0.5) as it:
        assert it.sink.told == ["replace"]
        assert it.sink.rows == {"b": 101, "a": 102}
    listing, watch = server.queries[:2]
    assert listing == {"limit": "500", "labelSelector": "a in (b,c)"}
    assert watch == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "102",
        "timeoutSeconds": "450",
        "labelSelector": "a in (b,c)",
    }


async def test_changes_reach_the_sink_in_the_servers_order(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.put("a")
        server.put("b")
        server.put("a")
        server.remove("b")
        server.send(bookmark(110))
        await it.sink.signal.until(lambda: it.sink.version == 110)
        assert it.sink.told[1:] == ["upsert a", "upsert b", "upsert a", "remove b", "bookmark"]
        assert it.sink.rows == {"a": 103}
        seen = it.reflector.statistics()
    assert (seen.lists, seen.watches, seen.events, seen.bookmarks) == (1, 1, 4, 1)
    assert (seen.resource_version, seen.interruptions) == (110, 0)


async def test_a_list_of_many_pages_is_one_list(tmp_path: Path) -> None:
    server = PodServer(page_size=2)
    for name in "abcde":
        server.put(name)
    async with reflecting(server, tmp_path) as it:
        assert it.sink.told == ["replace"]
        assert set(it.sink.rows) == set("abcde")
    assert [query.get("continue") for query in server.queries[:3]] == [None, "page-1", "page-2"]


async def test_list_all_is_there_for_others(tmp_path: Path) -> None:
    server = PodServer()
    server.put("a")
    server.put("b", containers="none")
    async with serve(server.handle) as url, connect(kubeconfig(tmp_path, url)) as transport:
        listing = await list_all(transport, SOURCE)
    assert [row.key for row in listing.rows] == [Key("default", "a")]
    assert [bad.key for bad in listing.undecodable] == [Key("default", "b")]
    assert listing.resource_version == 102


@pytest.mark.parametrize("cut", [False, True], ids=["in good order", "with its connection"])
async def test_a_watch_that_ended_goes_on_after_the_newest_version(tmp_path: Path, *, cut: bool) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.put("a")
        await it.holds_what_the_server_has()
        server.cut() if cut else server.end()
        server.put("b")
        await it.holds_what_the_server_has()
        server.send(bookmark(150))
        await it.sink.signal.until(lambda: it.sink.version == 150)
        server.end()
        await it.has_watched(3)
    assert server.watched_from[:3] == [100, 101, 150]
    assert server.lists == 1


@pytest.mark.parametrize("in_stream", [True, False])
async def test_after_a_410_it_lists_again_and_drops_what_is_gone(tmp_path: Path, *, in_stream: bool) -> None:
    server = PodServer(gone_in_stream=in_stream)
    server.put("a")
    server.put("b")
    async with reflecting(server, tmp_path) as it:
        server.end()
        server.remove("a")
        server.put("c")
        server.forget()
        await it.holds_what_the_server_has()
        assert set(it.sink.rows) == {"b", "c"}
        await it.has_watched(3)
    assert server.watched_from[:3] == [102, 102, 104]
    assert errors_of(it) == [Expired]
    assert server.lists == 2


ODD = {
    "no JSON": b"<html>\n",
    "half an event": b'{"type":"ADDED","object":{"metadata"\n',
    "an unknown type": event("RENAMED", pod("a", 200)),
    "a version of the past": event("MODIFIED", pod("a", 1)),
    "a bookmark of the past": bookmark(1),
    "no number as version": event("MODIFIED", pod("a", 200) | {"metadata": {"resourceVersion": "new"}}),
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD.keys())
async def test_after_anything_odd_it_lists_again(tmp_path: Path, line: bytes) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.send(line)
        await it.has_watched(2)
        server.put("a")
        await it.holds_what_the_server_has()
    assert (server.lists, errors_of(it)) == (2, [Garbled])


async def test_the_last_line_before_the_odd_one_counts(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.send(event("ADDED", pod("x", 105)) + b"junk\n")
        await it.sink.signal.until(lambda: it.sink.told == ["replace", "upsert x", "replace"])


async def test_a_line_of_five_mebibytes_passes(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path) as it:
        server.put("a", padding="x" * (5 * 2**20))
        await it.holds_what_the_server_has()
    assert (server.lists, it.reports) == (1, [])


async def test_an_object_that_cannot_be_decoded_is_passed_over_and_told(tmp_path: Path) -> None:
    server = PodServer()
    server.put("a")
    async with reflecting(server, tmp_path) as it:
        server.put("a", containers="none")
        server.put("b")
        await it.sink.signal.until(lambda: it.sink.version == 103)
        assert it.sink.rows == {"a": 101, "b": 103}
        assert [(report.key.name, report.resource_version) for report in it.reports] == [("a", 102)]  # type: ignore[union-attr]
        assert it.reflector.statistics().undecodable == 1
        server.put("a")
        await it.holds_what_the_server_has()
    assert server.lists == 1


async def test_an_undecodable_object_does_not_outlive_its_deletion(tmp_path: Path) -> None:
    server = PodServer()
    server.put("a")
    async with reflecting(server, tmp_path) as it:
        del server.pods["a"]
        server.version = 105
        server.send(event("DELETED", pod("a", 105, containers="none")))
        await it.holds_what_the_server_has()
        assert it.sink.rows == {}
    assert server.lists == 2


async def test_a_list_passes_over_what_cannot_be_decoded(tmp_path: Path) -> None:
    server = PodServer()
    server.put("a", containers="none")
    server.put("b")
    async with reflecting(server, tmp_path) as it:
        assert it.sink.rows == {"b": 102}
        assert [type(report) for report in it.reports] == [Undecodable]


async def test_whoever_wants_a_live_list_gets_one_at_once(tmp_path: Path) -> None:
    server = PodServer()
    async with reflecting(server, tmp_path, Timing(first_pause=1000.0)) as it:
        for _ in range(3):
            it.reflector.request_relist()
        await it.sink.signal.until(lambda: it.sink.told == ["replace", "replace"])
        await it.has_watched(2)
    assert server.lists == 2


async def test_a_list_under_way_does_not_answer_a_later_wish(tmp_path: Path) -> None:
    server = PodServer()
    reflectors: list[Reflector[Pod]] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if server.lists == 0:
            reflectors[0].request_relist()
        return await server.handle(request)

    sink = PodSink()
    async with (
        serve(handle) as url,
        connect(kubeconfig(tmp_path, url)) as transport,
        anyio.create_task_group() as tasks,
    ):
        reflectors.append(Reflector(transport, SOURCE, sink, report=lambda _: None, timing=QUICK))
        tasks.start_soon(reflectors[0].run)
        await sink.signal.until(lambda: sink.told == ["replace", "replace"])
        tasks.cancel_scope.cancel()


def test_failures_in_a_row_are_followed_by_growing_pauses(tmp_path: Path) -> None:
    """One in the upper half of 1 s, 2 s, 4 s and so on until 30 s; a sound watch starts it anew."""

    async def main() -> list[float]:
        server = PodServer()
        async with reflecting(server, tmp_path, Timing(), jitter=0.0) as it:
            await anyio.sleep(10)
            server.refusals = 9
            server.cut()
            await it.has_watched(2)
            await anyio.sleep(10)
            server.cut()
            await it.has_watched(3)
            assert server.lists == 1
        return [report.pause for report in it.reports if isinstance(report, Interruption)]

    assert in_virtual_time(main) == [0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15, 0.5]


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    async def main() -> None:
        server = PodServer()
        asked: list[float] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            asked.append(anyio.current_time())
            if len(asked) == 1:
                return status(429, "TooManyRequests", "slow down", retryAfterSeconds=20)
            return await server.handle(request)

        async with (
            serve(handle) as url,
            connect(kubeconfig(tmp_path, url)) as transport,
            anyio.create_task_group() as tasks,
        ):
            reflector = Reflector(transport, SOURCE, PodSink(), report=lambda _: None)
            tasks.start_soon(reflector.run)
            await reflector.synced.wait()
            tasks.cancel_scope.cancel()
        assert asked[1] - asked[0] >= 20

    in_virtual_time(main)


def test_a_watch_that_is_silent_is_opened_again_where_it_was(tmp_path: Path) -> None:
    async def main() -> None:
        server = PodServer()
        async with reflecting(server, tmp_path, Timing(inactivity=20)) as it:
            contact = it.reflector.statistics().last_contact
            await it.has_watched(2)
            server.send(bookmark(120))
            await it.sink.signal.until(lambda: it.sink.version == 120)
            seen = it.reflector.statistics()
        assert seen.last_contact == contact + 20
        assert (seen.silences, seen.lists, it.reports) == (1, 1, [])

    in_virtual_time(main)


def test_a_server_that_does_not_answer_is_no_contact(tmp_path: Path) -> None:
    async def main() -> None:
        server = PodServer()
        hung = False

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await (silence if hung else server.handle)(request)

        async with reflecting(server, tmp_path, Timing(inactivity=20), handler=handle) as it:
            hung = True
            server.end()
            await anyio.sleep(1)
            contact = it.reflector.statistics().last_contact
            await anyio.sleep(60)
            assert it.reflector.statistics().last_contact == contact
        assert set(errors_of(it)) == {Unreachable}

    in_virtual_time(main)


async def test_a_bug_in_the_sink_leaves_the_reflector(tmp_path: Path) -> None:
    class Broken(PodSink):
        def upsert(self, row: Pod) -> None:
            raise ZeroDivisionError(row.metadata.name)

    server = PodServer()
    async with serve(server.handle) as url, connect(kubeconfig(tmp_path, url)) as transport:
        reflector = Reflector(transport, SOURCE, Broken(), report=lambda _: None, timing=QUICK)

        async def put_when_synced() -> None:
            await reflector.synced.wait()
            server.put("a")

        with pytest.RaisesGroup(pytest.RaisesExc(ZeroDivisionError, match="a")):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(put_when_synced)
                await reflector.run()
