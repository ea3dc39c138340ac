"""The suite's components, each behind a proxy of its own and started again when it was killed; and a recording."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

from e2e import audit
from e2e.apiserver import ApiServer
from e2e.cluster import controlplane
from e2e.cluster.components import Component
from e2e.cluster.kubeconfig import Server
from e2e.cluster.local import LocalCluster
from e2e.expected import Family
from e2e.faults.proxy import proxying
from e2e.faults.traffic import Traffic
from e2e.invariants.history import At, History, Violation
from e2e.invariants.judge import judge
from e2e.invariants.recorder import Recorder, recording
from e2e.sweep import tracing
from e2e.sweep.scene import NAME, Scene
from e2e.traces import Jaeger
from foosets.api import names

LAG_SECONDS: Final = 15.0
"""How far behind the placers' caches may be: as long as a component takes to start again on a busy machine."""

REVIVED_WITHIN: Final = 120.0
"""Seconds until a component is ready again: long, since many runs share the machine, and nothing is judged by it."""


class Stage:
    """A cluster whose components reach their API server by way of proxies. Called from many threads."""

    def __init__(self, cluster: LocalCluster, components: Mapping[str, Component], pool: ThreadPoolExecutor) -> None:
        self.traffic = Traffic()
        self._cluster = cluster
        self._components = components
        self._pool = pool
        self._lock = threading.Lock()
        self._revivals: dict[str, Future[None]] = {}
        self._recorder: Recorder | None = None

    def connect(self) -> ApiServer:
        """Return a connection as the administrator, which passes no proxy."""
        return ApiServer.of(self._cluster.kubeconfig)

    def kill(self, name: str) -> None:
        """Kill a component, and see to it that it is started again, without the pause that the supervisor makes."""
        self._components[name].kill()
        self._revivals[name] = self._pool.submit(self._revive, name)

    def is_alive(self, name: str) -> bool:
        """Whether a component is ready; raises what kept it from becoming ready again."""
        revival = self._revivals.get(name)
        if revival is None or not revival.done():
            return revival is None
        revival.result()
        return True

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what happens within a `with` block, so that it can be judged; a block inside records anew."""
        before = self._recorder
        try:
            with recording(self._cluster.kubeconfig) as self._recorder:
                yield
        finally:
            self._recorder = before

    def judge(self, namespace: str, resent: int) -> list[Violation]:
        """Return which invariants do not hold in a namespace that is at rest, of what was recorded."""
        assert self._recorder is not None
        at = At(rest=datetime.now(UTC), lag=LAG_SECONDS, resent=resent)  # noqa: TID251 - the harness's own time
        with self._lock:
            versions = self._recorder.until_now()
        return judge(History.of(versions, audit.writes(self._cluster.audit_log, namespace), namespace=namespace), at)

    def flaws(self, scene: Scene) -> list[str]:
        """Return what is wrong with the trace of a scene's FooSet."""
        family = Family.of(scene.server, scene.namespace, NAME)
        return tracing.flaws(Jaeger(self._cluster.jaeger_query_url), family)

    def _revive(self, name: str) -> None:
        with self._lock:  # what shall run is one file
            self._components[name].restart()
        component = self._components[name]
        component.supervision.wait_ready(component.program, REVIVED_WITHIN)


@contextmanager
def staged(cluster: LocalCluster) -> Iterator[Stage]:
    """Put a proxy before each component for the length of a `with` block; all of them are started anew twice."""
    server = Server(cluster.record.server, controlplane.authority(cluster.state))
    components = {name: cluster.component(name) for name in map(str, names.Component)}
    with ThreadPoolExecutor(len(components)) as pool, ExitStack() as proxies:
        stage = Stage(cluster, components, pool)
        urls = {
            name: proxies.enter_context(proxying(name, server, stage.traffic, partial(stage.kill, name))).url
            for name in components
        }
        _start(components, {name: Server(url, server.authority) for name, url in urls.items()})
        try:
            yield stage
        finally:
            _start(components, {})


def _start(components: Mapping[str, Component], servers: Mapping[str, Server]) -> None:
    for name, component in components.items():
        component.start(servers.get(name))
    for component in components.values():
        component.wait_ready()
