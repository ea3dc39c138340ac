"""Install, test, upgrade, uninstall: what a person does with Helm, beside sets that run."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.chart import CHARTS, NAMESPACE, RELEASE
from e2e.cluster.errors import ClusterError
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.kind import KindCluster
from e2e.cluster.kubeconfig import context_name
from e2e.traces import Jaeger, shape
from foosets.api import names
from tests.e2e.manifests import fooset
from tests.e2e.story import Story
from tests.e2e_kind.workloads import service, small

pytestmark = pytest.mark.kind

INSTALLS = int(os.environ.get("FOOSETS_INSTALLS", "3"))
"""How often it is seen that nothing is lost right after an install; 20 was the number when the story was new."""
GONE_WITHIN = 60.0
CRDS = ("foosets", "batchfoosets", "servicefoosets")
CHART = str(CHARTS / "foosets")
KINDS = "foosets,batchfoosets,servicefoosets,pods"


@pytest.fixture(autouse=True)
def restored(kind_suite: KindCluster) -> Any:
    """Leave the suite, and Jaeger, as they were found."""
    yield
    kind_suite.up()
    kind_suite.install()


def identities(story: Story) -> dict[str, tuple[str, int]]:
    """Uid and restarts of every pod of the story."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ())),
        )
        for pod in story.pods()
    }


@pytest.mark.parametrize("number", range(INSTALLS))
def test_what_is_applied_right_after_an_install_runs(kind_suite: KindCluster, story: Story, number: int) -> None:
    kind_suite.suite.uninstall()
    kind_suite.install()
    story.apply(fooset(f"app-{number}", service={"server": service(2)}))
    story.kubectl("wait", "--for=condition=Ready", f"fooset/app-{number}", "--timeout=100s")

    pods = story.pods()
    assert {pod["metadata"]["annotations"][names.SCHEDULER_ASSIGNED_BY] for pod in pods} == {names.ASSIGNED_BY_POLICY}
    assert {pod["spec"]["schedulerName"] for pod in pods} == {names.DEFAULT_SCHEDULER}


def test_helm_test_proves_a_trace_and_fails_without_a_scheduler(kind_suite: KindCluster) -> None:
    test = ("test", RELEASE, f"--namespace={NAMESPACE}", "--logs", "--timeout=100s")
    assert "Succeeded" in kind_suite.helm(*test)
    leftovers = kind_suite.kubectl("get", KINDS, f"--namespace={NAMESPACE}", "-o", "name").split()
    assert [name for name in leftovers if not name.startswith(f"pod/{RELEASE}-")] == []

    scheduler = ("scale", "deployment/foosets-scheduler", f"--namespace={NAMESPACE}")
    kind_suite.kubectl(*scheduler, "--replicas=0")
    its_pods = f"--selector=app.kubernetes.io/component={names.Component.SCHEDULER}"
    kind_suite.kubectl("wait", "--for=delete", "pod", its_pods, f"--namespace={NAMESPACE}", "--timeout=60s")
    with pytest.raises(ClusterError, match=rf"FAILED: FooSet .*\({names.Reason.SCHEDULER_SILENT}: "):
        kind_suite.helm(*test)
    kind_suite.kubectl(*scheduler, "--replicas=1")


def test_an_upgrade_renews_the_definitions_and_restarts_no_pod(kind_suite: KindCluster, story: Story) -> None:
    story.apply(small("app"))
    story.settle("app")
    before = identities(story)
    kind_suite.kubectl("annotate", "crd", f"foosets.{names.GROUP}", "controller-gen.kubebuilder.io/version=none")
    kind_suite.kubectl("patch", "crd", f"foosets.{names.GROUP}", "--type=json", f"--patch={WITHOUT_SHORT_NAME}")
    kind_suite.install({"components": {"resources": {"requests": {"cpu": "30m", "memory": "96Mi"}}}})

    definition = kind_suite.client.get("crd", f"foosets.{names.GROUP}")
    assert definition["spec"]["names"]["shortNames"] == ["fs"]
    story.kubectl("scale", "servicefooset", "app-server", "--replicas=3")
    story.until(lambda: len(story.running("server")) == 3)
    assert identities(story).items() >= before.items()


WITHOUT_SHORT_NAME = '[{"op": "remove", "path": "/spec/names/shortNames"}]'


def test_an_uninstall_leaves_definitions_sets_and_pods(kind_suite: KindCluster, story: Story) -> None:
    story.apply(small("app"))
    story.settle("app")
    before = identities(story)
    kind_suite.suite.uninstall()
    assert identities(story) == before
    assert story.fooset("app")["spec"]
    story.kubectl("get", "crd", *(f"{plural}.{names.GROUP}" for plural in CRDS))

    take_over(kind_suite, "other", "other-system")
    try:
        story.kubectl("scale", "servicefooset", "app-server", "--replicas=3")
        story.until(lambda: len(story.running("server")) == 3)
        assert identities(story).items() >= before.items()
    finally:
        kind_suite.helm("uninstall", "other", "--namespace=other-system", "--wait")
        kind_suite.kubectl("delete", "namespace", "other-system", "--wait=false")
        take_over(kind_suite, RELEASE, NAMESPACE)


def take_over(cluster: KindCluster, name: str, namespace: str) -> None:
    """Install under a name, over the definitions that a release of another name has left."""
    values = f"--values={cluster.state.root / f'values-{RELEASE}.json'}"
    options = ("--create-namespace", "--take-ownership", "--wait", "--timeout=110s", values)
    cluster.helm("install", name, CHART, f"--namespace={namespace}", *options)


@pytest.mark.parametrize("order", ["users first", "suite first"])
def test_namespaces_go_in_any_order_without_hanging(kind_suite: KindCluster, story: Story, order: str) -> None:
    story.apply(small("app"))
    story.settle("app")
    if order == "suite first":
        kind_suite.kubectl("delete", "namespace", NAMESPACE, f"--timeout={GONE_WITHIN:.0f}s")
    started = time.monotonic()
    story.kubectl("delete", "namespace", story.namespace, f"--timeout={GONE_WITHIN:.0f}s")
    assert time.monotonic() - started < GONE_WITHIN
    kind_suite.kubectl("create", "namespace", story.namespace)  # for the fixture to delete


def test_an_existing_cluster_is_used_and_left(kind_suite: KindCluster, story: Story, tmp_path: Path) -> None:
    named = {
        "KUBECONFIG": str(kind_suite.kubeconfig),
        "CONTEXT": context_name(kind_suite.record),
        "SUITE_IMAGE": kind_suite.record.suite_image,
    }
    existing = ExistingCluster(tmp_path / "existing", environ={**os.environ, **named})
    existing.up()
    existing.install()
    try:
        story.apply(small("app"))
        app = story.settle("app")
        assert shape(Jaeger(existing.jaeger_query_url).trace(app["status"]["traceID"])).roots
    finally:
        existing.down()
    assert "foosets" not in kind_suite.helm("list", "--all-namespaces")
    assert not existing.state.root.exists()
    assert len(story.running("server")) == 2
