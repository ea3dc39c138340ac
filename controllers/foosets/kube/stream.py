"""One request whose reply goes on: a watch, as lines, over a connection of its own.

Guarantees:

* Lines come in the server's order, as many at once as have come. After the last of them comes the end, which is an
  error unless the server said that it is the end.
* `SilenceError` after `inactivity` seconds in which nothing came; TimeoutError when it was the head that did not come.
* Who takes lines slowly holds the server back, once about a MiB of them waits.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from foosets.kube.connection import Address, Connection
from foosets.kube.lines import LineSplitter
from foosets.kube.reply import GarbledReplyError, Reply, ReplyReader

_MOST_WAITING: Final = 2**20


class SilenceError(TimeoutError):
    """An open stream brought nothing for too long."""


class Stream(Connection, AsyncIterator[list[bytes]]):
    """The reply to one request: `start`, then iterate, or ask for the `reply` if it is none of 200; at last `abort`."""

    def __init__(self, address: Address, inactivity: float) -> None:
        super().__init__(address)
        self._inactivity = inactivity
        self._reader = ReplyReader()
        self._splitter = LineSplitter()
        self._lines: list[bytes] = []
        self._waiting = 0
        self._end: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def status(self) -> int:
        """The status of the reply."""
        return self._reader.status

    async def start(self, request: bytes) -> None:
        """Connect, send the request and wait for the reply's head; raises OSError, and then nothing stays open."""
        await self.open()
        try:
            self.write(request)
            self._heard = asyncio.get_running_loop().time()
            self._listen()
            while not self.status:
                await self._more()
        except BaseException:
            self.abort(ConnectionAbortedError("given up while it was opened"))
            raise

    async def reply(self) -> Reply:
        """Return the whole reply, which is short and no stream; raises OSError."""
        while not self._reader.complete:
            await self._more()
        return self._reader.reply()

    async def __anext__(self) -> list[bytes]:
        """Return the lines that have come; raises OSError when the stream broke."""
        while not self._lines:
            if self._reader.complete:
                raise StopAsyncIteration
            await self._more()
        lines, self._lines = self._lines, []
        self._waiting = 0
        return lines

    async def _more(self) -> None:
        """Wait for something to come."""
        if self._end is not None:
            raise self._end
        if self._transport is not None:
            self._transport.resume_reading()
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    # ---- what the connection calls

    def received(self, data: bytes) -> None:
        """Take what came."""
        self._heard = asyncio.get_running_loop().time()
        try:
            self._reader.feed(data)
        except GarbledReplyError as error:
            self.abort(error)
            return
        if self.status == 200:
            self._lines += self._splitter.feed(self._reader.take())
            self._hold_back(len(data))
        if self._reader.complete:
            self.abort(ConnectionAbortedError("the stream is complete"))
        self._tell()

    def ended(self) -> None:
        """Take the end of what the server sends, which ends a reply of unstated length."""
        self._reader.end()

    def lost(self, error: Exception) -> None:
        """Take the end of the connection: an error, unless the reply is complete."""
        self._end = error
        if self._timer is not None:
            self._timer.cancel()
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _hold_back(self, came: int) -> None:
        self._waiting += came
        if self._waiting > _MOST_WAITING and self._lines and self._transport is not None:
            self._transport.pause_reading()

    def _listen(self) -> None:
        """End the stream if it is silent; otherwise look again when it may be. Nobody hears who holds back."""
        now = asyncio.get_running_loop().time()
        if self._transport is not None and not self._transport.is_reading():
            self._heard = now
        silent = now - self._heard
        if silent >= self._inactivity:
            late = f"nothing came for {silent:.0f} seconds"
            self.abort(SilenceError(late) if self.status else TimeoutError(late))
        else:
            self._timer = asyncio.get_running_loop().call_at(self._heard + self._inactivity, self._listen)
