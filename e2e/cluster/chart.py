"""Our chart in the cluster: everything but its Deployments installed, the Deployments rendered.

A simulated node would report the Deployments' pods as running without running anything. So the release leaves them
out (`components.run: External`), and the harness runs what they say (see `components`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.cluster.client import Client
from e2e.cluster.errors import ClusterError
from e2e.cluster.rendered import Rendered, components
from e2e.cluster.state import replace

RELEASE: Final = "foosets"
NAMESPACE: Final = "foosets-system"
CHART: Final = Path(__file__).resolve().parents[2] / "charts" / "foosets"


@dataclass(frozen=True, slots=True)
class Release:
    """The chart, as installed with some values."""

    client: Client
    chart: Path = CHART

    def install(self, values: Mapping[str, Any]) -> None:
        """Install or upgrade the release, without its Deployments; doing it again changes nothing."""
        if not self.chart.is_dir():
            raise ClusterError(f"there is no chart at {self.chart}", hint="without it: `up --no-components`")
        self.client.apply(_namespace())
        self._forget_interrupted()
        options = self._options(values, run="External")
        apply = ("--server-side=true", "--force-conflicts", "--history-max=2")
        self.client.helm("upgrade", "--install", RELEASE, str(self.chart), *options, *apply)

    def render(self, values: Mapping[str, Any]) -> list[Rendered]:
        """Return the components as the chart's Deployments describe them."""
        options = self._options(values, run="Deployments")
        # The server is asked what it serves, as `install` does: the chart decides by that what components do.
        manifests = self.client.helm("template", RELEASE, str(self.chart), *options, "--dry-run=server")
        return components(manifests, NAMESPACE)

    def _forget_interrupted(self) -> None:
        """Remove the record of an operation whose helm was killed: helm takes it for one that is still under way."""
        unfinished = "owner=helm,status in (pending-install,pending-upgrade)"
        self.client.kubectl("delete", "secret", f"--namespace={NAMESPACE}", f"--selector={unfinished}")

    def _options(self, values: Mapping[str, Any], *, run: str) -> tuple[str, ...]:
        merged = {**values, "components": {**values.get("components", {}), "run": run}}
        file = self.client.state.root / f"values-{run.lower()}.json"
        replace(file, json.dumps(merged))
        return (f"--namespace={NAMESPACE}", f"--values={file}")


def _namespace() -> dict[str, Any]:
    """Return the release's namespace, at the level of pod security that the components are made for."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
