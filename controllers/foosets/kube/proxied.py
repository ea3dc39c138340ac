"""The way to the API server where a kubeconfig names a proxy: aiohttp's, whose care for proxies is worth its CPU there.

Speaks like `exchange` and `stream`: every failure is an OSError, a silent stream is a `SilenceError`.
"""

import ssl
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
from yarl import URL

from foosets.kube.connection import CONNECT_SECONDS
from foosets.kube.credentials import Credentials
from foosets.kube.keepalive import keep_alive_socket
from foosets.kube.lines import LineSplitter
from foosets.kube.reply import Reply
from foosets.kube.stream import SilenceError

_READ_BUFFER: Final = 2**18


class Proxied:
    """A session with one server, by the proxy of its credentials. `fields` are the header's, for every request."""

    def __init__(self, credentials: Credentials, fields: Mapping[str, str]) -> None:
        self._credentials = credentials
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=keep_alive_socket),
            headers=fields,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=credentials.proxy,
            read_bufsize=_READ_BUFFER,
            trust_env=False,  # otherwise aiohttp asks two threads for proxies and a netrc before every request
        )

    def identify(self, fields: Mapping[str, str]) -> None:
        """Send these fields from now on, instead of those of the same name."""
        self._session.headers.update(fields)

    async def exchange(self, method: str, path: str, body: bytes, content_type: str, seconds: float) -> Reply:
        """Send a request and return the reply; raises OSError."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        with _as_os_errors():
            response = await self._open(
                method, path, timeout=limits, data=body or None, headers={"Content-Type": content_type}
            )
            return await _whole(response)

    async def stream(self, path: str, inactivity: float) -> "ProxiedStream":
        """Open a watch; raises OSError."""
        limits = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=inactivity)
        with _as_os_errors():
            return ProxiedStream(await self._open("GET", path, timeout=limits))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _open(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        return await self._session.request(
            method,
            URL(self._credentials.server + path, encoded=True),
            ssl=self._credentials.tls,
            server_hostname=self._credentials.server_name,
            allow_redirects=False,
            **options,
        )


class ProxiedStream(AsyncIterator[list[bytes]]):
    """The reply to one request, as `stream.Stream` gives it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._splitter = LineSplitter()

    @property
    def status(self) -> int:
        """The status of the reply."""
        return self._response.status

    async def reply(self) -> Reply:
        """Return the whole reply, which is short and no stream; raises OSError."""
        with _as_os_errors():
            return await _whole(self._response)

    async def __anext__(self) -> list[bytes]:
        """Return the lines that have come; raises OSError when the stream broke."""
        with _as_os_errors():
            try:
                chunk = await self._response.content.readany()
            except aiohttp.SocketTimeoutError as error:
                raise SilenceError("nothing came for too long") from error
        if not chunk:
            raise StopAsyncIteration
        return self._splitter.feed(chunk)

    def abort(self, error: Exception) -> None:  # noqa: ARG002 - nobody waits for it any more
        """Close the connection."""
        self._response.close()


async def _whole(response: aiohttp.ClientResponse) -> Reply:
    return Reply(response.status, await response.read(), response.headers.get("Retry-After"))


@contextmanager
def _as_os_errors() -> Generator[None]:
    try:
        yield
    except aiohttp.ClientError as error:
        if isinstance(error, OSError | ssl.SSLError):
            raise
        raise ConnectionError(str(error) or type(error).__name__) from error
