"""What the stand-in API server says: nodes, one BatchFooSet, and pods of the size that real ones have.

A pod is what its creator sent, with the fields that admission, defaulting and a kubelet add. The record of who manages
which field, about a third of a real pod, is filled up so that every pod has POD_BYTES.
"""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from foosets.api.meta import BATCHFOOSETS, Key

POD_BYTES: Final = 5600
"""Size of a pod as the API server sends it, with managed fields: a simple one, as measured on a real server."""
SET: Final = Key("bench", "sweep")
CREATED: Final = "2026-01-01T00:00:00Z"
NODE_CPUS: Final = 32

_encode: Final = msgspec.json.encode


def node(number: int) -> dict[str, Any]:
    """Return a node that 32 pods fit on."""
    name = f"node-{number:05}"
    size = {"cpu": str(NODE_CPUS), "memory": "128Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "uid": f"00000000-0000-4000-9000-{number:012}",
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"},
        },
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [
                _condition("Ready", "True", "KubeletReady"),
                _condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                _condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            ],
        },
    }


def batchfooset(pods: int) -> dict[str, Any]:
    """Return a BatchFooSet that wants so many pods, all at once."""
    container = {
        "name": "work",
        "image": "registry.k8s.io/pause:3.10",
        "command": ["/bin/work", "--shard", "$(FOOSET_INDEX)"],
        "env": [{"name": "MODE", "value": "sweep"}, {"name": "OUTPUT", "value": "/results"}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    }
    return {
        "apiVersion": BATCHFOOSETS.api_version,
        "kind": BATCHFOOSETS.kind,
        "metadata": {
            "name": SET.name,
            "namespace": SET.namespace,
            "uid": "00000000-0000-4000-8000-00000000f005",
            "resourceVersion": "",
            "generation": 1,
            "creationTimestamp": CREATED,
        },
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "backoffLimit": 6,
            "placement": {"strategy": "Pack"},
            "template": {
                "metadata": {"labels": {"app": "sweep"}},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "containers": [container],
                },
            },
        },
        "status": {"observedGeneration": -1},
    }


class Pod(Struct, rename="camel", kw_only=True):
    """A pod as the stand-in keeps it, in the real server's order; what it does not look at stays as it came."""

    kind: str = "Pod"
    api_version: str = "v1"
    metadata: dict[str, Raw]
    spec: dict[str, Raw]
    status: Raw = Raw(b"{}")

    @property
    def name(self) -> str:
        """Its name."""
        return msgspec.json.decode(self.metadata["name"], type=str)

    @property
    def bound(self) -> bool:
        """Whether it has a node."""
        return "nodeName" in self.spec


_posted: Final = msgspec.json.Decoder(Pod).decode


def admitted(body: bytes, version: int) -> Pod:
    """Return the pod that a POST makes."""
    pod = _posted(body)
    pod.metadata = {
        "name": pod.metadata["name"],
        "namespace": Raw(_encode(SET.namespace)),
        "uid": Raw(b'"00000000-0000-4000-a000-%012d"' % version),
        "resourceVersion": Raw(b'"%d"' % version),
        "creationTimestamp": Raw(_encode(CREATED)),
    } | {name: value for name, value in pod.metadata.items() if name not in {"name", "namespace"}}
    pod.spec = _DEFAULTS | pod.spec
    pod.status = _PENDING
    return pod


def succeeded(pod: Pod, version: int) -> None:
    """Let the pod's containers end well."""
    pod.metadata["resourceVersion"] = Raw(b'"%d"' % version)
    pod.status = _SUCCEEDED


def stored(pod: Pod) -> bytes:
    """Return the pod's JSON, POD_BYTES long."""
    bare = _encode(pod)
    return bare.replace(b'},"spec":{', b',"managedFields":%b},"spec":{' % _managed(POD_BYTES - len(bare)), 1)


@lru_cache(maxsize=4096)
def _managed(room: int) -> bytes:
    """Return managed fields that fill the room, to within one entry."""
    entry: dict[str, Any] = {"manager": "foosets-batchfooset", "operation": "Update", "apiVersion": "v1"}
    entry |= {"time": CREATED, "fieldsType": "FieldsV1", "fieldsV1": {}}
    fields = (room - len(_encode([entry]))) // len('"f:field-000":{},')
    entry["fieldsV1"] = {f"f:field-{number:03}": {} for number in range(fields)}
    return _encode([entry])


def _condition(kind: str, status: str, reason: str = "") -> dict[str, str | None]:
    condition: dict[str, str | None] = {"type": kind, "status": status, "lastTransitionTime": CREATED}
    return condition | {"lastProbeTime": None} | ({"reason": reason} if reason else {})


def _toleration(key: str) -> dict[str, str | int]:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}


_DEFAULTS: Final = {
    name: Raw(_encode(value))
    for name, value in {
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [_toleration("node.kubernetes.io/not-ready"), _toleration("node.kubernetes.io/unreachable")],
    }.items()
}
_PENDING: Final = Raw(_encode({"phase": "Pending", "qosClass": "Burstable"}))
_SUCCEEDED: Final = Raw(
    _encode(
        {
            "phase": "Succeeded",
            "qosClass": "Burstable",
            "startTime": CREATED,
            "hostIP": "10.1.0.1",
            "hostIPs": [{"ip": "10.1.0.1"}],
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [
                _condition("PodReadyToStartContainers", "False"),
                _condition("Initialized", "True", "PodCompleted"),
                _condition("Ready", "False", "PodCompleted"),
                _condition("ContainersReady", "False", "PodCompleted"),
                _condition("PodScheduled", "True"),
            ],
            "containerStatuses": [
                {
                    "name": "work",
                    "image": "registry.k8s.io/pause:3.10",
                    "imageID": "registry.k8s.io/pause@sha256:" + "0" * 64,
                    "containerID": "containerd://" + "0" * 64,
                    "ready": False,
                    "started": False,
                    "restartCount": 0,
                    "lastState": {},
                    "state": {
                        "terminated": {
                            "exitCode": 0,
                            "reason": "Completed",
                            "startedAt": CREATED,
                            "finishedAt": CREATED,
                            "containerID": "containerd://" + "0" * 64,
                        }
                    },
                }
            ],
        }
    )
)
