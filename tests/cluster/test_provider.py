"""Which provider a cluster comes from, and what each needs."""

import json
import os
from pathlib import Path

import pytest
import yaml

from e2e.cluster import images, kubeconfig, provider
from e2e.cluster.cluster import Cluster
from e2e.cluster.engine import Engine
from e2e.cluster.errors import ClusterError
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster
from e2e.cluster.state import Record, StateDirectory

NO_ENGINE = {"PATH": "/nonexistent"}
BUILDS = """
case $1 in image | pull) exit 1 ;; esac
for argument; do case $argument in --iidfile=*) echo sha256:0123456789abcdef > "${argument#*=}" ;; esac; done
"""
"""A docker that has no image and can pull none, but builds."""


def docker(directory: Path, script: str) -> dict[str, str]:
    """An environment whose `docker` is a script."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{directory}{os.pathsep}{os.defpath}"}


def holding(root: Path, name: str) -> Path:
    """A state directory with a cluster of a provider in it."""
    state = StateDirectory(root)
    with state.locked(create=True):
        state.begin(name)
    return root


@pytest.mark.parametrize(
    ("name", "made"), [("kind", KindCluster), ("local", LocalCluster), ("existing", ExistingCluster)]
)
def test_the_environment_names_it(tmp_path: Path, name: str, made: type[Cluster]) -> None:
    assert type(provider.cluster(tmp_path, environ={"CLUSTER": name, **NO_ENGINE})) is made


def test_one_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"CLUSTER=minikube[\s\S]*available: kind, local, existing"):
        provider.cluster(tmp_path, environ={"CLUSTER": "minikube", **NO_ENGINE})


@pytest.mark.parametrize("unsaid", [{}, {"CLUSTER": ""}])
def test_unasked_it_is_kind_where_an_engine_answers(tmp_path: Path, unsaid: dict[str, str]) -> None:
    answers, fails = docker(tmp_path / "a", "echo 28.0"), docker(tmp_path / "b", "exit 1")
    assert isinstance(provider.cluster(tmp_path, environ={**unsaid, **answers}), KindCluster)
    assert isinstance(provider.cluster(tmp_path, environ={**unsaid, **fails}), LocalCluster)
    assert isinstance(provider.cluster(tmp_path, environ={**unsaid, **NO_ENGINE}), LocalCluster)


def test_a_cluster_that_is_there_decides(tmp_path: Path) -> None:
    root = holding(tmp_path / "cluster", "local")
    engine = docker(tmp_path / "bin", "echo 28.0")
    assert isinstance(provider.cluster(root, environ=engine), LocalCluster)
    with pytest.raises(ClusterError, match="provider local"):
        provider.cluster(root, environ={"CLUSTER": "kind", **engine})


def test_a_directory_holds_clusters_of_one_provider(tmp_path: Path) -> None:
    root = holding(tmp_path / "cluster", "kind")
    with pytest.raises(ClusterError, match=r"provider kind, not local[\s\S]*down"):
        holding(root, "local")


def test_a_cluster_is_taken_down_by_its_own_provider(tmp_path: Path) -> None:
    root = holding(tmp_path / "cluster", "kind")
    with pytest.raises(ClusterError, match=r"provider kind, not local"):
        LocalCluster(root).down()
    assert StateDirectory(root).load() is not None


def test_kind_without_an_engine_says_what_needs_none(tmp_path: Path) -> None:
    cluster = KindCluster(tmp_path / "cluster", engine=Engine(NO_ENGINE))
    with pytest.raises(ClusterError, match=r"no container engine answers[\s\S]*CLUSTER=local"):
        cluster.up()
    assert not (tmp_path / "cluster").exists()


def test_an_existing_cluster_is_named_by_its_context(tmp_path: Path) -> None:
    cluster = ExistingCluster(tmp_path / "cluster", environ=NO_ENGINE)
    with pytest.raises(ClusterError, match="needs CONTEXT"):
        cluster.up()
    assert not (tmp_path / "cluster").exists()


def test_an_engine_that_lacks_an_image_has_no_id_of_it(tmp_path: Path) -> None:
    assert Engine(docker(tmp_path, "exit 1")).image_id("foosets:0.1.0") == ""


def test_a_failed_build_shows_its_log(tmp_path: Path) -> None:
    engine = Engine(docker(tmp_path, "echo no space left on device >&2; exit 1"))
    with pytest.raises(ClusterError, match="no space left on device"):
        engine.build("foosets:0.1.0", tmp_path, tmp_path / "build.log", {})


def test_jaeger_is_what_the_engine_has_or_can_pull_else_packed(tmp_path: Path) -> None:
    def asked(name: str, script: str) -> list[str]:
        calls = tmp_path / name / "calls"
        engine = Engine(docker(tmp_path / name, f'echo "$1" >> {calls}\n{script}'))
        program = tmp_path / "jaeger"
        program.touch()
        assert images.have_jaeger(engine, tmp_path / "log", lambda: program) == images.jaeger_image()
        return calls.read_text().split()

    assert asked("has", "echo sha256:1") == ["image"]
    assert asked("pulls", '[ "$1" = pull ]') == ["image", "pull"]
    assert asked("packs", BUILDS) == ["image", "pull", "build"]


def test_the_suites_image_is_named_after_its_content(tmp_path: Path) -> None:
    engine = Engine(docker(tmp_path, BUILDS))
    assert images.build_suite(engine, tmp_path / "log") == f"{images.plain_name()}-0123456789ab"


def test_the_examples_and_the_chart_run_the_image_that_is_built() -> None:
    example = (images.REPOSITORY / "docs" / "examples" / "demo.yaml").read_text()
    assert example.count(f"image: {images.plain_name()}\n") == 2
    chart = yaml.safe_load((images.REPOSITORY / "charts" / "foosets" / "Chart.yaml").read_text())
    assert chart["appVersion"] == images.version()


def test_a_kubeconfig_of_one_context_gets_the_clusters_name() -> None:
    config = {
        "clusters": [{"name": "prod", "cluster": {"server": "https://prod"}}],
        "contexts": [{"name": "admin@prod", "context": {"cluster": "prod", "user": "admin", "namespace": "team"}}],
        "users": [{"name": "admin", "user": {}}],
        "current-context": "admin@prod",
    }
    record = Record(provider="existing", id="abc")
    made = kubeconfig.renamed(config, kubeconfig.context_name(record))
    assert made["current-context"] == "foosets-abc"
    assert json.dumps(made["contexts"]) == json.dumps(
        [{"name": "foosets-abc", "context": {"cluster": "foosets-abc", "user": "admin", "namespace": "team"}}]
    )
