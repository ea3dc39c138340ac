"""The provider `local`: a cluster made of real control plane processes, without containers and without root.

A simulated node would report the pods of the chart's Deployments as running without running anything. So the release
leaves the Deployments out (`components.run: External`), and the harness runs what they say (see `components`).

`up` brings the cluster to what is asked for from whatever is there: nothing, a half-made cluster, a cluster of which
something died, the cluster itself. `down` leaves no process, port or file, whatever was killed before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from e2e.cluster import controlplane, jaeger, nodes, processes, toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.chart import CHART, NAMESPACE, RELEASE, Release
from e2e.cluster.cluster import Cluster
from e2e.cluster.components import Component, programs
from e2e.cluster.errors import ClusterError
from e2e.cluster.nodes import Shape
from e2e.cluster.ports import free_ports
from e2e.cluster.progress import Progress
from e2e.cluster.rendered import components
from e2e.cluster.state import Record
from e2e.cluster.status import Row, rows
from e2e.cluster.supervision import Supervision
from e2e.cluster.tuning import Tuning


class LocalCluster(Cluster):
    """One cluster of processes."""

    provider = "local"
    tools = toolchain.LOCAL_TOOLS

    def __init__(
        self, root: Path, *, progress: Progress | None = None, chart: Path = CHART, tuning: Tuning | None = None
    ) -> None:
        super().__init__(root, progress=progress)
        self._chart = chart
        self._tuning = tuning or Tuning()

    # ------------------------------------------------------------------------------------- up and down

    def up(self, *, node_count: int = 10, shape: Shape | None = None, with_jaeger: bool = True) -> None:
        """Have a control plane, that many nodes, and Jaeger; a second call repairs what died and is quick."""
        binaries = self.binaries  # before the state: a build that fails leaves nothing behind
        with self.state.locked(create=True):
            record = self.state.begin(self.provider)
            self._link_programs()
            with self._progress.step("control plane", self.state.logs):
                record = self._have_control_plane(record, binaries)
            with self._progress.step(f"{node_count} simulated nodes"):
                nodes.scale(self.client, node_count, shape or Shape())
            if with_jaeger:
                with self._progress.step("Jaeger", self.state.log(jaeger.NAME)):
                    self._have_jaeger(record, binaries)

    # -------------------------------------------------------------------------------------- components

    def install(self, values: Mapping[str, Any] | None = None) -> None:
        """Install our chart and run what its Deployments say."""
        self.install_chart(values)
        self.start_components(values)

    def install_chart(self, values: Mapping[str, Any] | None = None) -> None:
        """Install or upgrade our chart, without its Deployments."""
        with self._progress.step("chart"):
            self._release.install(_running(values or {}, "External"))

    def start_components(self, values: Mapping[str, Any] | None = None) -> None:
        """Run each component of the rendered chart as a process, and wait until all are ready."""
        rendered = components(self._release.render(_running(values or {}, "Deployments")), NAMESPACE)
        if not rendered:
            raise ClusterError(f"the chart {self._chart} renders no component")
        supervision = self.supervision
        with self._progress.step(f"components: {', '.join(one.name for one in rendered)}", self.state.logs):
            started = programs(rendered, supervision)
            supervision.keep(*started)
            for program in started:
                supervision.wait_ready(program)

    def component(self, name: str) -> Component:
        """Return a component that was started."""
        return Component(name, self.supervision)

    def component_log(self, name: str) -> str:
        """Return what a component of the suite has logged, since the cluster is up."""
        return self.component(name).log.read_text(encoding="utf-8")

    # --------------------------------------------------------------------------------------- the parts

    @property
    def audit_log(self) -> Path:
        """What the API server was asked, one JSON object a line."""
        return self.state.log("audit")

    @property
    def otlp_endpoint(self) -> str:
        """Where spans are sent."""
        return jaeger.otlp_endpoint(self.record)

    def status(self) -> list[Row]:
        """Return what runs."""
        return rows(self.state, self.record)

    # ------------------------------------------------------------------------------------------ inside

    @property
    def _release(self) -> Release:
        return Release(self.client, RELEASE, NAMESPACE, self._chart)

    def _discard(self, record: Record) -> None:
        """Its processes and its directory are all there is."""

    def _have_control_plane(self, record: Record, binaries: Binaries) -> Record:
        if record.control_plane:
            controlplane.write_kubeconfig(self.state, record)
        else:
            processes.kill_all(record.id)
            controlplane.discard(self.state)
            server = controlplane.create(self.state, record, binaries, self._tuning)
            record = msgspec.structs.replace(record, server=server, control_plane=True)
            self.state.save(record)
        controlplane.until_ready(self.state, record, binaries, self.client)
        return record

    def _have_jaeger(self, record: Record, binaries: Binaries) -> None:
        if not record.otlp_port:
            query, otlp = free_ports(2)
            record = msgspec.structs.replace(record, jaeger_query_port=query, otlp_port=otlp)
            self.state.save(record)
        supervision = Supervision(self.state, record)
        program = jaeger.program(self.state, record, binaries)
        if supervision.pid() is None or supervision.programs().get(jaeger.NAME) != program:
            supervision.keep(program)
        supervision.wait_ready(program)


def _running(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return values that say where the components run."""
    return {**values, "components": {**values.get("components", {}), "run": where}}
