"""Simulated nodes: real Node objects, brought to life by the Stages of KWOK."""

import time
from dataclasses import dataclass
from typing import Any, Final

from e2e.cluster.client import Client
from e2e.cluster.errors import ClusterError
from e2e.cluster.toolchain import kubernetes_version

SIMULATED: Final = "e2e.foo.example.com/simulated"
"""Label of the nodes that the harness made; it counts, deletes and waits for no others."""
READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
TOGETHER: Final = 200
"""Nodes that one command makes: a thousand of them take it a minute, and commands have a limit of two."""
TOPOLOGY: Final = {"topology.kubernetes.io/zone": "zone-1", "topology.kubernetes.io/region": "region-1"}
"""As in a cloud: from Kubernetes 1.35 on the API server hands these on to what is bound to the node."""
NOT_READY: Final = "node.kubernetes.io/not-ready"
"""The taint that admission puts on new nodes and kube-controller-manager lifts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one node offers."""

    cpu: str = "10"
    memory: str = "64Gi"
    pods: int = 110


def scale(client: Client, count: int, shape: Shape) -> None:
    """Have exactly `count` simulated nodes, called node-0 and so on, ready to take pods."""
    wanted = [name_of(index) for index in range(count)]
    present = _names(client)
    missing = [name for name in wanted if name not in present]
    for start in range(0, len(missing), TOGETHER):
        client.apply(*(manifest(name, shape) for name in missing[start : start + TOGETHER]))
    if surplus := sorted(present - set(wanted)):
        client.kubectl("delete", "node", "--wait=false", *surplus)
    _wait_usable(client, count)


def name_of(index: int) -> str:
    """Return the name of a simulated node, the first being 0."""
    return f"node-{index}"


def manifest(name: str, shape: Shape) -> dict[str, Any]:
    """Return a Node as a kubelet registers it."""
    resources = {"cpu": shape.cpu, "memory": shape.memory, "pods": str(shape.pods), "ephemeral-storage": "100Gi"}
    labels = {
        SIMULATED: "true",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        **TOPOLOGY,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": _node_info(),
        },
    }


def _node_info() -> dict[str, str]:
    unknown = dict.fromkeys(("bootID", "machineID", "systemUUID", "osImage", "kernelVersion"), "simulated")
    runtime = {"containerRuntimeVersion": "kwok://", "kubeProxyVersion": "", "kubeletVersion": kubernetes_version()}
    return {**unknown, **runtime, "architecture": "amd64", "operatingSystem": "linux"}


def _names(client: Client) -> set[str]:
    listed = client.kubectl("get", "nodes", "-l", SIMULATED, "-o", "name")
    return {line.removeprefix("node/") for line in listed.split()}


def _wait_usable(client: Client, count: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not (nodes := client.get("nodes", "-l", SIMULATED)["items"]) or not all(map(_is_usable, nodes)):
        if count == 0:
            return
        if time.monotonic() > deadline:
            raise ClusterError(
                f"the nodes are not ready after {READY_SECONDS:.0f} s", log=client.state.log("kwok-controller")
            )
        time.sleep(POLL_SECONDS)


def _is_usable(node: dict[str, Any]) -> bool:
    """Return whether a node is Ready and has lost the taint of a new one."""
    conditions = {entry["type"]: entry["status"] for entry in node["status"].get("conditions", [])}
    taints = {taint["key"] for taint in node["spec"].get("taints", [])}
    return conditions.get("Ready") == "True" and NOT_READY not in taints
