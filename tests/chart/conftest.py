"""The chart, rendered by the real Helm; and, for the policies, installed on a real API server."""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from chart.asking import (
    DEPLOYER,
    EDITOR,
    EMPTY,
    OVERRIDING,
    PLAIN,
    SCHEDULER,
    SERVICE,
    at_fault,
    child,
    created,
    fooset,
    is_binding_refused,
    is_refused,
    labelled_binding,
    waiting_pod,
)
from chart.manifests import CHART, JAEGER_CHART, NAMESPACE, OBSERVABILITY, Helm, Manifest, Render, parsed

from e2e.cluster import toolchain
from e2e.cluster.binaries import locate, sources
from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from foosets.api import names
from tests.cluster.waiting import until, until_may


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Runs Helm without a cluster and returns what it printed; a failure raises CalledProcessError."""
    program = str(locate(toolchain.HELM, sources(Progress(quiet=True))))

    def run(*args: str) -> str:
        return subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="session")
def template(helm: Helm) -> Helm:
    """Renders the release `foosets` in `foosets-system`, as text."""

    def run(*args: str) -> str:
        return helm("template", "foosets", str(CHART), "--namespace", NAMESPACE, *args)

    return run


@pytest.fixture(scope="session")
def render(template: Helm) -> Render:
    """Renders the same as manifests, without the CRDs, which are long and have tests of their own."""

    @cache
    def text(*args: str) -> str:
        return template("--set", "crds.enabled=false", *args)

    def run(*args: str) -> list[Manifest]:
        return parsed(text(*args))

    return run


@pytest.fixture(scope="session")
def jaeger(helm: Helm) -> Render:
    """Renders the release `jaeger` of its chart in `observability`."""

    @cache
    def run(*args: str) -> list[Manifest]:
        return parsed(helm("template", "jaeger", str(JAEGER_CHART), "--namespace", OBSERVABILITY, *args))

    return run


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane with the chart installed, of its own: policies would judge what other tests write.

    No component of ours runs, so that nothing but the policies answers. There is a node, since the API server hands
    labels of a node on to what is bound to it, before policies see the binding.
    """
    made = LocalCluster(tmp_path_factory.mktemp("chart") / "cluster")
    try:
        made.up(node_count=1, with_jaeger=False)
        made.install_chart()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def policies(installed: LocalCluster) -> LocalCluster:
    """The same with the policies in force, and with a few namespaces and people."""
    installed.have_namespace(PLAIN)
    installed.have_namespace(OVERRIDING, {names.SCHEDULER_NAME_LABEL: "other-scheduler"})
    installed.have_namespace(EMPTY, {names.SCHEDULER_NAME_LABEL: ""})
    installed.client.apply(*grants())
    until_in_force(installed)
    return installed


def grants() -> list[Manifest]:
    def may(user: str, role: str) -> Manifest:
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{user}-{role}", "namespace": PLAIN},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }

    pods: Manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "policies-pods"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}],
    }
    return [
        pods,
        *(may(user, role) for user in (EDITOR, DEPLOYER) for role in ("foosets-view", "foosets-edit")),
        may(DEPLOYER, "policies-pods"),
    ]


def until_in_force(cluster: LocalCluster) -> None:
    """Return when each policy and the last binding of a role were seen to act.

    They arrive in the API server's watches one by one. Until it has read the schemas of what a policy changes, it
    refuses with 503 what that policy would change.
    """

    def names_the_scheduler() -> bool:
        try:
            pod = created(cluster, waiting_pod(), SERVICE)
        except ClusterError:
            return False
        return pod["spec"]["schedulerName"] == names.DEFAULT_SCHEDULER

    until_may(cluster, DEPLOYER, "create", "pods", PLAIN)
    probes: list[Callable[[], bool]] = [
        names_the_scheduler,
        lambda: is_refused(cluster, waiting_pod(), "admin"),
        lambda: is_refused(cluster, child("BatchFooSet", "probe", "no-parent"), "admin"),
        lambda: is_refused(cluster, fooset("probe"), EDITOR),
        lambda: is_refused(cluster, at_fault(), "admin"),
        lambda: is_binding_refused(cluster, labelled_binding(), SCHEDULER),
    ]
    until(lambda: all(probe() for probe in probes))
