"""What `helm test` runs, against a real API server and a real Jaeger, under the identity that the chart gives it.

A simulated node would call the test's pod running without running anything; so it runs here, as its pod says.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from e2e.apiserver import ApiServer
from e2e.cluster import controlplane, kubeconfig
from e2e.cluster.chart import CHART, NAMESPACE, RELEASE
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.e2e.manifests import Manifest

pytestmark = pytest.mark.cluster

NAME = f"{RELEASE}-test"
UNREADY_WITHIN = 120
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def hooks(suite: LocalCluster) -> Iterator[dict[str, Manifest]]:
    """The objects of `helm test` by kind; those that say who it is are there while this module runs."""
    values = f"tracing.query={suite.jaeger_query_url},crds.enabled=false"
    text = suite.helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--set", values)
    manifests = [one for one in yaml.safe_load_all(text) if one]
    found = {one["kind"]: one for one in manifests if "helm.sh/hook" in one["metadata"].get("annotations", {})}
    identity = [one for kind, one in found.items() if kind != "Pod"]
    suite.client.apply(*identity)
    yield found
    suite.kubectl("--namespace", NAMESPACE, "delete", "serviceaccount,role,rolebinding", NAME)


@pytest.fixture(scope="module")
def prove(
    suite: LocalCluster, hooks: dict[str, Manifest], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Done]:
    """Runs the test's container."""
    home = tmp_path_factory.mktemp("proof")
    token = home / "token"
    token.write_text(suite.kubectl("--namespace", NAMESPACE, "create", "token", NAME))
    server = Server(suite.record.server, controlplane.authority(suite.state))
    kubeconfig.write(home / "kubeconfig", NAME, server, Credentials(token_file=token))
    (container,) = hooks["Pod"]["spec"]["containers"]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))

    def run() -> Done:
        return subprocess.run(
            [*container["command"], *container["args"]],
            env={"PATH": path, "KUBECONFIG": str(home / "kubeconfig")},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=UNREADY_WITHIN,
            check=False,
        )

    return run


def left(server: ApiServer) -> list[str]:
    """The FooSets and pods of the release's namespace."""
    group = f"/apis/{names.API_VERSION}/namespaces/{NAMESPACE}"
    sets = server.get(f"{group}/foosets")["items"]
    pods = server.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    return [one["metadata"]["name"] for one in (*sets, *pods)]


def test_one_complete_trace_is_proven_and_nothing_stays(prove: Callable[[], Done], server: ApiServer) -> None:
    done = prove()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "batch parts 1/1, service parts 1/1 ready" in done.stdout
    assert "is complete" in done.stdout
    assert left(server) == []


@pytest.mark.timeout(UNREADY_WITHIN + 60)
def test_without_a_scheduler_it_fails_and_says_so(
    prove: Callable[[], Done], suite: LocalCluster, server: ApiServer
) -> None:
    scheduler = suite.component("scheduler")
    scheduler.stop()
    try:
        done = prove()
    finally:
        scheduler.start()
        scheduler.wait_ready()
    assert done.returncode == 1
    (cause,) = (line for line in done.stdout.splitlines() if line.startswith("FAILED: "))
    assert "has settled without becoming ready" in cause
    assert "SchedulerSilent" in cause
    assert f"blocked by Pod {NAME}-service-" in cause
    assert left(server) == []


def test_it_may_make_a_set_in_its_own_namespace_alone(hooks: dict[str, Manifest], suite: LocalCluster) -> None:
    (container,) = hooks["Pod"]["spec"]["containers"]
    elsewhere = json.loads(container["args"][0])
    elsewhere["metadata"]["namespace"] = "default"
    user = f"system:serviceaccount:{NAMESPACE}:{NAME}"
    with pytest.raises(ClusterError, match="cannot create resource"):
        suite.kubectl("create", "--dry-run=server", "--as", user, "--filename", "-", stdin=json.dumps(elsewhere))
