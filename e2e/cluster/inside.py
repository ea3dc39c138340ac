"""A cluster in which pods really run: the suite and Jaeger are installed inside it, as a user installs them.

Here runs one process, a `kubectl port-forward` to Jaeger's API, kept by the supervisor.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from e2e.cluster import jaeger
from e2e.cluster.chart import CHARTS, NAMESPACE, RELEASE, Release
from e2e.cluster.client import environment
from e2e.cluster.cluster import Cluster
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.programs import Program
from e2e.cluster.state import Record
from e2e.cluster.status import Row, supervised
from e2e.cluster.supervision import Supervision, answers

OBSERVABILITY: Final = "observability"
JAEGER: Final = "jaeger"
QUERY_PORT: Final = 16686
OTLP_PORT: Final = 4318
FORWARD: Final = "jaeger-forward"
IN_CLUSTER: Final = f"http://{JAEGER}.{OBSERVABILITY}"


class InsideCluster(Cluster):
    """A cluster that runs what it is given."""

    @abstractmethod
    def _suite_image(self) -> tuple[str, str]:
        """Return repository and tag of the suite's image, which the nodes have or can pull."""

    def install(self, values: Mapping[str, Any] | None = None) -> None:
        """Have the suite installed from its chart, as Deployments, and wait until they are ready."""
        repository, tag = self._suite_image()
        image = {"repository": repository, "tag": tag}
        tracing = {"endpoint": f"{IN_CLUSTER}:{OTLP_PORT}", "query": f"{IN_CLUSTER}:{QUERY_PORT}"}
        with self._progress.step("chart and components", self.state.logs):
            self.suite.install({"image": image, "tracing": tracing, **(values or {})})

    @property
    def suite(self) -> Release:
        """The suite's release."""
        return Release(self.client, RELEASE, NAMESPACE, CHARTS / "foosets")

    @property
    def jaeger(self) -> Release:
        """Jaeger's release."""
        return Release(self.client, JAEGER, OBSERVABILITY, CHARTS / "jaeger")

    def status(self) -> list[Row]:
        """Return what runs here for the cluster; what runs inside it, kubectl tells."""
        return supervised(self.supervision)

    def component_log(self, name: str) -> str:
        """Return what a component of the suite has logged, since its pods started."""
        return self.kubectl("logs", f"--namespace={NAMESPACE}", f"deployment/{RELEASE}-{name}")

    def _have_jaeger(self, record: Record) -> Record:
        """Have Jaeger inside, and a port of this machine that leads to its API."""
        self.jaeger.install({})
        if not record.jaeger_query_port:
            (port,) = free_ports(1)
            record = msgspec.structs.replace(record, jaeger_query_port=port)
            self.state.save(record)
        supervision = Supervision(self.state, record)
        known = supervision.programs().get(FORWARD)
        program = self._forward(record, known.generation if known else 0)
        if supervision.pid() is None or known != program:
            supervision.keep(program)
        elif not answers(program.ready_url):
            supervision.restart(program)  # now: by itself it may wait for long, for having failed while Jaeger was away
        supervision.wait_ready(program)
        return record

    def _forward(self, record: Record, generation: int) -> Program:
        kubectl = str(self.state.bin / "kubectl")
        ports = f"{record.jaeger_query_port}:{QUERY_PORT}"
        return Program(
            name=FORWARD,
            argv=(
                kubectl,
                f"--namespace={OBSERVABILITY}",
                "port-forward",
                f"--address={LOOPBACK}",
                f"service/{JAEGER}",
                ports,
            ),
            environment=environment(self.state, record),
            directory=str(self.state.root),
            log=str(self.state.log(FORWARD)),
            ready_url=f"{jaeger.query_url(record)}/api/v3/services",
            generation=generation,
        )
