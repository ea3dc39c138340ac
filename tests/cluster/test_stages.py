"""The lives of pods on simulated nodes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.local import LocalCluster
from tests.cluster.waiting import until, until_served

pytestmark = pytest.mark.cluster
FATE, EXIT_CODE, RUN_SECONDS = (f"e2e.foo.example.com/{name}" for name in ("fate", "exit-code", "run-seconds"))
BATCH, SERVICE = "BatchFooSet", "ServiceFooSet"
CRDS = Path(__file__).parents[2] / "crds"


@dataclass(frozen=True)
class Namespace:
    """A namespace for one test."""

    cluster: LocalCluster
    name: str

    def create(self, name: str, annotations: dict[str, str] | None = None, owner: str = "", **spec: Any) -> None:
        owners = [self.owner(owner, name)] if owner else []
        metadata = {"name": name, "annotations": annotations or {}, "ownerReferences": owners}
        body = {"nodeName": "node-0", "restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}], **spec}
        self.kubectl("create", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}
        ))  # fmt: skip

    def owner(self, kind: str, name: str) -> dict[str, Any]:
        """Make a set that nobody controls, and return the reference to it: a pod of no owner is garbage."""
        restarts = {"restartPolicy": "Never"} if kind == BATCH else {}
        template = {"spec": {**restarts, "containers": [{"name": "c", "image": "x"}]}}
        body = {"apiVersion": "foo.example.com/v1alpha1", "kind": kind, "metadata": {"name": name}}
        made = self.kubectl(
            "create", "-o", "json", "-f", "-", stdin=json.dumps({**body, "spec": {"template": template}})
        )
        uid = json.loads(made)["metadata"]["uid"]
        return {"apiVersion": body["apiVersion"], "kind": kind, "name": name, "uid": uid, "controller": True}

    def kubectl(self, *args: str, stdin: str = "") -> str:
        return self.cluster.kubectl("-n", self.name, *args, stdin=stdin)

    def status(self, name: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", "pod", name, "-o", "json"))["status"]


@pytest.fixture
def namespace(cluster: LocalCluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=foosets-crd-tests", "-f", str(CRDS))
    until_served(cluster)
    name = f"stages-{abs(hash(request.node.name)) % 10**8}"
    cluster.have_namespace(name)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def ready(status: dict[str, Any]) -> str:
    return next((entry["status"] for entry in status.get("conditions", []) if entry["type"] == "Ready"), "")


def test_a_pod_with_a_node_runs_is_ready_and_stays_so(namespace: Namespace) -> None:
    namespace.create("plain", initContainers=[{"name": "i", "image": "x"}])
    namespace.create("service", owner=SERVICE)
    for name in ("plain", "service"):
        until(lambda name=name: ready(namespace.status(name)) == "True")
        status = namespace.status(name)
        assert status["phase"] == "Running"
        assert status["containerStatuses"][0]["ready"]
        assert status["podIP"]
        assert {entry["type"] for entry in status["conditions"]} >= {"PodScheduled", "Initialized", "ContainersReady"}


def test_the_binding_s_time_is_kept(namespace: Namespace) -> None:
    namespace.create("bound", nodeName="")
    until(lambda: ready(namespace.status("bound")) == "True")
    conditions = {entry["type"]: entry for entry in namespace.status("bound")["conditions"]}
    assert conditions["PodScheduled"]["lastTransitionTime"] <= conditions["Ready"]["lastTransitionTime"]


@pytest.mark.parametrize(
    ("annotations", "owner", "phase", "code"),
    [
        ({}, BATCH, "Succeeded", 0),
        ({RUN_SECONDS: "0.1"}, BATCH, "Succeeded", 0),
        ({FATE: "succeed"}, "", "Succeeded", 0),
        ({FATE: "exit"}, BATCH, "Failed", 1),
        ({FATE: "exit", EXIT_CODE: "42"}, BATCH, "Failed", 42),
        ({FATE: "exit", EXIT_CODE: "0"}, BATCH, "Succeeded", 0),
    ],
    ids=["batch", "soon", "succeed", "exit", "exit 42", "exit 0"],
)
def test_a_pod_ends(namespace: Namespace, annotations: dict[str, str], owner: str, phase: str, code: int) -> None:
    namespace.create("pod", annotations, owner)
    until(lambda: namespace.status("pod")["phase"] == phase)
    status = namespace.status("pod")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
    assert ready(status) == "False"


def test_a_long_run_is_not_cut_short(namespace: Namespace) -> None:
    namespace.create("long", {RUN_SECONDS: "600"}, BATCH)
    namespace.create("short", owner=BATCH)
    until(lambda: namespace.status("short")["phase"] == "Succeeded")
    assert namespace.status("long")["phase"] == "Running"


def test_a_crash_loop_runs_and_is_never_ready(namespace: Namespace) -> None:
    namespace.create("pod", {FATE: "crash-loop"}, BATCH, restartPolicy="OnFailure")
    until(lambda: namespace.status("pod")["phase"] == "Running")
    [container] = namespace.status("pod")["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["restartCount"] > 0
    assert ready(namespace.status("pod")) == "False"


def test_an_image_that_cannot_be_had_leaves_the_pod_pending(namespace: Namespace) -> None:
    namespace.create("pod", {FATE: "image-pull"}, BATCH)
    until(lambda: namespace.status("pod").get("containerStatuses"))
    status = namespace.status("pod")
    assert status["phase"] == "Pending"
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_a_job_completes(namespace: Namespace) -> None:
    namespace.kubectl("create", "job", "job", "--image=x")
    namespace.kubectl("wait", "--for=condition=Complete", "job/job", "--timeout=60s")


def test_a_deleted_pod_is_gone(namespace: Namespace) -> None:
    namespace.create("pod")
    until(lambda: ready(namespace.status("pod")) == "True")
    namespace.kubectl("delete", "pod", "pod", "--timeout=60s")
    assert namespace.kubectl("get", "pods", "-o", "name") == ""
