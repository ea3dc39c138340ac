"""A server on loopback that stands where the API server stands, and a component that asks it by way of a proxy."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from e2e.cluster.kubeconfig import Server
from e2e.faults.proxy import FaultProxy, proxying
from e2e.faults.traffic import Traffic

PODS = "/api/v1/namespaces/here/pods"
WATCH = "/api/v1/pods?watch=true"


class Upstream(ThreadingHTTPServer):
    """Answers every write with 201, and a watch with the lines that it was given."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.came: list[tuple[str, str]] = []
        self.lines: list[bytes] = []
        self.code = 201

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has left: that is what these tests are about."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.came.append((self.command, body.decode()))
        self.send_response_only(self.server.code)
        content = b'{"kind":"Pod"}'
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    def do_GET(self) -> None:
        if "watch" not in self.path:
            self.do_POST()
            return
        self.send_response_only(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in self.server.lines:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def serving() -> Iterator[Upstream]:
    with Upstream() as upstream:
        thread = threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield upstream
        upstream.shutdown()
        thread.join()


class Component:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=5)

    def ask(self, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
        self._connection.request(method, path, body or None)
        return self._connection.getresponse()

    def create(self, name: str, namespace: str = "here") -> int:
        answer = self.ask("POST", PODS.replace("here", namespace), name)
        answer.read()
        return answer.status

    def watch(self) -> bytes:
        """All that comes until the watch ends; raises IncompleteRead with it if the connection breaks."""
        return self.ask("GET", WATCH).read()

    def close(self) -> None:
        self._connection.close()


class Stage:
    """An upstream, a proxy before it, and connections of one component."""

    def __init__(self, upstream: Upstream, proxy: FaultProxy, deaths: list[str]) -> None:
        self.upstream = upstream
        self.proxy = proxy
        self.traffic = proxy.traffic
        self.deaths = deaths
        self._components: list[Component] = []

    def component(self) -> Component:
        self._components.append(Component(self.proxy))
        return self._components[-1]

    def close(self) -> None:
        for component in self._components:
            component.close()


@contextmanager
def staged() -> Iterator[Stage]:
    deaths: list[str] = []
    with serving() as upstream:
        server = Server(f"http://127.0.0.1:{upstream.server_port}", Path("none"))
        with proxying("scheduler", server, Traffic(), lambda: deaths.append("killed")) as proxy:
            stage = Stage(upstream, proxy, deaths)
            yield stage
            stage.close()


def line(name: str, version: int, namespace: str = "here") -> bytes:
    """A line of a watch about a pod."""
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(version)}
    return json.dumps({"type": "MODIFIED", "object": {"kind": "Pod", "metadata": metadata}}).encode() + b"\n"
