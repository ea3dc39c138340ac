"""etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK: real processes, made by kwokctl.

kwokctl creates certificates and starts the processes, `up` again starts those that died. It is not
asked to take them down: it kills by bare pid files, and a pid may have been given to somebody else since. Ending
them is `processes.kill_all`.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from e2e.cluster import kubeconfig, processes, toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.client import Client, environment
from e2e.cluster.errors import ClusterError, tail
from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.leash import leashed
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.state import Record, StateDirectory, replace
from e2e.cluster.tuning import Flags, Tuning, merged, write_identities

NAME: Final = "foosets"
"""kwokctl's name of the cluster, inside its own work directory."""
PROCESSES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
STAGES: Final = Path(__file__).parent / "stages"
AUDIT_POLICY: Final = Path(__file__).parent / "audit-policy.yaml"
INDISPENSABLE: Final = ("etcd", "kube-apiserver")
PORT_OPTIONS: Final = (
    "etcdPort",
    "etcdPeerPort",
    "kubeApiserverPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
WAIT_SECONDS: Final = 60
POLL_SECONDS: Final = 0.1
ALONE: Final = {"leader-elect": "false"}
"""There is one of each; one that was killed and started again does not wait for its own old lease."""
FLAGS: Final[Flags] = {
    "kube-apiserver": {
        "audit-log-maxsize": "100000",  # megabytes: never rotated, the tests read one file
        "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",  # what */finalizers is granted for
    },
    "kube-controller-manager": {**ALONE, "use-service-account-credentials": "true"},  # as kubeadm has it
    "kube-scheduler": ALONE,
}


def work_directory(state: StateDirectory) -> Path:
    """Return kwokctl's directory of this cluster."""
    return state.kwok / "clusters" / NAME


def authority(state: StateDirectory) -> Path:
    """Return the certificate of the authority that signed the API server's."""
    return work_directory(state) / "pki" / "ca.crt"


def create(state: StateDirectory, record: Record, binaries: Binaries, tuning: Tuning) -> str:
    """Start a new control plane and write the administrator's kubeconfig; return the API server's URL.

    Whatever an earlier, unfinished attempt left must be gone (see `discard`).
    """
    config = state.kwok / "create.yaml"
    replace(config, yaml.safe_dump_all([_configuration(binaries, state, tuning), *_stages()], sort_keys=False))
    # kwokctl keeps a directory that is there: so its processes log where all others do.
    work_directory(state).mkdir(parents=True)
    (work_directory(state) / "logs").symlink_to(state.logs)
    _kwokctl(state, record, binaries, "create", "cluster", "--config", str(config), "--kubeconfig", "")
    return write_kubeconfig(state, record)


def discard(state: StateDirectory) -> None:
    """Remove what an unfinished `create` left, its processes being dead already."""
    if state.kwok.exists():
        shutil.rmtree(state.kwok)
    for name in (*PROCESSES, "audit"):
        state.log(name).unlink(missing_ok=True)


def is_alive(state: StateDirectory, record: Record, name: str) -> bool:
    """Return whether one process of the control plane lives."""
    return (pid := pid_of(state, name)) is not None and processes.is_alive(pid, record.id)


def pid_of(state: StateDirectory, name: str) -> int | None:
    """Return the pid that kwokctl wrote down."""
    try:
        return int(_pid_file(state, name).read_text())
    except (FileNotFoundError, ValueError):
        return None


def write_kubeconfig(state: StateDirectory, record: Record) -> str:
    """Write the administrator's kubeconfig from kwokctl's; return the API server's URL."""
    made = yaml.safe_load((work_directory(state) / "kubeconfig.yaml").read_text(encoding="utf-8"))
    url = str(made["clusters"][0]["cluster"]["server"])
    server = Server(url, authority(state))
    kubeconfig.write(state.kubeconfig, kubeconfig.context_name(record), server, _administrator(state))
    return url


def until_ready(state: StateDirectory, record: Record, binaries: Binaries, client: Client) -> None:
    """Start what has died, until the API server says it is ready and the controller manager has done its first work.

    On a slow machine the controller manager waits in vain for the API server, and ends. Raises ClusterError with the
    last complaint when all that takes too long.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        _repair(state, record, binaries)
        try:
            client.kubectl("get", "--raw", "/readyz")
            client.kubectl("-n", "default", "get", "serviceaccount", "default")
        except ClusterError as error:
            if time.monotonic() > deadline:
                raise ClusterError(error.message, log=_explaining_log(state, record)) from error
            time.sleep(POLL_SECONDS)
        else:
            return


def _repair(state: StateDirectory, record: Record, binaries: Binaries) -> None:
    """Start what has died of a finished control plane."""
    dead = [name for name in PROCESSES if not is_alive(state, record, name)]
    if dead:
        for name in dead:
            _pid_file(state, name).unlink(missing_ok=True)  # its pid may be somebody else's by now
        _kwokctl(state, record, binaries, "start", "cluster")
        _require_alive(state, record)


def _administrator(state: StateDirectory) -> Credentials:
    pki = work_directory(state) / "pki"
    return Credentials(certificate=(pki / "admin.crt", pki / "admin.key"))


def _pid_file(state: StateDirectory, name: str) -> Path:
    return work_directory(state) / "pids" / f"{name}.pid"


def _kwokctl(state: StateDirectory, record: Record, binaries: Binaries, *args: str) -> None:
    """Run kwokctl; fail as soon as a process dies without which nothing can become ready."""
    # kwokctl looks for kubectl on PATH first, and we want ours; it downloads nothing, every path is given.
    variables = {**environment(state, record), "KWOK_WORKDIR": str(state.kwok), "PATH": "/nonexistent"}
    command = leashed(str(binaries[toolchain.KWOKCTL]), *args, "--name", NAME, "--wait", f"{WAIT_SECONDS}s")
    with state.log("kwokctl").open("ab") as log:
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    before: dict[str, int] = {}
    try:
        while process.poll() is None:
            dead = _dead(state, record)
            if dead.items() & before.items():  # once may be too early: a process is marked when it runs its program
                break
            before = dead
            time.sleep(POLL_SECONDS)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise ClusterError(f"kwokctl {' '.join(args[:2])} failed", log=_explaining_log(state, record))


def _dead(state: StateDirectory, record: Record) -> dict[str, int]:
    """Return the pids that are written down of indispensable processes and are no processes of the cluster."""
    pids = {name: pid for name in INDISPENSABLE if (pid := pid_of(state, name)) is not None}
    return {name: pid for name, pid in pids.items() if not processes.is_alive(pid, record.id)}


def _require_alive(state: StateDirectory, record: Record) -> None:
    """Raise if a process is dead: kwokctl says ready, or not at all, also without it."""
    for name in PROCESSES:
        if not is_alive(state, record, name):
            raise ClusterError(f"{name} does not run", log=state.log(name))


def _explaining_log(state: StateDirectory, record: Record) -> Path:
    """Return the log of the first process that has died, which is where the reason stands; else kwokctl's."""
    for name in PROCESSES:
        if tail(state.log(name)) and not is_alive(state, record, name):
            return state.log(name)
    return state.log("kwokctl")


def _configuration(binaries: Binaries, state: StateDirectory, tuning: Tuning) -> dict[str, Any]:
    # kwokctl counts ports down from 32767: two clusters that start at the same moment would take the same ones.
    ports = dict(zip(PORT_OPTIONS, free_ports(len(PORT_OPTIONS)), strict=True))
    server = Server(f"https://{LOOPBACK}:{ports['kubeApiserverPort']}", authority(state))
    flags = _flags(state, server, tuning)
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            "bindAddress": LOOPBACK,
            **ports,
            "etcdBinary": str(binaries[toolchain.ETCD]),
            "kubeApiserverBinary": str(binaries[toolchain.KUBE_APISERVER]),
            "kubeControllerManagerBinary": str(binaries[toolchain.KUBE_CONTROLLER_MANAGER]),
            "kubeSchedulerBinary": str(binaries[toolchain.KUBE_SCHEDULER]),
            "kwokControllerBinary": str(binaries[toolchain.KWOK]),
            "kubectlBinary": str(binaries[toolchain.KUBECTL]),
            **({"kubeAuditPolicy": str(AUDIT_POLICY)} if tuning.audited else {}),
            "cacheDir": str(state.kwok / "cache"),
        },
        "componentsPatches": [_patch(name, values) for name, values in flags.items()],
    }


def _flags(state: StateDirectory, server: Server, tuning: Tuning) -> Flags:
    identities = write_identities(state.kwok, server, _administrator(state)) if tuning.own_identities else {}
    return merged(FLAGS, identities, tuning.flags)


def _patch(name: str, flags: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "extraArgs": [{"key": key, "value": value} for key, value in flags.items()]}


def _stages() -> list[Any]:
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(STAGES.glob("*.yaml"))]
