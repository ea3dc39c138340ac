"""A rendered Deployment as a process, under its own ServiceAccount."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from e2e.cluster import processes
from e2e.cluster.components import OVERRIDES, Component
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import Server
from e2e.cluster.local import LocalCluster
from tests.cluster.waiting import until

pytestmark = pytest.mark.cluster
HERE = Path(__file__).parent
VALUES = {"script": str(HERE / "echo.py")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    made = LocalCluster(tmp_path_factory.mktemp("components") / "cluster", chart=HERE / "chart")
    try:
        made.up(node_count=0)
        made.install_chart(VALUES)
        made.start_components(VALUES)
        yield made
    finally:
        made.down()


@pytest.fixture
def echo(installed: LocalCluster) -> Component:
    component = installed.component("echo")
    component.start()
    component.wait_ready()
    return component


def ask(component: Component) -> dict[str, Any]:
    with urllib.request.urlopen(component.url, timeout=5) as answer:
        return json.load(answer)


def test_the_release_has_no_deployment_and_no_pod(installed: LocalCluster) -> None:
    assert installed.kubectl("get", "deployments,pods", "-A", "-o", "name") == ""
    assert "foosets-echo" in installed.kubectl("-n", "foosets-system", "get", "serviceaccounts", "-o", "name")


def test_it_runs_with_the_arguments_and_variables_of_its_deployment(echo: Component) -> None:
    seen = ask(echo)
    assert seen["argv"] == ["hello", "again"]
    assert seen["environment"]["GREETING"] == "hello"
    assert seen["environment"]["NAMESPACE"] == "foosets-system"


def test_exactly_three_variables_are_overridden(installed: LocalCluster, echo: Component) -> None:
    assert OVERRIDES == ("KUBECONFIG", "FOOSETS_HTTP_PORT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    rendered = {"GREETING", "NAMESPACE"}
    of_a_pod = {"PATH", "HOME", "LANG", "FOOSETS_HTTP_HOST"}
    environment = ask(echo)["environment"]
    environment.pop("LC_CTYPE", None)  # the interpreter's own, in a C locale
    assert set(environment) == rendered | of_a_pod | set(OVERRIDES) | {processes.MARK}
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == installed.otlp_endpoint


def test_the_api_server_knows_it_by_its_service_account(installed: LocalCluster, echo: Component) -> None:
    who = json.loads(installed.kubectl("--kubeconfig", str(echo.kubeconfig), "auth", "whoami", "-o", "json"))
    user = who["status"]["userInfo"]
    assert user["username"] == "system:serviceaccount:foosets-system:foosets-echo"
    assert "system:masters" not in user["groups"]


def test_a_killed_component_comes_back(echo: Component) -> None:
    pid, restarts = echo.life.pid, echo.life.restarts
    echo.kill()
    until(lambda: echo.life.pid not in {pid, None})
    echo.wait_ready()
    assert echo.life.restarts == restarts + 1


def test_a_stopped_component_stays_down_until_it_is_started(echo: Component) -> None:
    echo.stop()
    assert echo.life.pid is None
    with pytest.raises(URLError, match="refused"):
        ask(echo)
    echo.start()
    echo.wait_ready()
    assert ask(echo)["argv"] == ["hello", "again"]


def test_it_can_be_led_through_another_server_and_back(installed: LocalCluster, echo: Component) -> None:
    proxy = Server("https://127.0.0.1:1", echo.kubeconfig)
    echo.start(proxy)
    assert proxy.url in echo.kubeconfig.read_text()
    echo.start()
    assert installed.record.server in echo.kubeconfig.read_text()


def test_starting_again_leaves_a_running_component_alone(installed: LocalCluster, echo: Component) -> None:
    pid = echo.life.pid
    installed.install_chart(VALUES)
    installed.start_components(VALUES)
    assert echo.life.pid == pid


def test_changed_values_restart_it(installed: LocalCluster, echo: Component) -> None:
    pid = echo.life.pid
    installed.start_components({**VALUES, "greeting": "good morning"})
    assert echo.life.pid != pid
    assert ask(echo)["argv"] == ["good morning", "again"]
    installed.start_components(VALUES)


def test_an_unknown_component_is_named_with_those_that_are_there(installed: LocalCluster) -> None:
    with pytest.raises(ClusterError, match=r"no component nobody; there are: echo, jaeger"):
        _ = installed.component("nobody").program


def test_a_component_that_fails_is_reported_with_its_log(installed: LocalCluster) -> None:
    with pytest.raises(ClusterError, match=r"echo is not ready[\s\S]*No such file"):
        installed.start_components({"script": "/nowhere/echo.py"})
    installed.start_components(VALUES)
