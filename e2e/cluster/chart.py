"""A chart of this repository as a release in the cluster, installed as a user installs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.cluster.client import Client
from e2e.cluster.errors import ClusterError
from e2e.cluster.state import replace

RELEASE: Final = "foosets"
NAMESPACE: Final = "foosets-system"
CHARTS: Final = Path(__file__).resolve().parents[2] / "charts"
CHART: Final = CHARTS / "foosets"
READY_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Release:
    """A chart under a name, in a namespace of its own."""

    client: Client
    name: str
    namespace: str
    chart: Path

    def install(self, values: Mapping[str, Any]) -> None:
        """Install or upgrade the release and wait until it is ready; doing it again changes nothing."""
        if not self.chart.is_dir():
            raise ClusterError(f"there is no chart at {self.chart}", hint="without it: `up --no-components`")
        self.client.apply(self._restricted_namespace())
        self._forget_interrupted()
        apply = ("--server-side=true", "--force-conflicts", "--history-max=2")
        wait = ("--wait", f"--timeout={READY_SECONDS}s")
        options = (*self._options(values), *apply, *wait)
        self.client.helm("upgrade", "--install", self.name, str(self.chart), *options, seconds=READY_SECONDS + 30)

    def render(self, values: Mapping[str, Any]) -> str:
        """Return what `install` would send, as YAML documents."""
        # The server is asked what it serves, as `install` does: the chart decides by that what components do.
        return self.client.helm("template", self.name, str(self.chart), *self._options(values), "--dry-run=server")

    def uninstall(self) -> None:
        """Uninstall the release, if it is there."""
        self.client.helm("uninstall", self.name, f"--namespace={self.namespace}", "--ignore-not-found", "--wait")

    def _forget_interrupted(self) -> None:
        """Remove the record of an operation whose helm was killed: helm takes it for one that is still under way."""
        unfinished = f"owner=helm,name={self.name},status in (pending-install,pending-upgrade)"
        self.client.kubectl("delete", "secret", f"--namespace={self.namespace}", f"--selector={unfinished}")

    def _options(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        file = self.client.state.root / f"values-{self.name}.json"
        replace(file, json.dumps(values))
        return (f"--namespace={self.namespace}", f"--values={file}")

    def _restricted_namespace(self) -> dict[str, Any]:
        """Return the release's namespace, at the level of pod security that our charts are made for."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
