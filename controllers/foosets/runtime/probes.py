"""/livez, /readyz and /metrics, answered by a thread of their own.

A handler on the event loop would answer only while the loop is well, and then say so. The thread looks at the loop
from outside: it is alive while its heartbeat is fresh and every watch has shown a sign of life.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server

import anyio
from prometheus_client import CollectorRegistry, exposition

from foosets.api.meta import Resource
from foosets.kube.watch import Reflector
from foosets.runtime.metrics import Metrics

HEARTBEAT_SECONDS: Final = 1.0
STALE_HEARTBEAT_SECONDS: Final = 30.0
"""A loop that has not run for this long hangs."""
SILENT_WATCH_SECONDS: Final = 300.0
"""A watch without a sign of life for this long, re-lists included, makes the process unhealthy."""


@dataclass
class Health:
    """What the probes look at.

    `checks` name what must hold for liveness and say what does not, or return "", and `preparations` for readiness.
    A process that stands by is ready: its caches are filled, and it can have the lease when it is free.
    """

    ready: bool = False
    beat: float = field(default_factory=time.monotonic)
    checks: list[Callable[[], str]] = field(default_factory=list[Callable[[], str]])
    preparations: list[Callable[[], str]] = field(default_factory=list[Callable[[], str]])

    async def heartbeat(self) -> None:
        """Show that the event loop runs, until cancelled."""
        while True:
            self.beat = time.monotonic()
            await anyio.sleep(HEARTBEAT_SECONDS)

    def complaints(self) -> list[str]:
        """Return what is wrong; empty when the process is alive."""
        lag = time.monotonic() - self.beat
        stale = [f"the event loop has not run for {lag:.0f} s"] if lag > STALE_HEARTBEAT_SECONDS else []
        return stale + _said(self.checks)

    def preparing(self) -> list[str]:
        """Return what is still missing; empty when the process is ready."""
        return _said(self.preparations) if self.ready else ["the caches have not synced yet"]


def freshness(resource: Resource, reflector: Reflector[Any], monotonic: Callable[[], float]) -> Callable[[], str]:
    """Return a check that a watch shows signs of life from now on."""
    begun = monotonic()

    def check() -> str:
        # the probe's thread has no event loop to ask; the loop's clock is this one
        silent = monotonic() - max(begun, reflector.statistics().last_contact)
        return f"no sign of life of {resource.plural} for {silent:.0f} s" if silent > SILENT_WATCH_SECONDS else ""

    return check


def _said(checks: list[Callable[[], str]]) -> list[str]:
    return [complaint for check in checks if (complaint := check())]


@contextmanager
def serving(host: str, port: int, health: Health, metrics: Metrics) -> Generator[int]:
    """Serve the three pages while the block runs; yields the port. Raises OSError if the port is taken."""
    server = make_server(host, port, _app(health, metrics), exposition.ThreadingWSGIServer, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    """Answers without a line a request on standard error."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Log nothing."""


_WsgiApp = Callable[..., Iterable[bytes]]


def _app(health: Health, metrics: Metrics) -> Callable[..., Iterable[bytes]]:
    make_app = cast("Callable[[CollectorRegistry], _WsgiApp]", vars(exposition)["make_wsgi_app"])  # half untyped
    metrics_app = make_app(metrics.registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics_app(environ, start_response)
            case "/livez":
                complaints = health.complaints()
            case "/readyz":
                complaints = health.preparing()
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"not found\n"]
        start_response("503 Service Unavailable" if complaints else "200 OK", [("Content-Type", "text/plain")])
        return ["\n".join(complaints or ["ok"]).encode() + b"\n"]

    return answer
