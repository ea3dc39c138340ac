"""The killing proxy, between this test and the API server; the component is this test, which survives."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster import controlplane
from e2e.cluster.kubeconfig import Server
from e2e.cluster.local import LocalCluster
from e2e.killer import Killer, killing

pytestmark = pytest.mark.cluster

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def deaths() -> list[str]:
    return []


@pytest.fixture
def killer(cluster: LocalCluster, deaths: list[str]) -> Iterator[Killer]:
    server = Server(cluster.record.server, controlplane.authority(cluster.state))
    with killing(server, lambda: deaths.append("killed")) as killer:
        yield killer


@pytest.fixture
def token(cluster: LocalCluster) -> str:
    cluster.client.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "killer", "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        }
    )
    return cluster.kubectl("create", "token", "default").strip()


class Component:
    """One connection through the proxy."""

    def __init__(self, killer: Killer, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(killer.url).netloc, timeout=10)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> http.client.HTTPResponse:
        self._connection.request(method, path, json.dumps(body) if body else None, self._headers)
        return self._connection.getresponse()

    def create(self, name: str) -> int:
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        answer = self.ask("POST", CONFIG_MAPS, config_map)
        answer.read()
        return answer.status

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def component(killer: Killer, token: str) -> Iterator[Component]:
    component = Component(killer, token)
    yield component
    component.close()


def existing(cluster: LocalCluster) -> set[str]:
    with ApiServer.of(cluster.kubeconfig) as server:
        return {item["metadata"]["name"] for item in server.get(CONFIG_MAPS)["items"]}


def test_it_kills_at_the_write_that_was_done_and_keeps_the_reply(
    cluster: LocalCluster, killer: Killer, component: Component, deaths: list[str]
) -> None:
    killer.arm("default", 2)
    assert component.create("first") == 201
    assert component.create("first") == 409
    assert component.ask("GET", CONFIG_MAPS).read()
    assert not killer.killed.is_set()
    with pytest.raises(http.client.RemoteDisconnected):
        component.create("second")
    assert killer.killed.is_set()
    assert deaths == ["killed"]
    assert {"first", "second"} <= existing(cluster)


def test_what_the_dead_left_behind_is_dropped_and_the_next_life_is_let_through(
    cluster: LocalCluster, killer: Killer, component: Component, token: str, deaths: list[str]
) -> None:
    beside, after = Component(killer, token), Component(killer, token)
    assert beside.ask("GET", CONFIG_MAPS).read()
    killer.arm("default", 1)
    with pytest.raises(http.client.RemoteDisconnected):
        component.create("third")
    with pytest.raises(http.client.RemoteDisconnected):
        beside.create("left-behind")
    assert after.create("fourth") == 201
    assert {"third", "fourth"} <= existing(cluster)
    assert "left-behind" not in existing(cluster)
    assert deaths == ["killed"]
    beside.close()
    after.close()


def test_other_namespaces_do_not_count(killer: Killer, component: Component, deaths: list[str]) -> None:
    killer.arm("another", 1)
    assert component.create("fifth") == 201
    assert deaths == []


def test_a_watch_is_passed_on_as_it_comes(killer: Killer, component: Component, token: str) -> None:
    watcher = Component(killer, token)
    watch = watcher.ask("GET", f"{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name=seen&timeoutSeconds=5")
    assert component.create("seen") == 201
    assert json.loads(watch.readline())["object"]["metadata"]["name"] == "seen"
    watch.close()
    watcher.close()
