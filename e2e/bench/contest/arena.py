"""The cluster that all compete on: a control plane whose clients are not throttled, and the suite, in and out.

All that the rivals share is set here. Nobody who competes is an administrator, whose requests pass by priority and
fairness; only KWOK is, which stands for a thousand kubelets alike in all runs. There is no audit log and no trace. The
suite is there, processes and admission policies, while it competes, and at no other time; kube-controller-manager and
kube-scheduler are always there, as in any cluster.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from e2e.bench.contest.cpu import Pids
from e2e.cluster import controlplane, kubeconfig
from e2e.cluster.chart import NAMESPACE
from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.local import LocalCluster
from e2e.cluster.nodes import Shape
from e2e.cluster.processes import MARK
from e2e.cluster.progress import Progress
from e2e.cluster.tuning import Tuning
from foosets.api.names import Component

UNLIMITED: Final = {"kube-api-qps": "100000", "kube-api-burst": "100000"}
BUSY: Final = "32"
"""Workers of a controller, as many as our writers."""
FLAGS: Final = {
    "kube-scheduler": UNLIMITED,
    "kube-controller-manager": {
        **UNLIMITED,
        "concurrent-job-syncs": BUSY,
        "concurrent-deployment-syncs": BUSY,
        "concurrent-replicaset-syncs": BUSY,
    },
}
NODE: Final = Shape(cpu="4", memory="16Gi", pods=110)
"""Eight of the pods fit on it."""
USER: Final = "bench"
TOKEN_SECONDS: Final = 4 * 3600
POLICIES: Final = tuple(
    f"{kind}admission{what}" for kind in ("mutating", "validating") for what in ("policybindings", "policies")
)
VALUES: Final[Mapping[str, Any]] = {"policies": {"enabled": True, "schedulerName": "Policy"}}


class Arena:
    """One cluster in a directory of its own; `up` before anything else, `down` at the end."""

    def __init__(self, root: Path, progress: Progress | None = None) -> None:
        tuning = Tuning(flags=FLAGS, audited=False, own_identities=True)
        self.cluster = LocalCluster(root, progress=progress, tuning=tuning)
        self._suite = False

    def up(self, nodes: int) -> None:
        """Bring the cluster up, with the suite installed but not there."""
        self.cluster.up(node_count=nodes, shape=NODE, with_jaeger=False)
        self._admit_user()
        self.have_suite(present=True)
        self.have_suite(present=False)

    def down(self) -> None:
        """Take the cluster down."""
        self.cluster.down()

    @property
    def kubeconfig(self) -> Path:
        """Of the user who asks for pods, and records what became of it."""
        return self.cluster.state.root / "bench.kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to work for that user, as one of the cluster's processes."""
        return {"KUBECONFIG": str(self.kubeconfig), MARK: self.cluster.record.id}

    def have_suite(self, *, present: bool) -> None:
        """Have the suite's processes and admission policies there, or not; what it owns stays."""
        if present and not self._suite:
            self.cluster.install(VALUES)
        if not present and self._suite:
            for component in Component:
                self.cluster.component(component).stop()
            self.cluster.kubectl("delete", ",".join(POLICIES), "--selector=app.kubernetes.io/name=foosets")
        self._suite = present

    def pids(self) -> Pids:
        """Return who competes and who serves: the control plane, KWOK, and the suite while it is there."""
        state = self.cluster.state
        control_plane = {name: controlplane.pid_of(state, name) for name in controlplane.PROCESSES}
        suite = {str(one): self.cluster.component(one).life.pid for one in Component} if self._suite else {}
        return {name: pid for name, pid in {**control_plane, **suite}.items() if pid is not None}

    def _admit_user(self) -> None:
        """Let a ServiceAccount do everything: what it may is no matter here, but that it is no administrator."""
        cluster, account = self.cluster, {"name": USER, "namespace": NAMESPACE}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        cluster.client.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": USER},
                "roleRef": role,
                "subjects": [{"kind": "ServiceAccount", **account}],
            },
        )
        token = cluster.state.root / "bench.token"
        token.write_text(
            cluster.kubectl("create", "token", USER, f"--namespace={NAMESPACE}", f"--duration={TOKEN_SECONDS}s").strip()
        )
        server = Server(cluster.record.server, controlplane.authority(cluster.state))
        kubeconfig.write(self.kubeconfig, USER, server, Credentials(token_file=token))
