"""The proxy between one component and an API server: passes everything on, and does what is due.

A thread for each connection of the component, with a connection to the API server of its own; watches are passed on
line by line, as they come. While a kill waits, the component's writes in that namespace go one at a time, so that it
dies at the write that was meant and no other is on its way beside it; what a dead component left behind on its
connections is dropped.
"""

import http.client
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, assert_never
from urllib.parse import urlsplit

from e2e.cluster.kubeconfig import Server
from e2e.cluster.ports import LOOPBACK
from e2e.faults.faults import (
    Answer,
    CutReply,
    Delay,
    ExchangeFault,
    KillAfter,
    KillBefore,
    LineFault,
    LoseReply,
    Swallow,
)
from e2e.faults.lines import Delivery, Then, deliver, request_of_line
from e2e.faults.points import Request, Verb, request_of
from e2e.faults.traffic import Fate, Passed, Traffic

BETWEEN_NEIGHBOURS: Final = frozenset({"connection", "transfer-encoding", "keep-alive"})
"""Headers that speak of one connection and are not passed on (RFC 9110, section 7.6.1)."""
POLL_SECONDS: Final = 0.05
REMEMBERED_LINES: Final = 100
"""Of each watch, for those that come again."""


class BrokenError(Exception):
    """The connection to the component ends here, without a word."""


class FaultProxy(ThreadingHTTPServer):
    """One component's way to its API server. `kill` ends the component; it is called in an exchange's thread."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, component: str, server: Server, traffic: Traffic, kill: Callable[[], None]) -> None:
        super().__init__((LOOPBACK, 0), _Exchange)
        self.component = component
        self.traffic = traffic
        self.closing = threading.Event()
        self.deaths = 0
        self.turn = threading.Lock()
        """Held by a write of a component that is about to die."""
        self._server = urlsplit(server.url)
        self._tls = ssl.create_default_context(cafile=server.authority) if self._server.scheme == "https" else None
        self._kill = kill
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where the component finds its API server."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def kill(self) -> None:
        """Have the component die."""
        self.deaths += 1
        self._kill()

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection to the API server, which is opened by the first request."""
        if self._tls is None:
            return http.client.HTTPConnection(self._server.netloc)
        return http.client.HTTPSConnection(self._server.netloc, context=self._tls)

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
        self.closing.set()
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
    server: FaultProxy  # pyright: ignore[reportIncompatibleVariableOverride] - socketserver's own way to reach it

    def handle(self) -> None:
        self._deaths_before = self.server.deaths
        self._upstream = self.server.connect()
        self._upstream.connect()
        try:
            with self.server.holding(self.connection, self._upstream.sock), suppress(BrokenError):
                super().handle()
        finally:
            self._upstream.close()

    def do_GET(self) -> None:
        request = request_of(self.server.component, self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with ExitStack() as turn:
            if request.writes and self.server.traffic.expects_death(request.component, request.namespace):
                turn.enter_context(self.server.turn)
            if self._is_left_behind():
                raise BrokenError
            answer = self._answer(request, body)
        if answer is not None:
            self._pass_on(request, answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the standard library's names

    def _is_left_behind(self) -> bool:
        """Whether the component that opened this connection has died."""
        return self._deaths_before != self.server.deaths

    # ---- a request and its answer

    def _answer(self, request: Request, body: bytes) -> http.client.HTTPResponse | None:
        """Return the API server's answer, to be passed on; None when the component was answered already."""
        due = self.server.traffic.exchange_fault(request)
        if due is None:
            return self._ask(request, body, Fate.ANSWERED)
        assert isinstance(due.fault, ExchangeFault)
        try:
            return self._meet(due.fault, request, body)
        finally:
            due.happened.set()

    def _meet(self, fault: ExchangeFault, request: Request, body: bytes) -> http.client.HTTPResponse | None:
        match fault:
            case Delay():
                self.server.closing.wait(fault.seconds)
                return self._ask(request, body, Fate.ANSWERED)
            case Answer():
                self._note(request, 0, Fate.KEPT_BACK)
                return self._answer_instead(fault)
            case KillBefore():
                self._note(request, 0, Fate.KEPT_BACK)
                self.server.kill()
            case KillAfter():
                self._ask(request, body, Fate.UNKNOWN)
                self.server.kill()
            case LoseReply():
                self._ask(request, body, Fate.UNKNOWN)
            case CutReply():
                self._cut(self._ask(request, body, Fate.UNKNOWN))
            case Swallow():
                self._note(request, 0, Fate.KEPT_BACK)
                self._hush()
            case _:
                assert_never(fault)
        raise BrokenError

    def _ask(self, request: Request, body: bytes, fate: Fate) -> http.client.HTTPResponse:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in BETWEEN_NEIGHBOURS}
        self._upstream.request(self.command, self.path, body or None, headers)
        answer = self._upstream.getresponse()
        self._note(request, answer.status, fate)
        return answer

    def _note(self, request: Request, code: int, fate: Fate) -> None:
        if request.writes:
            self.server.traffic.note(Passed(request, code, fate))

    def _answer_instead(self, fault: Answer) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": fault.reason, "code": fault.code}
        content = json.dumps({**status, "message": fault.message}).encode() if fault.content is None else fault.content
        self.send_response_only(fault.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if fault.retry_after is not None:
            self.send_header("Retry-After", str(fault.retry_after))
        self.end_headers()
        self.wfile.write(content)

    def _cut(self, answer: http.client.HTTPResponse) -> None:
        """Pass half of an answer on, of which the head promises the whole."""
        content = answer.read()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()

    def _hush(self) -> None:
        """Return when the component has closed its connection, or the proxy closes."""
        with suppress(OSError):
            while self.connection.recv(1024):
                pass

    # ---- passing on

    def _pass_on(self, request: Request, answer: http.client.HTTPResponse) -> None:
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
        if request.verb is Verb.WATCH and answer.status < 300:
            self._pass_lines_on(request, answer)
        else:
            while piece := answer.read1():
                self._write_chunk(piece)
        self.wfile.write(b"0\r\n\r\n")

    def _write_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _pass_lines_on(self, watch: Request, answer: http.client.HTTPResponse) -> None:
        earlier: deque[bytes] = deque(maxlen=REMEMBERED_LINES)
        while line := answer.readline():
            delivery = self._delivery(watch, line, earlier)
            earlier.append(line)
            self.server.closing.wait(delivery.late)
            if delivery.data:
                self._write_chunk(delivery.data)
            if delivery.then is not Then.GO_ON:
                self._stop(delivery.then)
                return

    def _delivery(self, watch: Request, line: bytes, earlier: deque[bytes]) -> Delivery:
        """Return what comes in place of a line."""
        traffic = self.server.traffic
        if not traffic.expects_line(watch.component, watch.resource):
            return Delivery(line)
        due = traffic.line_fault(request_of_line(watch, line))
        if due is None:
            return Delivery(line)
        assert isinstance(due.fault, LineFault)
        due.happened.set()
        return deliver(due.fault, line, list(earlier))

    def _stop(self, then: Then) -> None:
        """End a watch that does not go on; the API server is not listened to any more."""
        self.close_connection = True
        if then is Then.HUSH:
            self._hush()
        if then is not Then.END:
            raise BrokenError

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""


@contextmanager
def proxying(component: str, server: Server, traffic: Traffic, kill: Callable[[], None]) -> Iterator[FaultProxy]:
    """Run a proxy between a component and its API server."""
    with FaultProxy(component, server, traffic, kill) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
