"""Upgrade, uninstall and reinstall: the release comes and goes, CRDs and everybody's sets stay."""

import re
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from chart.asking import FOOSET, PLAIN, child, fooset, send
from chart.manifests import CHART, NAMESPACE, Manifest

from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from foosets.api.meta import FOOSETS
from tests.cluster.waiting import until_served

pytestmark = pytest.mark.cluster

KINDS = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"
    "mutatingadmissionpolicies,mutatingadmissionpolicybindings"
)
NAMESPACED = "serviceaccounts,roles,rolebindings,leases,pods,deployments,poddisruptionbudgets,configmaps,secrets"
CRD = f"{FOOSETS.plural}.{FOOSETS.group}"
GONE_WITHIN = 90.0
"""The garbage collector looks for new kinds every 30 s, and the CRDs have just come."""
ADDED = {"name": "Added", "type": "string", "jsonPath": ".metadata.name"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane without our chart."""
    made = LocalCluster(tmp_path_factory.mktemp("lifecycle") / "cluster")
    try:
        made.up(node_count=0, with_jaeger=False)
        made.client.apply(*namespaces())
        yield made
    finally:
        made.down()


def namespaces() -> list[Manifest]:
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NAMESPACE, PLAIN)]


@pytest.fixture
def family(cluster: LocalCluster) -> Iterator[Manifest]:
    """A release with a set and its child, as a controller has left them; both releases are gone afterwards."""
    try:
        release(cluster, "install", "foosets", CHART, "--take-ownership")
        until_served(cluster)
        stored = send(cluster, fooset("app"), "admin", "create")
        send(cluster, child("BatchFooSet", "app", stored["metadata"]["uid"]), FOOSET, "create")
        yield stored
    finally:
        for name in ("foosets", "other"):
            cluster.helm("uninstall", name, "--namespace", NAMESPACE, "--ignore-not-found")
        cluster.kubectl("--namespace", PLAIN, "delete", "foosets", "--all")
        until_gone(cluster, "batchfoosets")


def release(cluster: LocalCluster, verb: str, name: str, chart: Path, *options: str) -> str:
    return cluster.helm(verb, name, str(chart), "--namespace", NAMESPACE, "--set=components.run=External", *options)


def sets(cluster: LocalCluster, kinds: str) -> list[Manifest]:
    return cluster.client.get("--namespace", PLAIN, kinds)["items"]


def uids(cluster: LocalCluster) -> set[str]:
    return {one["metadata"]["uid"] for one in sets(cluster, "foosets,batchfoosets")}


def until_gone(cluster: LocalCluster, kinds: str) -> None:
    deadline = time.monotonic() + GONE_WITHIN
    while sets(cluster, kinds):
        assert time.monotonic() < deadline, f"{kinds} stay"
        time.sleep(0.1)


def leftovers(cluster: LocalCluster) -> list[str]:
    """What carries the mark of a release of ours, CRDs apart."""
    mark = ("--selector", "app.kubernetes.io/name=foosets")
    items = [
        *cluster.client.get(KINDS, *mark)["items"],
        *cluster.client.get("--all-namespaces", NAMESPACED, *mark)["items"],
        *cluster.client.get("--all-namespaces", "secrets", "--selector", "owner=helm")["items"],
    ]
    return [f"{one['kind']}/{one['metadata']['name']}" for one in items]


@pytest.mark.usefixtures("family")
def test_an_upgrade_brings_newer_crds_and_keeps_every_set(cluster: LocalCluster, tmp_path: Path) -> None:
    before = uids(cluster)
    newer = tmp_path / "foosets"
    shutil.copytree(CHART, newer)
    file = newer / "files" / "crds" / "foosets.yaml"
    crd = yaml.load(file.read_text(), yaml.CSafeLoader)
    crd["spec"]["versions"][0]["additionalPrinterColumns"].append(ADDED)
    file.write_text(yaml.safe_dump(crd))

    release(cluster, "upgrade", "foosets", newer)

    served = cluster.client.get("crd", CRD)["spec"]["versions"][0]
    assert ADDED in served["additionalPrinterColumns"]
    assert uids(cluster) == before


@pytest.mark.usefixtures("family")
def test_an_upgrade_that_leaves_the_crds_to_others_keeps_them(cluster: LocalCluster) -> None:
    before = uids(cluster)
    release(cluster, "upgrade", "foosets", CHART, "--set=crds.enabled=false")
    assert uids(cluster) == before


@pytest.mark.usefixtures("family")
def test_an_uninstall_leaves_crds_and_sets_and_nothing_else(cluster: LocalCluster) -> None:
    before = uids(cluster)
    assert leftovers(cluster)
    cluster.helm("uninstall", "foosets", "--namespace", NAMESPACE)
    assert leftovers(cluster) == []
    assert uids(cluster) == before


@pytest.mark.usefixtures("family")
def test_without_controllers_a_set_goes_with_all_that_it_owns(cluster: LocalCluster) -> None:
    cluster.helm("uninstall", "foosets", "--namespace", NAMESPACE)
    cluster.kubectl("--namespace", PLAIN, "delete", "fooset", "app")
    until_gone(cluster, "foosets,batchfoosets")


def test_another_release_takes_the_crds_over_when_told(cluster: LocalCluster, family: Manifest) -> None:
    before = uids(cluster)
    cluster.helm("uninstall", "foosets", "--namespace", NAMESPACE)
    with pytest.raises(ClusterError, match="invalid ownership metadata"):
        release(cluster, "install", "other", CHART)

    release(cluster, "install", "other", CHART, "--take-ownership")

    owner = cluster.client.get("crd", CRD)["metadata"]["annotations"]
    assert owner["meta.helm.sh/release-name"] == "other"
    assert family["metadata"]["uid"] in uids(cluster)
    assert uids(cluster) == before
    assert "ClusterRole/other-foosets-fooset" in leftovers(cluster)


@pytest.mark.usefixtures("family")
def test_a_namespace_that_goes_first_keeps_nobody_from_deleting_sets(cluster: LocalCluster) -> None:
    cluster.kubectl("delete", "namespace", NAMESPACE)
    assert leftovers(cluster)
    cluster.kubectl("--namespace", PLAIN, "delete", "fooset", "app")
    until_gone(cluster, "foosets,batchfoosets")
    (command,) = re.findall(r"^kubectl (delete clusterrole[^`]+)", (CHART / "README.md").read_text(), re.MULTILINE)
    cluster.kubectl(*shlex.split(command.replace("\\\n", "")))
    assert leftovers(cluster) == []
    cluster.client.apply(*namespaces())


@pytest.mark.usefixtures("family")
def test_the_same_release_comes_back_without_being_told(cluster: LocalCluster) -> None:
    before = uids(cluster)
    cluster.helm("uninstall", "foosets", "--namespace", NAMESPACE)
    release(cluster, "install", "foosets", CHART)
    assert uids(cluster) == before
