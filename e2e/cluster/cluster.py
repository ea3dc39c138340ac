"""What every provider gives: one cluster, in one state directory of its own, and what is asked of it."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from e2e.cluster import jaeger, processes, toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.client import Client
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress
from e2e.cluster.state import Record, StateDirectory
from e2e.cluster.status import Row
from e2e.cluster.supervision import Supervision
from e2e.cluster.toolchain import Tool

NO_CLUSTER: Final = "there is no cluster in {}"
START: Final = "python -m e2e.cluster up"
PLUGIN: Final = Path(sys.executable).with_name("kubectl-foo")
"""kubectl runs it for `kubectl foo`; it is installed beside the Python that runs this."""


class Cluster(ABC):
    """One cluster. `up`, `install` and `down` may be repeated, and bring it to what is asked for from whatever is."""

    provider: ClassVar[str]
    tools: ClassVar[tuple[Tool, ...]]
    """The programs that the provider needs, kubectl and helm among them."""

    def __init__(self, root: Path, *, progress: Progress | None = None) -> None:
        self.state = StateDirectory(root.absolute())
        self._progress = progress or Progress(quiet=True)
        self._binaries: Binaries | None = None

    @abstractmethod
    def up(self) -> None:
        """Have a cluster, and Jaeger."""

    @abstractmethod
    def install(self, values: Mapping[str, Any] | None = None) -> None:
        """Have the suite installed from its chart, with these values, and ready."""

    @abstractmethod
    def status(self) -> list[Row]:
        """Return what runs."""

    @abstractmethod
    def component_log(self, name: str) -> str:
        """Return what a component of the suite has logged."""

    def down(self) -> int:
        """Remove the cluster, as far as it was made here, and its directory; return how many processes there were."""
        with self.state.locked(create=False) as exists:
            if not exists:
                return 0
            record = self.state.load()
            if record is None:
                self.state.remove_unused()
                return 0
            self.state.require(record, self.provider)
            with self._progress.step("taking the cluster down"):
                Supervision(self.state, record).end()
                killed = processes.kill_all(record.id)
                self._discard(record)
                self.state.remove()
            return killed

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
            self._binaries = Binaries.find(self._progress, tools=self.tools)
        return self._binaries

    @property
    def client(self) -> Client:
        """Kubectl and helm."""
        return Client(self.binaries, self.state, self.record)

    @property
    def supervision(self) -> Supervision:
        """The supervisor of what runs as a process of this machine."""
        return Supervision(self.state, self.record)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig

    @property
    def jaeger_query_url(self) -> str:
        """Where traces are asked for: `/api/v3` is below it."""
        return jaeger.query_url(self.record)

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Run kubectl as the administrator and return what it printed."""
        return self.client.kubectl(*args, stdin=stdin)

    def have_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Have a namespace in which pods can be created, as the administrator."""
        self.client.have_namespace(name, labels)

    def helm(self, *args: str) -> str:
        """Run helm as the administrator and return what it printed."""
        return self.client.helm(*args)

    # ------------------------------------------------------------------------------------ for providers

    @abstractmethod
    def _discard(self, record: Record) -> None:
        """Remove what the cluster consists of beside its processes and its directory."""

    def _link_programs(self) -> None:
        """Give the user (and the supervisor) kubectl, its plugin and helm under names that do not change."""
        self.state.bin.mkdir(exist_ok=True)
        programs = {tool.name: self.binaries[tool] for tool in (toolchain.KUBECTL, toolchain.HELM)}
        for name, program in {**programs, PLUGIN.name: PLUGIN}.items():
            link = self.state.bin / name
            link.unlink(missing_ok=True)
            link.symlink_to(program)
