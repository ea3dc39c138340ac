"""HTTP/1.1 by hand: replies however they are cut, and connections in every state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.kube.exchange import Address, Exchanges, GarbledReplyError
from foosets.kube.reply import Reply, ReplyParser

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def chunked(parts: list[bytes], trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailer + b"\r\n"


REPLIES = {
    "length": (OK, Reply(200, b"ok", None)),
    "no body": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Reply(200, b"", None)),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", Reply(204, b"", None)),
    "chunks": (chunked([b"a\r\n", b"bc"]), Reply(201, b"a\r\nbc", None)),
    "no chunks": (chunked([]), Reply(201, b"", None)),
    "trailer": (chunked([b"a"], b"X-Sum: 1\r\n"), Reply(201, b"a", None)),
    "after a 100": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Reply(200, b"ok", None)),
    "retry after": (
        b"HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 1\r\n\r\nx",
        Reply(429, b"x", "7"),
    ),
}


@pytest.mark.parametrize(("sent", "meant"), REPLIES.values(), ids=REPLIES.keys())
def test_a_reply_means_the_same_when_it_comes_byte_by_byte(sent: bytes, meant: Reply) -> None:
    parser, received = ReplyParser(), bytearray()
    for number in range(len(sent) - 1):
        received += sent[number : number + 1]
        assert parser.parse(received) is None
    received += sent[-1:]

    assert parser.parse(received) == meant
    assert parser.end == len(received)


@given(parts=st.lists(st.binary(max_size=40), max_size=5), cuts=st.lists(st.integers(1, 60), max_size=8))
def test_chunks_are_put_together_however_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    sent, received, parser = chunked(parts), bytearray(), ReplyParser()
    found = None
    while sent:
        size = cuts.pop() if cuts else len(sent)
        received += sent[:size]
        sent = sent[size:]
        found = parser.parse(received)

    assert found == Reply(201, b"".join(parts), None)


@pytest.mark.parametrize("sent", [b"SSH-2.0-x\r\n\r\n", chunked([b"a"]).replace(b"\r\n1\r\n", b"\r\nzz\r\n")])
def test_what_is_no_reply_is_refused(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ReplyParser().parse(bytearray(sent))


@asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[Address]:
    writers: list[asyncio.StreamWriter] = []

    async def remembered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError):
            await handle(reader, writer)

    served = await asyncio.start_server(remembered, "127.0.0.1", 0)
    async with served:
        host, port = served.sockets[0].getsockname()
        yield Address(host, port, None, None)
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def exchanges(limit: int = 4) -> Exchanges:
    return Exchanges(limit, 5.0, lambda _: None)


def answering(*replies: bytes, connections: list[int] | None = None) -> Handler:
    """Answer that many requests of each connection, then close it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections is not None:
            connections.append(1)
        for reply in replies:
            if not await reader.read(1000):
                break
            writer.write(reply)
            await writer.drain()
        writer.close()

    return handle


async def test_a_connection_is_kept_for_the_next_request() -> None:
    connections: list[int] = []
    pool = exchanges()
    async with server(answering(OK, OK, OK, connections=connections)) as address:
        replies = [await pool.exchange(address, "POST", REQUEST, 5) for _ in range(3)]
        pool.close()

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert len(connections) == 1


async def test_a_server_that_closes_says_so_and_is_believed() -> None:
    connections: list[int] = []
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    pool = exchanges()
    async with server(answering(closing, closing, connections=connections)) as address:
        for _ in range(2):
            await pool.exchange(address, "POST", REQUEST, 5)
        pool.close()

    assert len(connections) == 2


async def test_a_reply_without_length_ends_with_the_connection() -> None:
    pool = exchanges()
    async with server(answering(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")) as address:
        reply = await pool.exchange(address, "GET", REQUEST, 5)

    assert reply.body == b"until the end"


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False)])
async def test_a_request_that_met_a_closed_connection_is_repeated_unless_it_may_have_been_done(
    method: str, *, repeated: bool
) -> None:
    requests: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close when the second has come."""
        requests.append(await reader.read(1000))
        writer.write(OK)
        requests.append(await reader.read(1000))
        writer.close()

    pool = exchanges()
    async with server(once) as address:
        await pool.exchange(address, method, REQUEST, 5)
        if repeated:
            assert (await pool.exchange(address, method, REQUEST, 5)).status == 200
        else:
            with pytest.raises(ConnectionError):
                await pool.exchange(address, method, REQUEST, 5)
        pool.close()

    assert len([request for request in requests if request]) == (3 if repeated else 2)


async def test_a_late_reply_is_a_timeout_and_its_connection_is_not_used_again() -> None:
    connections: list[int] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.read(1000)
        if len(connections) > 1:
            writer.write(OK)
        await reader.read(1000)
        writer.close()

    pool = exchanges(limit=1)
    async with server(slow) as address:
        with pytest.raises(TimeoutError):
            await pool.exchange(address, "POST", REQUEST, 0.05)
        assert (await pool.exchange(address, "POST", REQUEST, 5)).status == 200
        pool.close()


async def test_who_waits_for_a_connection_is_let_in_in_turn_or_gives_up_in_time() -> None:
    release = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            await release.wait()
            writer.write(OK)
        writer.close()

    pool = exchanges(limit=1)
    async with server(held) as address, asyncio.TaskGroup() as group:
        first = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        second = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await pool.exchange(address, "POST", REQUEST, 0.05)
        release.set()
        assert [(await first).status, (await second).status] == [200, 200]
        pool.close()


async def test_a_cancelled_exchange_gives_its_place_back() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"PUT" in await reader.read(1000):
            writer.write(OK)
        await reader.read(1000)
        writer.close()

    pool = exchanges(limit=1)
    async with server(silent) as address:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pool.exchange(address, "GET", REQUEST, 60)
        reply = await pool.exchange(address, "PUT", REQUEST.replace(b"GET", b"PUT"), 5)
        pool.close()

    assert reply.status == 200


async def test_a_peer_that_speaks_something_else_is_garbled() -> None:
    pool = exchanges()
    async with server(answering(b"SSH-2.0-OpenSSH\r\n\r\n")) as address:
        with pytest.raises(GarbledReplyError):
            await pool.exchange(address, "GET", REQUEST, 5)
