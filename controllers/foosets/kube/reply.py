"""Reads an HTTP/1.1 reply (RFC 9112, sections 2 to 7) as it comes, in pieces that are cut anywhere."""

import re
from typing import Final, NamedTuple

_FRAMING: Final = re.compile(rb"\n(content-length|transfer-encoding|connection): *([^\r]*)")
"""In a head in lower case: what says where the reply ends, and whether its connection does."""
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *([^\r]*)\r\n", re.IGNORECASE)
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_FIRST_SIZE: Final = re.compile(rb"([0-9A-Fa-f]+)(?:;[^\r]*)?\r\n")
_NEXT_SIZE: Final = re.compile(rb"\r\n([0-9A-Fa-f]+)(?:;[^\r]*)?\r\n")
"""The size of a chunk: of the first, and of those that follow the end of another."""
_BODILESS: Final = frozenset({204, 304})
_LONGEST_LINES: Final = 2**16
"""How long a head, or what announces a chunk, may become before it is taken for something else."""


class GarbledReplyError(OSError):
    """The peer does not speak HTTP/1.1."""

    def __init__(self, found: bytes) -> None:
        super().__init__(f"not a reply: {found[:40]!r}")


class Reply(NamedTuple):
    """A whole reply; `retry_after` is the header as it came."""

    status: int
    body: bytes
    retry_after: str | None


class ReplyReader:
    """Reads one reply. `status` is 0 until its head has come whole; `complete` says that its end has been read."""

    __slots__ = ("_head", "_left", "_parts", "_size", "_unread", "complete", "keeps_alive", "status")

    def __init__(self) -> None:
        self.status = 0
        self.complete = False
        self.keeps_alive = False
        """Whether another request may follow: once complete, and nothing came after it."""
        self._head = b""
        self._unread = b""
        self._parts: list[bytes] = []
        self._size: re.Pattern[bytes] | None = None
        """How the size of the next chunk is told, where the body comes in chunks."""
        self._left: int | None = None
        """How much of the body, or of the present chunk, is still to come; None is until the connection ends."""

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self.status or self._unread)

    @property
    def retry_after(self) -> str | None:
        """The header as it came."""
        found = _RETRY_AFTER.search(self._head)
        return found[1].decode("latin-1") if found else None

    def feed(self, data: bytes) -> None:
        """Read what came; raises GarbledReplyError for what is none."""
        if self._unread:
            data = self._unread + data
            self._unread = b""
        start = 0 if self.status else self._read_head(data)
        if not self.status:
            self._keep(data)
        elif self._size is not None:
            self._read_chunks(data, start, self._size)
        else:
            self._read_body(data, start)

    def end(self) -> None:
        """Take note that the connection has ended, which completes a reply of unstated length."""
        if self.status and self._size is None and self._left is None:
            self.complete = True

    def take(self) -> bytes:
        """Return what has been read of the body and was not taken before."""
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def reply(self) -> Reply:
        """Return the reply, which must be complete."""
        return Reply(self.status, self.take(), self.retry_after if self.status >= 300 else None)

    def _keep(self, unread: bytes) -> None:
        if len(unread) > _LONGEST_LINES:
            raise GarbledReplyError(unread)
        self._unread = unread

    def _read_head(self, data: bytes) -> int:
        """Read the head if it is there, and any that only announces it; return where the body begins."""
        start, stop, status = 0, data.find(b"\r\n\r\n"), 0
        while stop >= 0 and (status := _status(data, start)) < 200:
            start, stop = stop + 4, data.find(b"\r\n\r\n", stop + 4)
        if stop < 0:
            return 0
        head = data[start : stop + 2]
        self.status, self._head = status, head
        framing: dict[bytes, bytes] = dict(_FRAMING.findall(head.lower()))
        self.keeps_alive = head.startswith(b"HTTP/1.1") and framing.get(b"connection") != b"close"
        if status in _BODILESS:
            self._left = 0
        elif framing.get(b"transfer-encoding") == b"chunked":
            self._size, self._left = _FIRST_SIZE, 0
        elif b"content-length" in framing:
            self._left = _length(framing[b"content-length"])
        return stop + 4

    def _read_body(self, data: bytes, start: int) -> None:
        if self._left is None:
            self._parts.append(data[start:])
            return
        stop = start + self._left
        self._parts.append(data[start:stop])
        self._left = max(0, stop - len(data))
        if not self._left:
            self._finish(data, stop)

    def _read_chunks(self, data: bytes, start: int, size: re.Pattern[bytes]) -> None:
        left = self._left or 0
        while True:
            if left:
                part = data[start : start + left]
                self._parts.append(part)
                start += len(part)
                left -= len(part)
            announced = size.match(data, start) if not left else None
            if announced is None:
                break
            left, start = int(announced[1], 16), announced.end()
            if not left:
                self._read_trailer(data, announced)
                return
            self._size = size = _NEXT_SIZE
        self._left = left
        if data.find(b"\n", start + 2) >= 0:
            raise GarbledReplyError(data[start:])
        self._keep(data[start:])

    def _read_trailer(self, data: bytes, last: re.Match[bytes]) -> None:
        """Skip the trailer fields; there mostly are none."""
        stop = data.find(b"\r\n\r\n", last.end() - 2)
        if stop >= 0:
            self._finish(data, stop + 4)
        else:
            self._left = 0
            self._keep(data[last.start() :])

    def _finish(self, data: bytes, stop: int) -> None:
        self.complete = True
        self.keeps_alive = self.keeps_alive and stop == len(data)


def _status(data: bytes, start: int) -> int:
    found = _STATUS_LINE.match(data, start)
    if found is None:
        raise GarbledReplyError(data[start:])
    return int(found[1])


def _length(value: bytes) -> int:
    if not value.isdigit():
        raise GarbledReplyError(value)
    return int(value)
