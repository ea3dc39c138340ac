"""A relay in front of a server that, after so many bytes of one connection, becomes a black hole for that connection.

Nothing is refused and nothing is closed: the client's bytes go nowhere, and none come back. It is a relay of bytes, so
it falls silent anywhere: before the handshake has ended, before a reply, in a head, in a line, between two pages.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

_READ_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class Hole:
    """Where it opens: in the connection of that number, counted from 0, after so many bytes from the server."""

    connection: int
    after: int


@dataclass
class Relay:
    """Passes conversations on to a port, and one of them up to the hole."""

    upstream: int
    hole: Hole | None
    sent: list[int] = field(default_factory=list[int])
    """How many bytes each connection has brought to the client."""
    fell_silent: float | None = None
    """When the hole opened."""
    given_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed the connection to the hole."""
    _talks: list["asyncio.Task[Any]"] = field(default_factory=list["asyncio.Task[Any]"])
    _ends: list[asyncio.WriteTransport] = field(default_factory=list[asyncio.WriteTransport])

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what both sides say, until one of them has gone."""
        number = len(self.sent)
        self.sent.append(0)
        task = asyncio.current_task()
        assert task is not None
        self._talks.append(task)
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self.upstream)
        self._ends += [writer.transport, downstream.transport]
        silent = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._towards_the_server(reader, downstream, silent))
            tasks.create_task(self._towards_the_client(number, upstream, writer, silent))

    async def close(self) -> None:
        """Break every connection."""
        for end in self._ends:
            with suppress(AttributeError):  # a transport that has closed after its last byte does not know its loop
                end.abort()
        await asyncio.gather(*self._talks)

    async def _towards_the_server(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while said := await client.read(_READ_BYTES):
                if not silent.is_set():
                    server.write(said)
        if silent.is_set():
            self.given_up.set()
        server.transport.abort()

    async def _towards_the_client(
        self, number: int, server: asyncio.StreamReader, client: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        hole = self.hole
        last = hole.after if hole is not None and hole.connection == number else math.inf
        said = b""
        with suppress(ConnectionError):
            while self.sent[number] < last and (said := await server.read(_READ_BYTES)):
                said = said[: int(min(last - self.sent[number], _READ_BYTES))]
                self.sent[number] += len(said)
                client.write(said)
        if self.sent[number] == last:
            self.fell_silent = asyncio.get_running_loop().time()
            silent.set()
        else:
            client.close()


@asynccontextmanager
async def relayed(upstream: int, hole: Hole | None) -> AsyncIterator[tuple[int, Relay]]:
    """Put a relay in front of a port; give its own."""
    relay = Relay(upstream, hole)
    async with await asyncio.start_server(relay.talk, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1], relay
        finally:
            await relay.close()
