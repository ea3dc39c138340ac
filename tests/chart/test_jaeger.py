"""The chart of Jaeger: what it renders, and that Jaeger takes its configuration."""

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import yaml
from chart.manifests import JAEGER_CHART, OBSERVABILITY, Helm, Manifest, Render, of_kind

from e2e.cluster import toolchain
from e2e.cluster.binaries import locate, sources
from e2e.cluster.ports import free_ports
from e2e.cluster.progress import Progress

STARTED_WITHIN = 20.0
PORTS = (4318, 16685, 16686, 13133)


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind).values()
    return found


def container(manifests: list[Manifest]) -> Manifest:
    (found,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def configuration(manifests: list[Manifest]) -> str:
    return only(manifests, "ConfigMap")["data"]["jaeger.yaml"]


def test_two_renders_are_equal_in_every_byte(helm: Helm) -> None:
    def text() -> str:
        return helm("template", "jaeger", str(JAEGER_CHART), "--set", "service.nodePort=30686")

    assert text() == text()


def test_the_official_image_is_pinned_to_the_charts_version(jaeger: Render) -> None:
    version = yaml.safe_load((JAEGER_CHART / "Chart.yaml").read_text())["appVersion"]
    assert container(jaeger())["image"] == f"docker.io/jaegertracing/jaeger:{version}"
    assert container(jaeger("--set", "image.repository=jaeger,image.tag=dev"))["image"] == "jaeger:dev"


def test_the_command_is_the_images_own_and_the_configuration_is_mounted(jaeger: Render) -> None:
    manifests = jaeger()
    found = container(manifests)
    (mount,) = found["volumeMounts"]
    (volume,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert "command" not in found
    assert found["args"] == [f"--config={mount['mountPath']}/jaeger.yaml"]
    assert volume == {"name": mount["name"], "configMap": {"name": only(manifests, "ConfigMap")["metadata"]["name"]}}


def test_a_new_configuration_makes_a_new_pod(jaeger: Render) -> None:
    def checksum(*args: str) -> str:
        template = only(jaeger(*args), "Deployment")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/configuration"]

    assert checksum() == checksum("--set", "image.tag=dev")
    assert checksum() != checksum("--set", "storage.maxTraces=7")


def test_spans_and_questions_have_a_service_that_the_other_chart_can_name(jaeger: Render) -> None:
    manifests = jaeger()
    service = only(manifests, "Service")
    ports = {entry["name"]: entry["containerPort"] for entry in container(manifests)["ports"]}
    assert (service["metadata"]["name"], service["metadata"]["namespace"]) == ("jaeger", OBSERVABILITY)
    assert "type" not in service["spec"]
    assert {entry["port"]: ports[entry["targetPort"]] for entry in service["spec"]["ports"]} == {
        4318: 4318,
        16686: 16686,
    }


def test_a_node_port_is_for_questions_alone(jaeger: Render) -> None:
    manifests = jaeger("--set", "service.nodePort=30686")
    outside = of_kind(manifests, "Service")["jaeger-query"]["spec"]
    assert of_kind(manifests, "Service")["jaeger"] == only(jaeger(), "Service")
    assert outside["type"] == "NodePort"
    assert [(entry["targetPort"], entry["nodePort"]) for entry in outside["ports"]] == [("query", 30686)]


@pytest.fixture(scope="module")
def running(jaeger: Render, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    """Jaeger as its container says, but on free ports of loopback; the URL of each port of the chart."""
    environment = {variable["name"]: variable["value"] for variable in container(jaeger())["env"]}
    text = configuration(jaeger()).replace("0.0.0.0", "127.0.0.1")
    chosen = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    for port, free in chosen.items():
        assert f":{port}" in text
        text = text.replace(f":{port}", f":{free}")
    home = tmp_path_factory.mktemp("jaeger")
    (home / "jaeger.yaml").write_text(text)
    program = str(locate(toolchain.JAEGER, sources(Progress(quiet=True))))
    with (home / "log").open("wb") as log:
        command = [program, f"--config={home / 'jaeger.yaml'}"]
        process = subprocess.Popen(command, env=environment, cwd="/", stdout=log, stderr=log)
    try:
        yield {port: f"http://127.0.0.1:{free}" for port, free in chosen.items()}
    finally:
        process.terminate()
        process.wait(timeout=10)


def answer(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe"])
def test_jaeger_answers_the_probes(jaeger: Render, running: dict[int, str], probe: str) -> None:
    found = container(jaeger())
    ports = {entry["name"]: entry["containerPort"] for entry in found["ports"]}
    get = found[probe]["httpGet"]
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            if answer(running[ports[get["port"]]] + get["path"]) == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{probe} never succeeds"
        time.sleep(0.1)
