"""The provider `kind`: real kubelets and containers, in nodes that are containers themselves.

`up` brings the cluster to what is asked for from whatever is there, as the provider `local` does: nothing, one that
was being made, one whose node containers were stopped, the cluster itself. `down` removes the nodes and the state;
images stay with the engine, as a cache.
"""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from e2e.cluster import images, kubeconfig, toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.engine import Engine
from e2e.cluster.errors import ClusterError
from e2e.cluster.inside import InsideCluster
from e2e.cluster.leash import leashed
from e2e.cluster.processes import MARK
from e2e.cluster.progress import Progress
from e2e.cluster.state import Record, replace

NODE_IMAGE: Final = "KIND_NODE_IMAGE"
"""The environment variable that names the nodes' image; unset: kind's own default."""
ROLES: Final = ("control-plane", "worker", "worker")
WORKERS: Final = ("worker", "worker2")
"""How kind calls the second and the third of these, after the cluster's name."""
READY_SECONDS: Final = 120
POLL_SECONDS: Final = 0.5
CREATE_SECONDS: Final = 600.0
COMMAND_SECONDS: Final = 180.0
AUDIT_POLICY: Final = Path(__file__).with_name("audit-policy.yaml")
AUDIT_DIRECTORY: Final = "/var/log/kubernetes"
POLICY_IN_NODE: Final = "/etc/kubernetes/audit-policy.yaml"
NO_ENGINE: Final = "no container engine answers"
CREATE_HINT: Final = f"if the nodes' image cannot be pulled, name another in {NODE_IMAGE}, or take CLUSTER=local"
ENGINE_HINT: Final = "start docker, or take CLUSTER=local, which needs none"


class KindCluster(InsideCluster):
    """One cluster of containers."""

    provider = "kind"
    tools = (toolchain.KUBECTL, toolchain.HELM, toolchain.KIND)

    def __init__(self, root: Path, *, progress: Progress | None = None, engine: Engine | None = None) -> None:
        super().__init__(root, progress=progress)
        self.engine = engine or Engine()

    def up(self) -> None:
        """Have one control-plane node, two workers, the suite's image in them, and Jaeger."""
        self._require_engine()
        _ = self.binaries  # before the state: a build that fails leaves nothing behind
        with self.state.locked(create=True):
            record = self.state.begin(self.provider)
            self._link_programs()
            with self._progress.step(f"{len(ROLES)} nodes", self._log):
                record = self._have_nodes(record)
            with self._progress.step("images", self.state.log("images")):
                record = self._have_images(record)
            with self._progress.step("Jaeger"):
                self._have_jaeger(record)

    @property
    def audit_log(self) -> Path:
        """What the API server was asked so far, one JSON object a line: a copy, made anew at each call."""
        copy = self.state.log("audit")
        replace(copy, self.in_node(self.node("control-plane"), "cat", f"{AUDIT_DIRECTORY}/audit.log"))
        return copy

    def node(self, suffix: str) -> str:
        """Return the name of a node, which is that of its container too: `control-plane`, `worker`, `worker2`."""
        return f"{_name(self.record)}-{suffix}"

    def in_node(self, node: str, *command: str) -> str:
        """Run a command in a node's container and return what it printed."""
        return self.engine.docker("exec", node, *command)

    # ------------------------------------------------------------------------------------------ inside

    @property
    def _log(self) -> Path:
        return self.state.log("kind")

    def _require_engine(self) -> None:
        if not self.engine.answers():
            raise ClusterError(NO_ENGINE, hint=ENGINE_HINT)

    def _have_nodes(self, record: Record) -> Record:
        if record.control_plane:
            self._start_stopped(record)
        else:
            self._discard(record)
            self._create(record)
        server = self._write_kubeconfig(record)
        record = msgspec.structs.replace(record, server=server, control_plane=True)
        self.state.save(record)
        self._wait_ready(record)
        return record

    def _wait_ready(self, record: Record) -> None:
        """Wait until all nodes are ready, by what their kubelets say since the nodes' containers started."""
        started = self._started(record)
        deadline = time.monotonic() + READY_SECONDS
        while awaited := self._awaited(started):
            if time.monotonic() > deadline:
                raise ClusterError(f"not ready after {READY_SECONDS} s: {', '.join(awaited)}", log=self._log)
            time.sleep(POLL_SECONDS)

    def _awaited(self, started: Mapping[str, datetime]) -> list[str]:
        """Return what is not ready yet: nodes, or an API server that was started a moment ago, by what it says."""
        try:
            return unready(started, self._all("nodes"), self._all("pods"))
        except ClusterError as error:
            return [error.message]

    def _all(self, kind: str) -> list[Any]:
        return self.client.get(kind, "--all-namespaces")["items"]

    def _started(self, record: Record) -> dict[str, datetime]:
        """Return since when each node's container runs, by the clock that is the node's too."""
        found = json.loads(self.engine.docker("inspect", *self._containers(record, "running")))
        return {one["Name"].removeprefix("/"): datetime.fromisoformat(one["State"]["StartedAt"]) for one in found}

    def _containers(self, record: Record, status: str) -> list[str]:
        ours = f"--filter=label=io.x-k8s.kind.cluster={_name(record)}"
        return self.engine.docker("ps", "--all", "--quiet", ours, f"--filter=status={status}").split()

    def _create(self, record: Record) -> None:
        config = self.state.root / "kind.yaml"
        replace(config, yaml.safe_dump(_configuration(), sort_keys=False))
        image = self.engine.environ.get(NODE_IMAGE)
        chosen = (f"--image={image}",) if image else ()
        scratch = self.state.root / "kind.kubeconfig"  # kind adds the cluster to the user's own unless told otherwise
        self._kind(
            record,
            ("create", "cluster", f"--config={config}", f"--kubeconfig={scratch}", *chosen, f"--wait={READY_SECONDS}s"),
            CREATE_SECONDS,
        )

    def _start_stopped(self, record: Record) -> None:
        """Start node containers that somebody, or a restart of the machine, has stopped."""
        if stopped := self._containers(record, "exited"):
            self.engine.docker("start", *stopped)

    def _write_kubeconfig(self, record: Record) -> str:
        """Write the administrator's kubeconfig from kind's; return the API server's URL."""
        made = yaml.safe_load(self._kind(record, ("get", "kubeconfig"), COMMAND_SECONDS))
        return kubeconfig.write_embedded(self.state, kubeconfig.context_name(record), made)

    def _have_images(self, record: Record) -> Record:
        """Have both images in the nodes; those that they have already cost little."""
        log = self.state.log("images")
        suite = images.build_suite(self.engine, log)
        jaeger = images.have_jaeger(self.engine, log, self._jaeger_program)
        workers = ",".join(f"{_name(record)}-{suffix}" for suffix in WORKERS)  # the other takes none of these pods
        loaded = (images.plain_name(), suite, jaeger)
        self._kind(record, ("load", "docker-image", *loaded, f"--nodes={workers}"), COMMAND_SECONDS)
        record = msgspec.structs.replace(record, suite_image=suite)
        self.state.save(record)
        return record

    def _suite_image(self) -> tuple[str, str]:
        repository, _, tag = self.record.suite_image.partition(":")
        return repository, tag

    def _jaeger_program(self) -> Path:
        return Binaries.find(self._progress, tools=(toolchain.JAEGER,))[toolchain.JAEGER]

    def _discard(self, record: Record) -> None:
        """Delete the nodes, also those of an unfinished `create`."""
        self._require_engine()
        self._kind(record, ("delete", "cluster"), COMMAND_SECONDS)

    def _kind(self, record: Record, args: tuple[str, ...], seconds: float) -> str:
        """Run kind for this cluster and return what it printed; what else it says goes into the log."""
        command = leashed(str(self.binaries[toolchain.KIND]), *args, f"--name={_name(record)}")
        try:
            with self._log.open("ab") as log:
                done = subprocess.run(
                    command,
                    env={**self.engine.environ, MARK: record.id},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    timeout=seconds,
                    check=True,
                )
        except subprocess.SubprocessError as error:
            hint = CREATE_HINT if args[0] == "create" else ""
            raise ClusterError(f"kind {' '.join(args[:2])} failed", log=self._log, hint=hint) from error
        return done.stdout


def unready(started: Mapping[str, datetime], nodes: Sequence[Any], pods: Sequence[Any]) -> list[str]:
    """Return which nodes are not ready yet, by what is said since they started.

    What a node and its pods were when it stopped, they are to the API server until it hears otherwise: a node that is
    still down is ready, and so is all that ran on it. So only what a new kubelet says counts, which calls no node ready
    before containers can be had, and none of the node's pods may be said to run since before.
    """
    by_name = {node["metadata"]["name"]: node for node in nodes}
    ready = {name for name, since in started.items() if name in by_name and _is_ready(by_name[name], since)}
    outdated = {name for name, since in started.items() if any(_ran_before(pod, name, since) for pod in pods)}
    return sorted((started.keys() | by_name.keys()) - (ready - outdated))


def _is_ready(node: Any, since: datetime) -> bool:
    """Return whether a node's kubelet has said since then that it is ready."""
    return any(
        (condition["type"], condition["status"]) == ("Ready", "True")
        and datetime.fromisoformat(condition["lastHeartbeatTime"]) > since
        for condition in node["status"].get("conditions", ())
    )


def _ran_before(pod: Any, node: str, since: datetime) -> bool:
    """Return whether a pod is said to run on a node in a container from before."""
    if (pod["spec"].get("nodeName"), pod["status"]["phase"]) != (node, "Running"):
        return False
    states = [container["state"] for container in pod["status"].get("containerStatuses", ())]
    return any(datetime.fromisoformat(state["running"]["startedAt"]) < since for state in states if "running" in state)


def _name(record: Record) -> str:
    """Return kind's name of the cluster."""
    return kubeconfig.context_name(record)


def _configuration() -> dict[str, Any]:
    """Return kind's configuration: the nodes, and an audit log as the provider `local` has it."""
    mount = {"hostPath": str(AUDIT_POLICY), "containerPath": POLICY_IN_NODE, "readOnly": True}
    nodes = [{"role": role, **({"extraMounts": [mount]} if role == "control-plane" else {})} for role in ROLES]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": nodes,
        "kubeadmConfigPatchesJSON6902": [
            {
                "group": "kubeadm.k8s.io",
                "version": "v1beta4",
                "kind": "ClusterConfiguration",
                "patch": yaml.safe_dump(list(_audit_patch())),
            }
        ],
    }


def _audit_patch() -> list[Mapping[str, Any]]:
    flags = {
        "audit-policy-file": POLICY_IN_NODE,
        "audit-log-path": f"{AUDIT_DIRECTORY}/audit.log",
        "audit-log-maxsize": "100000",  # megabytes: never rotated, the tests read one file
    }
    volumes = (
        {
            "name": "audit-policy",
            "hostPath": POLICY_IN_NODE,
            "mountPath": POLICY_IN_NODE,
            "readOnly": True,
            "pathType": "File",
        },
        {
            "name": "audit-log",
            "hostPath": AUDIT_DIRECTORY,
            "mountPath": AUDIT_DIRECTORY,
            "pathType": "DirectoryOrCreate",
        },
    )
    arguments = [
        {"op": "add", "path": "/apiServer/extraArgs/-", "value": {"name": name, "value": value}}
        for name, value in flags.items()
    ]
    return [*arguments, {"op": "add", "path": "/apiServer/extraVolumes", "value": list(volumes)}]
