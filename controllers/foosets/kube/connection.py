"""One connection to the API server, plain or TLS: bytes in the clear, in and out.

asyncio's own TLS serves every kind of program: renegotiation, buffers with marks, a shutdown in three steps. That is a
dozen Python frames for each piece of either direction. Here the event loop moves what is encrypted, as over a plain
connection (with everything it does for partial writes and errors), and OpenSSL turns it into clear text and back in
memory: one call for a request, one for each record that came.

Guarantees:

* `open` ends within CONNECT_SECONDS, and leaves nothing open when it fails or is cancelled. A certificate that is not
  trusted, or is of another name, is an `ssl.SSLCertVerificationError`, and the server is told why.
* What comes is handed on in order, everything that one read brought at once; nothing after `lost`, which comes once.
* An end that TLS did not announce is a broken connection, never the end of a reply: whoever sits between could cut it.
* A server that wants to negotiate anew in the middle of a write (TLS 1.2; Go's never does) has the connection closed.
"""

import asyncio
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, cast

from foosets.kube.keepalive import keep_alive

CONNECT_SECONDS: Final = 10.0
"""How long a connection and its handshake may take."""
_READ_BYTES: Final = 2**16
_RECORD_BYTES: Final = 2**14  # the most that one record holds (RFC 8446, section 5.1): none is left inside OpenSSL


@dataclass(frozen=True, slots=True)
class Address:
    """Where connections go. Without `tls` they are plain; `server_name` is what the certificate must name."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    server_name: str | None


class Connection(asyncio.BufferedProtocol, ABC):
    """The base of what talks to a server; what came and how it ended is for `received`, `ended` and `lost`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._space = memoryview(bytearray(_READ_BYTES))
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if address.tls is not None:
            self._tls = address.tls.wrap_bio(self._incoming, self._outgoing, server_hostname=address.server_name)

    async def open(self) -> None:
        """Connect and shake hands; raises OSError (TimeoutError, ssl.SSLError)."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, _ = await loop.create_connection(lambda: self, self._address.host, self._address.port)
                keep_alive(transport.get_extra_info("socket"))
                await self._opened
        except BaseException:
            self.abort(ConnectionAbortedError("given up while it was opened"))
            raise

    def write(self, data: bytes) -> None:
        """Send; what the system does not take at once follows by itself. Raises OSError when it is closed."""
        if self._transport is None:
            raise ConnectionResetError("the server has closed the connection")
        if self._tls is None:
            self._transport.write(data)
            return
        sent = self._tls.write(data)
        while sent < len(data):
            sent += self._tls.write(memoryview(data)[sent:])
        self._transport.write(self._outgoing.read())

    def abort(self, error: Exception) -> None:
        """Close at once."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        transport.abort()
        if not self._opened.done():
            self._opened.set_exception(error)
        self.lost(error)

    # ---- for those who talk

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Take what came."""

    def ended(self) -> None:
        """Take note that the server has said all it wanted to; the connection is closed after this."""

    def lost(self, error: Exception) -> None:
        """Take note that the connection is gone, by `abort` or by itself."""

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and begin the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        if self._tls is None:
            self._opened.set_result(None)
        else:
            self._decrypt(self._tls)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - it is always the same
        """Return where to put what comes."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was put there."""
        if self._tls is None:
            self.received(bytes(self._space[:nbytes]))
        else:
            self._incoming.write(self._space[:nbytes])
            self._decrypt(self._tls)

    def eof_received(self) -> bool:
        """Take the end of what the server sends."""
        if self._tls is None:
            self.ended()
        self.connection_lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        self.abort(exc or ConnectionResetError("the server closed the connection"))

    def _decrypt(self, tls: ssl.SSLObject) -> None:
        """Take what came as far as it makes records, and answer for TLS where it wants to."""
        parts: list[bytes] = []
        error: ssl.SSLError | None = None
        try:
            if not self._opened.done():
                tls.do_handshake()
                self._opened.set_result(None)
            while self._incoming.pending:
                parts.append(tls.read(_RECORD_BYTES))
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still to come, or it was not for us: a ticket, a new key
        except ssl.SSLError as failure:
            error = failure
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())
        if parts:
            self._hand_on(parts)
        if error is not None:
            self.abort(error)

    def _hand_on(self, parts: list[bytes]) -> None:
        """Hand on what was read; an empty part is TLS's word for the end."""
        clear = b"".join(parts)
        if clear:
            self.received(clear)
        if not parts[-1]:
            self.ended()
            self.connection_lost(None)
