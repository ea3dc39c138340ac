"""Reads an HTTP/1.1 reply (RFC 9112, sections 2 to 7) out of the bytes that have come so far."""

import re
from typing import Final, NamedTuple

_FRAMING: Final = re.compile(rb"\n(content-length|transfer-encoding|connection): *([^\r]*)")
"""In a head in lower case: what says where the reply ends, and whether its connection does."""
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *([^\r]*)\r\n", re.IGNORECASE)
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_BODILESS: Final = frozenset({204, 304})


class Reply(NamedTuple):
    """A whole reply; `retry_after` is the header as it came."""

    status: int
    body: bytes
    retry_after: str | None


class ReplyParser:
    """Reads one reply out of a growing buffer, from where it stopped the last time."""

    __slots__ = ("_body", "_head", "_length", "_parts", "_status", "end", "keeps_alive")

    def __init__(self) -> None:
        self._head: bytes = b""
        self._status = 0
        self._body = 0
        self._length: int | None = None
        self._parts: list[bytes] | None = None
        self.end = 0
        self.keeps_alive = False

    def parse(self, received: bytearray) -> Reply | None:
        """Return the reply once it is complete; raises ValueError for what is none."""
        if not self._head and not self._parse_head(received):
            return None
        if self._parts is not None:
            return self._parse_chunks(received)
        if self._length is None or len(received) < self._body + self._length:
            return None
        self.end = self._body + self._length
        return self._reply(bytes(received[self._body : self.end]))

    def at_end(self, received: bytearray) -> Reply | None:
        """Return the reply whose end is that of the connection, if it is one of those."""
        if not self._head or self._length is not None or self._parts is not None:
            return None
        return self._reply(bytes(received[self._body :]))

    def _parse_head(self, received: bytearray) -> bool:
        stop = received.find(b"\r\n\r\n")
        if stop < 0:
            return False
        head = bytes(received[: stop + 2])
        status = _status(head)
        if 100 <= status < 200:
            del received[: stop + 4]
            return self._parse_head(received)
        self._head, self._status, self._body = head, status, stop + 4
        framing: dict[bytes, bytes] = dict(_FRAMING.findall(head.lower()))
        self.keeps_alive = head.startswith(b"HTTP/1.1") and framing.get(b"connection") != b"close"
        if status in _BODILESS:
            self._length = 0
        elif framing.get(b"transfer-encoding") == b"chunked":
            self._parts, self.end = [], self._body
        elif b"content-length" in framing:
            self._length = int(framing[b"content-length"])
        return True

    def _parse_chunks(self, received: bytearray) -> Reply | None:
        assert self._parts is not None
        while True:
            line = received.find(b"\r\n", self.end)
            if line < 0:
                return None
            size = int(received[self.end : line].partition(b";")[0], 16)
            if size == 0:
                return self._parse_trailer(received, line)
            start = line + 2
            if len(received) < start + size + 2:
                return None
            self._parts.append(bytes(received[start : start + size]))
            self.end = start + size + 2

    def _parse_trailer(self, received: bytearray, line: int) -> Reply | None:
        """Skip the trailer fields; there mostly are none."""
        if received.startswith(b"\r\n", line + 2):
            self.end = line + 4
        else:
            stop = received.find(b"\r\n\r\n", line)
            if stop < 0:
                return None
            self.end = stop + 4
        assert self._parts is not None
        return self._reply(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def _reply(self, body: bytes) -> Reply:
        retry_after = _RETRY_AFTER.search(self._head) if self._status >= 300 else None
        return Reply(self._status, body, retry_after[1].decode("latin-1") if retry_after else None)


def _status(head: bytes) -> int:
    found = _STATUS_LINE.match(head)
    if found is None:
        raise ValueError(repr(head[:40]))
    return int(found[1])
