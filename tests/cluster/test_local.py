"""One cluster, from nothing to nothing."""

import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from e2e.cluster import controlplane, kubeconfig, processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.local import LocalCluster
from e2e.cluster.toolchain import kubernetes_version
from tests.cluster.machine import belonging, listening
from tests.cluster.waiting import until, until_may

pytestmark = pytest.mark.cluster
NewCluster = Callable[..., LocalCluster]
LOOPBACK = "0100007F"
ANSWERS_SECONDS = 5
DOWN_SECONDS = 5
UP_SECONDS = 25


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster that the tests here may hurt: each leaves it to the next `up`."""
    made = LocalCluster(tmp_path_factory.mktemp("own") / "cluster")
    try:
        made.up(node_count=1)
        yield made
    finally:
        made.down()


def pid_of(cluster: LocalCluster, name: str) -> int:
    pid = next(row.pid for row in cluster.status() if row.name == name)
    assert pid
    return pid


def written_at_home() -> set[Path]:
    return {
        entry for name in (".kwok", ".kube", ".config/helm", ".cache/helm") for entry in (Path.home() / name).rglob("*")
    }


def test_down_takes_every_process_port_and_file_with_it(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    before, home = time.monotonic(), written_at_home()
    cluster.up()
    up = time.monotonic()
    cluster.helm("list")
    pids = belonging(cluster.state.root)
    ports = listening(pids)
    assert len(pids) == len(cluster.status()) == 7
    assert {address for address, _ in ports} == {LOOPBACK}
    down = time.monotonic()
    cluster.down()
    gone = time.monotonic()
    assert belonging(cluster.state.root) == set()
    assert listening() & ports == set()
    assert list(cluster.state.root.parent.iterdir()) == []
    assert written_at_home() == home
    assert up - before < UP_SECONDS
    assert gone - down < DOWN_SECONDS


def test_up_again_is_quick_and_changes_nothing(cluster: LocalCluster) -> None:
    before = cluster.status(), cluster.record
    started = time.monotonic()
    cluster.up()
    assert time.monotonic() - started < ANSWERS_SECONDS
    assert (cluster.status(), cluster.record) == before


def test_two_clusters_live_side_by_side(cluster: LocalCluster, own: LocalCluster) -> None:
    own.kubectl("create", "namespace", "only-here")
    with pytest.raises(ClusterError, match="not found"):
        cluster.kubectl("get", "namespace", "only-here")
    assert belonging(cluster.state.root).isdisjoint(belonging(own.state.root))


@pytest.mark.parametrize("name", ["etcd", "kube-controller-manager", "kwok-controller", "supervisor", "jaeger"])
def test_up_repairs_what_died(own: LocalCluster, name: str) -> None:
    own.kubectl("create", "namespace", f"before-{name}")
    killed = pid_of(own, name)
    processes.send(killed, own.record.id, signal.SIGKILL)
    until(lambda: not processes.is_alive(killed, own.record.id))
    own.up(node_count=1)
    assert pid_of(own, name) != killed
    assert f"before-{name}" in own.kubectl("get", "namespaces", "-o", "name")


def test_a_new_namespace_takes_pods_however_late_its_service_account_is(own: LocalCluster) -> None:
    controllers, name = pid_of(own, "kube-controller-manager"), "late"
    processes.send(controllers, own.record.id, signal.SIGSTOP)
    try:
        own.kubectl("create", "namespace", name)
        with pytest.raises(ClusterError, match='serviceaccount "default" not found'):
            try_pod(own, name)
        with ThreadPoolExecutor() as pool:
            had = pool.submit(own.have_namespace, name)
            with pytest.raises(TimeoutError):
                had.result(timeout=2)
            processes.send(controllers, own.record.id, signal.SIGCONT)
            had.result()
    finally:
        processes.send(controllers, own.record.id, signal.SIGCONT)
    try_pod(own, name)


def try_pod(cluster: LocalCluster, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "run", "pod", "--image=main", "--dry-run=server")


def test_nodes_are_made_and_taken_away(own: LocalCluster) -> None:
    own.up(node_count=3)
    nodes = own.client.get("nodes")["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["node-0", "node-1", "node-2"]
    assert {node["status"]["allocatable"]["cpu"] for node in nodes} == {"10"}
    assert all("taints" not in node["spec"] for node in nodes)
    own.up(node_count=1)
    assert own.kubectl("get", "nodes", "-o", "name").split() == ["node/node-0"]


def test_the_server_is_the_pinned_version_and_mutates_by_policy(cluster: LocalCluster) -> None:
    assert json.loads(cluster.kubectl("get", "--raw", "/version"))["gitVersion"] == kubernetes_version()
    served = cluster.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name")
    assert "mutatingadmissionpolicies.admissionregistration.k8s.io" in served.split()


def test_jaeger_takes_spans_and_answers(cluster: LocalCluster) -> None:
    trace, span = "5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13"
    sent = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "test"}}]},
                "scopeSpans": [{"spans": [{"traceId": trace, "spanId": span, "name": "probe", "kind": 1}]}],
            }
        ]
    }
    request = urllib.request.Request(
        f"{cluster.otlp_endpoint}/v1/traces",
        data=json.dumps(sent).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=ANSWERS_SECONDS) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{cluster.jaeger_query_url}/api/v3/traces/{trace}", timeout=ANSWERS_SECONDS) as answer:
        assert span in answer.read().decode()


def as_service_account(cluster: LocalCluster, namespace: str, directory: Path) -> Path:
    """Return a kubeconfig of a new ServiceAccount that may edit its namespace."""
    cluster.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "anyone")
    account = f"--serviceaccount={namespace}:anyone"
    cluster.kubectl("-n", namespace, "create", "rolebinding", "anyone", "--clusterrole=edit", account)
    until_may(cluster, f"system:serviceaccount:{namespace}:anyone", "create", "configmaps", namespace)
    token, config = directory / f"{namespace}.token", directory / namespace
    token.write_text(cluster.kubectl("-n", namespace, "create", "token", "anyone"))
    server = Server(cluster.record.server, controlplane.authority(cluster.state))
    kubeconfig.write(config, namespace, server, Credentials(token_file=token))
    return config


def test_the_audit_log_has_the_bodies_of_our_writes_and_only_those(own: LocalCluster, tmp_path: Path) -> None:
    for namespace in ("foosets-system", "elsewhere"):
        config = (f"--kubeconfig={as_service_account(own, namespace, tmp_path)}", f"--namespace={namespace}")
        own.kubectl(*config, "create", "configmap", "probe", "--from-literal=a=b")
        own.kubectl(*config, "get", "configmaps")
    written, _, _ = own.audit_log.read_text().rpartition("\n")  # the last line may be half written
    events = [json.loads(line) for line in written.splitlines()]
    probes = {
        (event["user"]["username"].split(":")[2], event["verb"]): event
        for event in events
        if event["user"]["username"].endswith(":anyone") and event["objectRef"]["resource"] == "configmaps"
    }
    assert {key: event["level"] for key, event in probes.items()} == {
        ("foosets-system", "create"): "Request",
        ("foosets-system", "list"): "Metadata",
        ("elsewhere", "create"): "Metadata",
        ("elsewhere", "list"): "Metadata",
    }
    assert probes["foosets-system", "create"]["requestObject"]["data"] == {"a": "b"}
    assert {event["stage"] for event in events} <= {"ResponseStarted", "ResponseComplete", "Panic"}


def test_a_kubeconfig_that_leads_elsewhere_is_refused_and_written_anew(own: LocalCluster) -> None:
    config = yaml.safe_load(own.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    own.kubeconfig.write_text(yaml.safe_dump(config))
    with pytest.raises(ClusterError, match="refusing"):
        own.kubectl("get", "nodes")
    own.up(node_count=1)
    assert own.kubectl("get", "--raw", "/readyz") == "ok"


def test_logs_stand_in_one_place(cluster: LocalCluster) -> None:
    for row in cluster.status():
        assert row.log.parent == cluster.state.logs
        assert row.name == "supervisor" or row.log.stat().st_size > 0


def test_the_control_plane_is_what_status_says(cluster: LocalCluster) -> None:
    names = [row.name for row in cluster.status()]
    assert names == [*controlplane.PROCESSES, "supervisor", "jaeger"]
    assert {row.pid for row in cluster.status()} == belonging(cluster.state.root)
