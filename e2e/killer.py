"""A proxy that kills a component at one of its writes.

    component ── http ── Killer ── https ── API server

It passes on everything, watches as they come. Once armed, it counts the component's successful writes in one
namespace. When the API server has done the k-th, the component is killed, and the reply is not passed on: the write is
in the cluster, and nobody who knows of it is alive. Writes go one at a time, so that it is the k-th and no other is on
its way beside it; those that the dead component left behind on its connections are dropped. After that the proxy only
passes on.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from e2e.cluster.kubeconfig import Server
from e2e.cluster.ports import LOOPBACK

BETWEEN_NEIGHBOURS: Final = frozenset({"connection", "transfer-encoding", "keep-alive"})
"""Headers that speak of one connection and are not passed on (RFC 9110, section 7.6.1)."""
POLL_SECONDS: Final = 0.05


class Killer(ThreadingHTTPServer):
    """The proxy; `killed` is set once it has done its deed."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, server: Server, kill: Callable[[], None]) -> None:
        super().__init__((LOOPBACK, 0), _Exchange)
        self.killed = threading.Event()
        self._host = urlsplit(server.url).netloc
        self._tls = ssl.create_default_context(cafile=server.authority)
        self._kill = kill
        self.deaths = 0
        self.turn = threading.Lock()
        """Held by the one write that is on its way."""
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._namespace = ""
        self._left = 0

    @property
    def url(self) -> str:
        """Where the component finds its API server."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def arm(self, namespace: str, writes: int) -> None:
        """Kill at the write of that number, counted from now on."""
        self.killed.clear()
        self._namespace, self._left = f"/namespaces/{namespace}/", writes

    def is_counted(self, path: str) -> bool:
        """Whether a write to a path brings the kill nearer."""
        return self._left > 0 and self._namespace in path

    def did_write(self) -> bool:
        """Take note of a write that was done; return whether the component is dead now."""
        self._left -= 1
        if self._left:
            return False
        self.deaths += 1
        self._kill()
        self.killed.set()
        return True

    def connect(self) -> http.client.HTTPSConnection:
        """Return a new connection to the API server."""
        return http.client.HTTPSConnection(self._host, context=self._tls)

    @contextmanager
    def holding(self, *sockets: socket.socket) -> Iterator[None]:
        """Have these sockets shut when the proxy closes, so that nobody reads from them for ever."""
        with self._lock:
            self._sockets.update(sockets)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.difference_update(sockets)

    def server_close(self) -> None:
        """Close, and wait for every exchange to end."""
        with self._lock:
            for held in self._sockets:
                with suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of an exchange that broke: whoever asked is dead, or asks again."""


class _Exchange(BaseHTTPRequestHandler):
    """One connection of the component, and its counterpart to the API server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Killer  # pyright: ignore[reportIncompatibleVariableOverride] - socketserver's own way to reach it

    def handle(self) -> None:
        self._deaths_before = self.server.deaths
        self._upstream = self.server.connect()
        self._upstream.connect()
        try:
            with self.server.holding(self.connection, self._upstream.sock):
                super().handle()
        finally:
            self._upstream.close()

    def do_GET(self) -> None:
        self._pass_on(self._answer())

    def do_POST(self) -> None:
        with self.server.turn:
            answer = self._answer_to_write()
        if answer is None:
            self.close_connection = True
        else:
            self._pass_on(answer)

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the standard library's names

    def _answer_to_write(self) -> http.client.HTTPResponse | None:
        """Return the answer; None if nobody is there to hear it."""
        if self._deaths_before != self.server.deaths:
            return None
        counted = self.server.is_counted(self.path)
        answer = self._answer()
        return None if counted and answer.status < 300 and self.server.did_write() else answer

    def _answer(self) -> http.client.HTTPResponse:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in BETWEEN_NEIGHBOURS}
        self._upstream.request(self.command, self.path, body or None, headers)
        return self._upstream.getresponse()

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in BETWEEN_NEIGHBOURS:
                self.send_header(name, value)
        if answer.length is not None:
            self.end_headers()
            self.wfile.write(answer.read())
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := answer.read1():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""


@contextmanager
def killing(server: Server, kill: Callable[[], None]) -> Iterator[Killer]:
    """Run a proxy in front of an API server."""
    with Killer(server, kill) as killer:
        thread = threading.Thread(target=killer.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
        thread.start()
        try:
            yield killer
        finally:
            killer.shutdown()
            thread.join()
