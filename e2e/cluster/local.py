"""The provider `local`: a cluster made of real control plane processes, without containers and without root.

`up` brings the cluster to what is asked for from whatever is there: nothing, a half-made cluster, a cluster of which
something died, the cluster itself. `down` leaves no process, port or file, whatever was killed before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from e2e.cluster import controlplane, jaeger, nodes, processes, toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.chart import CHART, Release
from e2e.cluster.client import Client
from e2e.cluster.components import Component, programs
from e2e.cluster.errors import ClusterError
from e2e.cluster.nodes import Shape
from e2e.cluster.ports import free_ports
from e2e.cluster.progress import Progress
from e2e.cluster.state import Record, StateDirectory
from e2e.cluster.status import Row, rows
from e2e.cluster.supervision import Supervision

NO_CLUSTER: Final = "there is no cluster in {}"
START: Final = "python -m e2e.cluster up"


class LocalCluster:
    """One cluster, in one state directory of its own."""

    def __init__(self, root: Path, *, progress: Progress | None = None, chart: Path = CHART) -> None:
        self.state = StateDirectory(root.absolute())
        self._progress = progress or Progress(quiet=True)
        self._chart = chart
        self._binaries: Binaries | None = None

    # ------------------------------------------------------------------------------------- up and down

    def up(self, *, node_count: int = 10, shape: Shape | None = None, with_jaeger: bool = True) -> None:
        """Have a control plane, that many nodes, and Jaeger; a second call repairs what died and is quick."""
        binaries = self.binaries  # before the state: a build that fails leaves nothing behind
        with self.state.locked(create=True):
            record = self.state.begin()
            self._link_programs(binaries)
            with self._progress.step("control plane", self.state.logs):
                record = self._have_control_plane(record, binaries)
            with self._progress.step(f"{node_count} simulated nodes"):
                nodes.scale(self.client, node_count, shape or Shape())
            if with_jaeger:
                with self._progress.step("Jaeger", self.state.log(jaeger.NAME)):
                    self._have_jaeger(record, binaries)

    def down(self) -> int:
        """End every process of the cluster and remove its directory; return how many processes there were."""
        with self.state.locked(create=False) as exists:
            if not exists:
                return 0
            record = self.state.load()
            if record is None:
                self.state.remove_unused()
                return 0
            with self._progress.step("taking the cluster down"):
                Supervision(self.state, record).end()
                killed = processes.kill_all(record.id)
                self.state.remove()
            return killed

    # -------------------------------------------------------------------------------------- components

    def install_chart(self, values: Mapping[str, Any] | None = None) -> None:
        """Install or upgrade our chart, without its Deployments."""
        with self._progress.step("chart"):
            self._release.install(values or {})

    def start_components(self, values: Mapping[str, Any] | None = None) -> None:
        """Run each component of the rendered chart as a process, and wait until all are ready."""
        rendered = self._release.render(values or {})
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

    # --------------------------------------------------------------------------------------- the parts

    @property
    def record(self) -> Record:
        """What is known about the cluster; there must be one."""
        record = self.state.load()
        if record is None or not record.control_plane:
            raise ClusterError(NO_CLUSTER.format(self.state.root), hint=START)
        return record

    @property
    def binaries(self) -> Binaries:
        """The programs, found or built once."""
        if self._binaries is None:
            self._binaries = Binaries.find(self._progress)
        return self._binaries

    @property
    def client(self) -> Client:
        """Kubectl and helm."""
        return Client(self.binaries, self.state, self.record)

    @property
    def supervision(self) -> Supervision:
        """The supervisor of Jaeger and the components."""
        return Supervision(self.state, self.record)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig

    @property
    def audit_log(self) -> Path:
        """What the API server was asked, one JSON object a line."""
        return self.state.log("audit")

    @property
    def jaeger_query_url(self) -> str:
        """Where traces are asked for: `/api/v3` is below it."""
        return jaeger.query_url(self.record)

    @property
    def otlp_endpoint(self) -> str:
        """Where spans are sent."""
        return jaeger.otlp_endpoint(self.record)

    def status(self) -> list[Row]:
        """Return what runs."""
        return rows(self.state, self.record)

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Run kubectl as the administrator and return what it printed."""
        return self.client.kubectl(*args, stdin=stdin)

    def helm(self, *args: str) -> str:
        """Run helm as the administrator and return what it printed."""
        return self.client.helm(*args)

    # ------------------------------------------------------------------------------------------ inside

    @property
    def _release(self) -> Release:
        return Release(self.client, self._chart)

    def _have_control_plane(self, record: Record, binaries: Binaries) -> Record:
        if record.control_plane:
            controlplane.repair(self.state, record, binaries)
            controlplane.write_kubeconfig(self.state, record)
        else:
            processes.kill_all(record.id)
            controlplane.discard(self.state)
            server = controlplane.create(self.state, record, binaries)
            record = msgspec.structs.replace(record, server=server, control_plane=True)
            self.state.save(record)
        controlplane.require_ready(self.client)
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

    def _link_programs(self, binaries: Binaries) -> None:
        """Give the user (and the supervisor) kubectl and helm under names that do not change."""
        self.state.bin.mkdir(exist_ok=True)
        for tool in (toolchain.KUBECTL, toolchain.HELM):
            link = self.state.bin / tool.name
            link.unlink(missing_ok=True)
            link.symlink_to(binaries[tool])
