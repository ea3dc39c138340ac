"""The provider `existing`: a cluster that somebody else made, named by its context.

    CLUSTER=existing CONTEXT=staging SUITE_IMAGE=registry.example/foosets:0.1.0 make demo

Nothing is made but two releases, in namespaces of their own, and nothing else is taken down. The nodes must be able to
pull the suite's image and Jaeger's. CustomResourceDefinitions, and so users' sets, stay.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import yaml

from e2e.cluster import kubeconfig, toolchain
from e2e.cluster.chart import Release
from e2e.cluster.client import EXISTING, Client
from e2e.cluster.errors import ClusterError
from e2e.cluster.inside import InsideCluster
from e2e.cluster.progress import Progress
from e2e.cluster.state import Record, replace

CONTEXT: Final = "CONTEXT"
IMAGE: Final = "SUITE_IMAGE"
KUBECTL_SECONDS: Final = 30.0


class ExistingCluster(InsideCluster):
    """One cluster of the user's."""

    provider = EXISTING
    tools = (toolchain.KUBECTL, toolchain.HELM)

    def __init__(self, root: Path, *, environ: Mapping[str, str], progress: Progress | None = None) -> None:
        super().__init__(root, progress=progress)
        self._environ = environ

    def up(self) -> None:
        """Have Jaeger in the cluster that CONTEXT names."""
        context = self._named(CONTEXT, "the context of your kubeconfig to use")
        _ = self.binaries
        with self.state.locked(create=True):
            record = self.state.begin(self.provider)
            self._link_programs()
            record = self._adopt(record, context)
            with self._progress.step("Jaeger"):
                self._have_jaeger(record)

    def _adopt(self, record: Record, context: str) -> Record:
        """Write the administrator's kubeconfig: a copy of that one context, under the cluster's own name."""
        command = (str(self.binaries[toolchain.KUBECTL]), "config", "view", "--raw", "--minify", "--flatten")
        done = subprocess.run(
            [*command, f"--context={context}"],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"{CONTEXT}={context}: {done.stderr.strip()}", hint="kubectl config get-contexts")
        config = yaml.safe_load(done.stdout)
        server = str(config["clusters"][0]["cluster"]["server"])
        if record.control_plane and record.server != server:
            raise ClusterError(
                f"{self.state.root} belongs to {record.server}, and the context {context} leads to {server}",
                hint="take it down first: python -m e2e.cluster down",
            )
        replace(self.state.kubeconfig, yaml.safe_dump(kubeconfig.renamed(config, kubeconfig.context_name(record))))
        record = msgspec.structs.replace(record, server=server, control_plane=True)
        self.state.save(record)
        return record

    def _suite_image(self) -> tuple[str, str]:
        image = self._named(IMAGE, "the suite's image, with its tag, where the nodes can pull it")
        repository, colon, tag = image.rpartition(":")
        if not colon or "/" in tag:
            raise ClusterError(f"{IMAGE}={image} has no tag")
        return repository, tag

    def _discard(self, record: Record) -> None:
        """Uninstall both releases; the definitions stay, since deleting them deletes every user's sets."""
        if record.control_plane:
            client = Client(self.binaries, self.state, record)
            for release in (self.suite, self.jaeger):
                Release(client, release.name, release.namespace, release.chart).uninstall()

    def _named(self, variable: str, meaning: str) -> str:
        value = self._environ.get(variable)
        if not value:
            raise ClusterError(f"CLUSTER=existing needs {variable}: {meaning}")
        return value
