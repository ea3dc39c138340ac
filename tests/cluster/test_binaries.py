import os
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from e2e.cluster.binaries import Binaries, Cache, cache_directory, locate, sources
from e2e.cluster.build import build
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress
from e2e.cluster.toolchain import (
    ETCD,
    HELM,
    KIND,
    KUBE_APISERVER,
    KUBECTL,
    LOCAL_TOOLS,
    TOOLS,
    Tool,
    fingerprint,
    kubernetes_version,
    linker_flags,
    pinned_version,
)

QUIET = Progress(quiet=True)
GO_MODULES = {
    "kubernetes": "k8s.io/kubernetes",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kwok": "sigs.k8s.io/kwok",
    "helm": "helm.sh/helm/v4",
    "jaeger": "github.com/jaegertracing/jaeger",
    "kind": "sigs.k8s.io/kind",
}


def executable(path: Path, content: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def environ(tmp_path: Path, go: str = "exit 99") -> dict[str, str]:
    """An environment with an empty cache, no downloads, and a `go` that appends to `calls` and then does as told."""
    executable(tmp_path / "go" / "go", f"#!/bin/sh\necho $PWD >> {tmp_path}/calls\n{go}\n")
    return {
        "PATH": f"{tmp_path}/go:{os.defpath}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "FOOSETS_DOWNLOADS": "off",
    }


BUILDS = 'while [ "$1" != -o ]; do shift; done; echo built > "$2"; chmod +x "$2"'


def test_the_named_directory_comes_first(tmp_path: Path) -> None:
    named = executable(tmp_path / "named" / "etcd")
    variables = {**environ(tmp_path), "FOOSETS_BIN_DIR": str(tmp_path / "named")}
    executable(Cache(cache_directory(variables)).place(ETCD))
    assert locate(ETCD, sources(QUIET, variables)) == named


def test_the_cache_comes_before_a_build(tmp_path: Path) -> None:
    variables = {**environ(tmp_path), "FOOSETS_BIN_DIR": str(tmp_path)}
    cached = executable(Cache(cache_directory(variables)).place(ETCD))
    assert locate(ETCD, sources(QUIET, variables)) == cached
    assert not (tmp_path / "calls").exists()


def test_what_is_nowhere_is_built_from_its_own_module_and_cached(tmp_path: Path) -> None:
    variables = environ(tmp_path, BUILDS)
    built = locate(ETCD, sources(QUIET, variables))
    assert built == tmp_path / "cache" / "foosets" / "bin" / fingerprint(ETCD) / "etcd"
    assert built.read_text() == "built\n"
    assert (tmp_path / "calls").read_text() == f"{ETCD.directory}\n"
    assert locate(ETCD, sources(QUIET, variables)) == built
    assert (tmp_path / "calls").read_text().count("\n") == 1


def test_every_tool_of_the_local_cluster_is_found_and_no_other(tmp_path: Path) -> None:
    found = Binaries.find(QUIET, environ(tmp_path, BUILDS))
    assert {found[tool].name for tool in LOCAL_TOOLS} == {tool.name for tool in LOCAL_TOOLS}
    assert "kind" not in found.paths


def test_a_provider_gets_the_tools_that_it_asks_for(tmp_path: Path) -> None:
    found = Binaries.find(QUIET, environ(tmp_path, BUILDS), tools=(KIND, HELM))
    assert set(found.paths) == {"kind", "helm"}
    assert (tmp_path / "calls").read_text().splitlines() == [str(KIND.directory), str(HELM.directory)]


def test_the_estimate_is_that_of_what_is_missing(tmp_path: Path) -> None:
    said = StringIO()
    variables = environ(tmp_path, BUILDS)
    progress = Progress(console=Console(file=said, width=200))
    Binaries.find(progress, variables, tools=(KIND,))
    Binaries.find(progress, variables, tools=(KIND, KUBE_APISERVER, HELM))
    first, second = (line for line in said.getvalue().splitlines() if line.startswith("to build"))
    assert first == "to build, once: kind. That takes about a minute."
    assert second == "to build, once: kube-apiserver, helm. That takes about 12 minutes on two cores."


def test_a_named_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="FOOSETS_BIN_DIR"):
        sources(QUIET, {"FOOSETS_BIN_DIR": str(tmp_path / "nowhere")})


def test_without_go_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no Go on PATH[\s\S]*go\.dev"):
        locate(ETCD, sources(QUIET, {"PATH": str(tmp_path), "HOME": str(tmp_path), "FOOSETS_DOWNLOADS": "off"}))


def test_a_failed_build_shows_the_end_of_its_log_and_leaves_nothing_that_looks_built(tmp_path: Path) -> None:
    variables = environ(tmp_path, "echo no such module >&2; exit 1")
    with pytest.raises(ClusterError, match=r"building etcd failed[\s\S]*no such module[\s\S]*hint"):
        locate(ETCD, sources(QUIET, variables))
    assert Cache(cache_directory(variables)).find(ETCD) is None


def test_a_build_that_was_killed_leaves_nothing_that_looks_built(tmp_path: Path) -> None:
    variables = environ(tmp_path, 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; kill -9 $$')
    place = tmp_path / "bin" / "etcd"
    with pytest.raises(ClusterError):
        build(ETCD, place, QUIET, variables)
    assert not place.exists()
    build(ETCD, place, QUIET, environ(tmp_path, BUILDS))
    assert {entry.name for entry in place.parent.iterdir()} == {"etcd", "etcd.lock", "etcd.log"}


def test_two_that_want_the_same_program_build_it_once(tmp_path: Path) -> None:
    variables = environ(tmp_path, BUILDS)
    place = tmp_path / "bin" / "etcd"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: build(ETCD, place, QUIET, variables), range(2)))
    assert (tmp_path / "calls").read_text().count("\n") == 1


def test_kubernetes_is_stamped_with_the_version_that_is_pinned() -> None:
    version = kubernetes_version()
    assert f"gitVersion={version}" in linker_flags(KUBECTL)
    assert f"gitMinor={version.split('.')[1]} " not in linker_flags(ETCD)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_version_of_a_tool_is_that_of_the_module_it_comes_from(tool: Tool) -> None:
    required = (tool.directory / "go.mod").read_text().splitlines()
    line = f"{GO_MODULES[tool.module]} {pinned_version(tool)}"
    assert any(line == given.strip().removeprefix("require ").removesuffix(" // indirect") for given in required)


def test_every_module_pins_the_packages_that_are_built_from_it() -> None:
    for tool in TOOLS:
        assert tool.package in (tool.directory / "go.mod").read_text()
        assert (tool.directory / "go.sum").stat().st_size > 0
