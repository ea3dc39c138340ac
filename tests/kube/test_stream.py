"""A reply that goes on, as lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from foosets.kube.connection import Address
from foosets.kube.reply import GarbledReplyError
from foosets.kube.stream import SilenceError, Stream
from tests.kube.loopback import Conversation, converse
from tests.virtualtime import in_virtual_time

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
INACTIVITY = 90.0


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


@asynccontextmanager
async def stream_from(hold: Conversation) -> AsyncIterator[Stream]:
    """Open a stream from a server of its own, which begins when it has read the request."""

    async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        await hold(reader, writer)

    async with converse(asked) as port:
        stream = Stream(Address("127.0.0.1", port, None, None), INACTIVITY)
        try:
            await stream.start(REQUEST)
            yield stream
        finally:
            stream.abort(ConnectionAbortedError("the test is over"))


def saying(*parts: bytes) -> Conversation:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a handler
        for part in parts:
            writer.write(part)
            await writer.drain()

    return handle


async def lines_of(stream: Stream, into: list[bytes]) -> None:
    async for lines in stream:
        into += lines


@pytest.mark.parametrize(
    "reply",
    [
        CHUNKED + chunk(b"one\ntw") + chunk(b"o\n") + END,
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none\ntwo\n",
        b"HTTP/1.0 200 OK\r\n\r\none\ntwo\n",
    ],
    ids=["chunks", "a length", "until the end"],
)
async def test_lines_come_whole_however_the_reply_is_framed(reply: bytes) -> None:
    heard: list[bytes] = []
    async with stream_from(saying(reply)) as stream:
        await lines_of(stream, heard)

    assert heard == [b"one", b"two"]


async def test_the_lines_before_a_cut_come_before_its_error() -> None:
    heard: list[bytes] = []
    async with stream_from(saying(CHUNKED + chunk(b"one\n"))) as stream:
        with pytest.raises(ConnectionResetError):
            await lines_of(stream, heard)

    assert heard == [b"one"]


async def test_what_is_no_chunk_is_garbled() -> None:
    async with stream_from(saying(CHUNKED + chunk(b"one\n") + b"two\r\n")) as stream:
        with pytest.raises(GarbledReplyError):
            await lines_of(stream, [])


async def test_a_refusal_is_a_whole_reply() -> None:
    refusal = b"HTTP/1.1 429 Busy\r\nRetry-After: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"slow\n") + END
    async with stream_from(saying(refusal)) as stream:
        reply = await stream.reply()

    assert (reply.status, reply.body, reply.retry_after) == (429, b"slow\n", "3")


async def test_who_takes_slowly_holds_the_server_back() -> None:
    line = b"x" * 99_999 + b"\n"

    async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a handler
        writer.write(CHUNKED)
        for _ in range(100):
            writer.write(chunk(line))
            await writer.drain()
        writer.write(END)

    heard: list[bytes] = []
    async with stream_from(eager) as stream:
        assert stream._transport is not None
        while stream._transport.is_reading():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        assert sum(map(len, stream._lines)) < 2 * 2**20
        await lines_of(stream, heard)

    assert len(heard) == 100


@pytest.mark.parametrize(("said", "error"), [(b"", TimeoutError), (CHUNKED, SilenceError)])
def test_silence_ends_a_stream(said: bytes, error: type[Exception]) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError) as caught:
            async with stream_from(silent) as stream:
                await lines_of(stream, [])
        assert type(caught.value) is error
        return asyncio.get_running_loop().time() - began

    assert INACTIVITY * 0.9 < in_virtual_time(main) < INACTIVITY * 2


def test_who_holds_the_server_back_does_not_take_it_for_silent() -> None:
    async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a handler
        writer.write(CHUNKED + chunk(b"x" * 2**21 + b"\n") + chunk(b"y" * 2**21 + b"\n") + END)
        await writer.drain()

    async def main() -> int:
        heard: list[bytes] = []
        async with stream_from(eager) as stream:
            await asyncio.sleep(INACTIVITY * 3)
            await lines_of(stream, heard)
        return len(heard)

    assert in_virtual_time(main) == 2
