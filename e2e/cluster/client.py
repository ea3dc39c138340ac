"""kubectl and helm, as the administrator of the one cluster that the harness made."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.cluster import toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import refuse_foreign
from e2e.cluster.processes import MARK
from e2e.cluster.state import Record, StateDirectory

TIMEOUT_SECONDS: Final = 120.0
POPULATED_WITHIN: Final = 60.0
"""Seconds until a new namespace has its default ServiceAccount."""
EXISTING: Final = "existing"
"""The provider whose clusters are the user's."""
USERS: Final = frozenset({"PATH", "HOME", "LANG"})


@dataclass(frozen=True, slots=True)
class Client:
    """Runs one command at a time; a command that fails raises ClusterError with what it printed."""

    binaries: Binaries
    state: StateDirectory
    record: Record

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Run kubectl and return what it printed."""
        return self._run(toolchain.KUBECTL, args, stdin)

    def get(self, *args: str) -> Any:
        """Run `kubectl get ... -o json` and return the object."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects on the server's side, as the harness."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", "--field-manager=e2e", "-f", "-", stdin=json.dumps(listed)
        )

    def have_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Have a namespace in which pods can be created.

        A new one refuses them until the controller manager has given it its default ServiceAccount, which takes as
        long as that controller has other work, or has not begun.
        """
        metadata = {"name": name, "labels": labels or {}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", f"--timeout={POPULATED_WITHIN:.0f}s")

    def helm(self, *args: str, seconds: float = TIMEOUT_SECONDS) -> str:
        """Run helm and return what it printed."""
        return self._run(toolchain.HELM, args, seconds=seconds)

    def _run(
        self, tool: toolchain.Tool, args: tuple[str, ...], stdin: str = "", seconds: float = TIMEOUT_SECONDS
    ) -> str:
        refuse_foreign(self.state, self.record)
        try:
            done = subprocess.run(
                [str(self.binaries[tool]), *args],
                env=environment(self.state, self.record),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{tool.name} {' '.join(args)} took longer than {seconds:.0f} s") from error
        if done.returncode:
            raise ClusterError(f"{tool.name} {' '.join(args)} failed:\n{done.stderr.strip()}")
        return done.stdout


def environment(state: StateDirectory, record: Record) -> dict[str, str]:
    """Return the environment of a program that works for the cluster: marked, and all its files in the state.

    Nothing else of the user's environment goes in but PATH: no other kubeconfig, no plugin, no proxy. A cluster of the
    user's own is the exception, since what proves him there may be a program that needs all of it.
    """
    home = str(state.root / "home")
    own = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "LANG": "C.UTF-8",
        MARK: record.id,
        "KUBECONFIG": str(state.kubeconfig),
        "KUBECACHEDIR": str(Path(home, "kube")),
        "HELM_CACHE_HOME": str(Path(home, "helm", "cache")),
        "HELM_CONFIG_HOME": str(Path(home, "helm", "config")),
        "HELM_DATA_HOME": str(Path(home, "helm", "data")),
    }
    return {**own, **os.environ, **_ours(own)} if record.provider == EXISTING else own


def _ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what is the cluster's own: all but what a process has from its user."""
    return {name: value for name, value in variables.items() if name not in USERS}
