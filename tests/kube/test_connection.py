"""TLS by hand: handshakes that fail, and clear text however it was cut into records."""

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from foosets.kube.connection import CONNECT_SECONDS, Address, Connection
from foosets.kube.exchange import Exchanges
from tests.kube.loopback import Authority, Conversation, converse
from tests.virtualtime import in_virtual_time

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 2**20


class Heard(Connection):
    """A connection that remembers what came."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.heard = bytearray()
        self.announced = False
        self.over: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def received(self, data: bytes) -> None:
        self.heard += data

    def ended(self) -> None:
        self.announced = True

    def lost(self, error: Exception) -> None:
        self.over.set_result(error)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem.decode())


def saying(*parts: bytes) -> Conversation:
    """Say each part in a record of its own as soon as somebody asks, then close in good order."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return handle


async def heard_from(port: int, tls: ssl.SSLContext, name: str = "127.0.0.1") -> Heard:
    """Ask once, and wait for the end."""
    connection = Heard(Address("127.0.0.1", port, tls, name))
    await connection.open()
    connection.write(REQUEST)
    await connection.over
    return connection


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_what_comes_in_many_records_is_whole(authority: Authority, newest: ssl.TLSVersion) -> None:
    authority.server.maximum_version = newest
    parts = [b"x", b"", b"y" * 5, b"z" * MANY, b"!"]
    async with converse(saying(*parts), authority.server) as port:
        connection = await heard_from(port, trusting(authority))

    assert connection.heard == b"".join(parts)
    assert connection.announced


async def test_a_request_of_a_mebibyte_arrives_whole_at_a_slow_reader(authority: Authority) -> None:
    body = bytes(range(256)) * (MANY // 256)
    came = bytearray()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(came) < len(body):
            came.extend(await reader.read(50_000))
            await asyncio.sleep(0)
        writer.write(b"thanks")

    async with converse(slow, authority.server) as port:
        connection = Heard(Address("127.0.0.1", port, trusting(authority), "127.0.0.1"))
        await connection.open()
        connection.write(body)
        await connection.over

    assert came == body
    assert connection.heard == b"thanks"


async def test_tickets_are_no_words(authority: Authority) -> None:
    authority.server.num_tickets = 8
    pool = Exchanges(1)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with converse(saying(reply), authority.server) as port:
        address = Address("127.0.0.1", port, trusting(authority), "127.0.0.1")
        assert (await pool.exchange(address, "POST", REQUEST, 5)).body == b"ok"
        pool.close()


@pytest.mark.parametrize(("cut", "complete"), [(False, True), (True, False)])
async def test_only_an_announced_end_ends_a_reply_of_unstated_length(
    authority: Authority, *, cut: bool, complete: bool
) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        if cut:
            writer.transport.abort()

    pool = Exchanges(1)
    async with converse(half, authority.server) as port:
        address = Address("127.0.0.1", port, trusting(authority), "127.0.0.1")
        exchange = pool.exchange(address, "POST", REQUEST, 5)
        if complete:
            assert (await exchange).body == b"half"
        else:
            with pytest.raises(ConnectionError):
                await exchange


async def test_a_certificate_of_a_stranger_or_of_another_name_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with converse(saying(), authority.server) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get"):
            await heard_from(port, trusting(stranger))
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await heard_from(port, trusting(authority), "api.example.com")


async def test_a_server_that_wants_a_certificate_says_so_after_the_handshake(authority: Authority) -> None:
    authority.server.verify_mode = ssl.CERT_REQUIRED
    pool = Exchanges(1)

    def demanding() -> None:
        """Shake hands with one client, and read what it sends: asyncio's server would close without a word."""
        client, _ = listening.accept()
        with authority.server.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as secured:
            with suppress(ssl.SSLError):
                secured.do_handshake()
            while socket.socket.recv(secured, 1000):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address("127.0.0.1", listening.getsockname()[1], trusting(authority), "127.0.0.1")
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(demanding))
            with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
                await pool.exchange(address, "POST", REQUEST, 5)


async def test_a_server_that_closes_in_the_middle_of_the_handshake_is_a_broken_connection(authority: Authority) -> None:
    async with converse(saying(), None) as port:
        with pytest.raises(ConnectionResetError):
            await heard_from(port, trusting(authority))


async def test_a_server_that_does_not_speak_tls_is_an_error_of_tls(authority: Authority) -> None:
    async with converse(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None) as port:
        with pytest.raises(ssl.SSLError):
            await heard_from(port, trusting(authority))


async def test_giving_up_in_the_middle_of_a_handshake_closes_the_connection(authority: Authority) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a handler
        await reader.read(1)
        begun.set()
        with suppress(OSError):
            await reader.read()
        closed.set()

    async with converse(silent, None) as port, asyncio.timeout(5):
        opening = asyncio.ensure_future(heard_from(port, trusting(authority)))  # noqa: TID251 - cancelled here
        await begun.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await closed.wait()


def test_a_handshake_that_does_not_go_on_ends_in_time(authority: Authority) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a handler
        await reader.read()

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        async with converse(silent, None) as port:
            with pytest.raises(TimeoutError):
                await heard_from(port, trusting(authority))
        return asyncio.get_running_loop().time() - began

    assert CONNECT_SECONDS * 0.9 < in_virtual_time(main) < CONNECT_SECONDS * 2
