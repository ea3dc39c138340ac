"""One request, one reply: connections in every state."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from foosets.kube.connection import Address
from foosets.kube.exchange import Exchanges, FencedError
from foosets.kube.reply import GarbledReplyError
from tests.kube.loopback import Conversation, converse

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@asynccontextmanager
async def server(hold: Conversation) -> AsyncIterator[Address]:
    async with converse(hold) as port:
        yield Address("127.0.0.1", port, None, None)


def exchanges(limit: int = 4) -> Exchanges:
    return Exchanges(limit)


def answering(*replies: bytes, connections: list[int] | None = None) -> Conversation:
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
    pool = exchanges()
    async with server(answering(CLOSING, CLOSING, connections=connections)) as address:
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


async def test_a_turn_that_came_too_late_is_the_next_ones() -> None:
    requests = 0
    release = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.read(1000):
            requests += 1
            await release.wait()
            writer.write(OK)
        writer.close()

    pool = exchanges(limit=1)
    async with server(held) as address, asyncio.TaskGroup() as group:

        async def first() -> None:
            await pool.exchange(address, "POST", REQUEST, 5)
            second.cancel()  # its turn has been called, and it has not heard

        group.create_task(first())
        await asyncio.sleep(0)
        second = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        third = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        await asyncio.sleep(0)
        release.set()
        assert (await third).status == 200
        pool.close()

    assert requests == 2


@pytest.mark.parametrize("reply", [OK, CLOSING], ids=["kept connections", "connections that the server closes"])
async def test_who_waits_is_let_in_before_those_who_ask_again_at_once(reply: bytes) -> None:
    done: Counter[int] = Counter()

    async def ask(pool: Exchanges, address: Address, worker: int) -> None:
        while sum(done.values()) < 30:
            await pool.exchange(address, "POST", REQUEST, 5)
            done[worker] += 1

    pool = exchanges(limit=2)
    async with server(answering(*[reply] * 40)) as address:
        await asyncio.gather(*(ask(pool, address, worker) for worker in range(3)))
        pool.close()

    assert min(done[worker] for worker in range(3)) >= 9


async def hand_over_to_one_who_is_cancelled(pool: Exchanges, address: Address) -> None:
    async def first() -> None:
        await pool.exchange(address, "POST", REQUEST, 5)
        second.cancel()  # it has been handed what it waited for, and has not heard

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(first())
        await asyncio.sleep(0)
        second = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        await asyncio.wait([asked, second])
    assert second.cancelled()


async def test_a_connection_that_was_handed_to_one_who_is_cancelled_is_kept() -> None:
    connections: list[int] = []
    pool = exchanges(limit=1)
    async with server(answering(OK, OK, OK, connections=connections)) as address:
        await hand_over_to_one_who_is_cancelled(pool, address)
        assert (await pool.exchange(address, "POST", REQUEST, 0.5)).status == 200
        pool.close()

    assert len(connections) == 1


async def test_a_place_that_was_handed_to_one_who_is_cancelled_is_free() -> None:
    pool = exchanges(limit=1)
    async with server(answering(CLOSING)) as address:
        await hand_over_to_one_who_is_cancelled(pool, address)
        assert (await pool.exchange(address, "POST", REQUEST, 0.5)).status == 200
        pool.close()


async def test_who_is_handed_a_connection_to_another_address_opens_one_in_its_place() -> None:
    connections: list[int] = []
    pool = exchanges(limit=1)
    async with server(answering(OK, OK, connections=connections)) as address:
        moved = replace(address)
        replies = await asyncio.gather(*(pool.exchange(to, "POST", REQUEST, 5) for to in (address, moved)))
        pool.close()

    assert [reply.status for reply in replies] == [200, 200]
    assert len(connections) == 2


async def test_who_is_handed_a_connection_to_another_address_takes_one_that_was_given_back_meanwhile() -> None:
    connections: list[int] = []
    both, release = asyncio.Event(), asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        if len(connections) == 2:
            both.set()
        while await reader.read(1000):
            await release.wait()
            writer.write(OK)

    pool = exchanges(limit=2)
    async with server(held) as address, asyncio.TaskGroup() as group:
        moved = replace(address)
        asked = [group.create_task(pool.exchange(to, "POST", REQUEST, 5)) for to in (address, moved, moved)]
        await both.wait()
        release.set()
        assert [(await one).status for one in asked] == [200, 200, 200]
        pool.close()

    assert len(connections) == 2


async def test_who_is_handed_a_connection_that_is_closed_by_then_waits_for_another() -> None:
    pool = exchanges(limit=1)
    async with server(answering(OK, OK, OK)) as address, asyncio.TaskGroup() as group:

        async def first() -> None:
            await pool.exchange(address, "POST", REQUEST, 5)
            pool.close()  # the next one has been handed the connection, and has not heard

        group.create_task(first())
        await asyncio.sleep(0)
        late = [group.create_task(pool.exchange(address, "POST", REQUEST, 5)) for _ in range(2)]
        assert [(await one).status for one in late] == [200, 200]
        pool.close()


async def test_closing_ends_an_exchange_for_good() -> None:
    connections = 0
    asked = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1000)
        writer.write(OK)
        await reader.read(1000)
        asked.set()
        await reader.read(1000)

    pool = exchanges()
    async with server(once) as address:
        await pool.exchange(address, "GET", REQUEST, 5)

        async def close() -> None:
            await asked.wait()
            pool.close()

        outcome, _ = await asyncio.gather(pool.exchange(address, "GET", REQUEST, 5), close(), return_exceptions=True)

    assert isinstance(outcome, ConnectionAbortedError)
    assert connections == 1


async def test_a_deadline_holds_for_an_exchange_that_had_to_connect_while_another_ended() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    pool = exchanges(limit=1)
    async with server(silent) as address:
        began = [pool.exchange(address, "POST", REQUEST, seconds) for seconds in (0.05, 0.2)]
        outcomes = await asyncio.gather(*began, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [TimeoutError, TimeoutError]


# ---------------------------------------------------------------------------- the fence


async def test_what_waited_for_a_connection_while_the_fence_was_shut_is_not_sent() -> None:
    asked: list[bytes] = []
    is_open, came, release = [True], asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(1000):
            asked.append(request)
            came.set()
            await release.wait()
            writer.write(OK)

    pool = Exchanges(1, lambda: is_open[0])
    async with server(handle) as address, asyncio.TaskGroup() as group:
        first = group.create_task(pool.exchange(address, "POST", REQUEST, 5))
        second = group.create_task(_fenced(pool, address))
        await came.wait()
        is_open[0] = False
        release.set()
        assert (await first).status == 200
        assert await second
        is_open[0] = True
        assert (await pool.exchange(address, "POST", REQUEST, 5)).status == 200
        pool.close()
    assert asked == [REQUEST, REQUEST]


async def _fenced(pool: Exchanges, address: Address) -> bool:
    with pytest.raises(FencedError):
        await pool.exchange(address, "PUT", REQUEST, 5)
    return True


async def test_a_request_is_not_sent_again_when_the_fence_was_shut_meanwhile() -> None:
    is_open = [True]
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1000))
        writer.write(OK)
        asked.append(await reader.read(1000))
        is_open[0] = False

    pool = Exchanges(1, lambda: is_open[0])
    async with server(handle) as address:
        await pool.exchange(address, "PUT", REQUEST, 5)
        assert await _fenced(pool, address)
        pool.close()
    assert [one for one in asked if one] == [REQUEST, REQUEST]
