"""Who names the scheduler where no policy does: the chart's other choice, for older API servers."""

from collections.abc import Callable

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, is_true

pytestmark = pytest.mark.cluster

VALUES = {"policies": {"schedulerName": "Controller"}}
OTHER = "other-scheduler"


def test_without_the_policy_the_controller_names_the_scheduler(new_cluster: Callable[[], LocalCluster]) -> None:
    cluster = new_cluster()
    cluster.up(node_count=2)
    cluster.install_chart(VALUES)
    cluster.start_components(VALUES)
    assert "scheduler-name" not in cluster.kubectl("get", "mutatingadmissionpolicies")
    cluster.have_namespace("plain")
    cluster.have_namespace("overriding", {names.SCHEDULER_NAME_LABEL: OTHER})
    with ApiServer.of(cluster.kubeconfig) as server:
        plain, overriding = Story(cluster, server, "plain"), Story(cluster, server, "overriding")
        for story in (plain, overriding):
            story.apply(manifests.fooset("app", service={"server": manifests.service(2)}))
        assert is_true(plain.settle("app"), "Ready")
        overriding.until(lambda: len(overriding.pods()) == 2)
        assert assigned(plain) == {(names.DEFAULT_SCHEDULER, names.ASSIGNED_BY_CONTROLLER)}
        assert assigned(overriding) == {(OTHER, names.ASSIGNED_BY_CONTROLLER)}


def assigned(story: Story) -> set[tuple[str, str]]:
    """Which scheduler each pod waits for, and who said so."""
    return {
        (pod["spec"]["schedulerName"], pod["metadata"]["annotations"].get(names.SCHEDULER_ASSIGNED_BY, ""))
        for pod in story.pods()
    }
