import hashlib
import os
import re
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from cluster.fileserver import FileServer, artifact, everything, official, path, serving, special, tarred
from rich.console import Console

from e2e.cluster.binaries import Binaries, Cache, cache_directory, locate, sources
from e2e.cluster.downloads import Downloaded, Downloads, Site, site
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress
from e2e.cluster.releases import Machine
from e2e.cluster.toolchain import ETCD, HELM, KIND, KUBE_APISERVER, KUBECTL, TOOLS, Tool, pinned_version

ROOT = Path(__file__).parent.parent.parent
QUIET = Progress(quiet=True)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def go(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty cache and a `go` that leaves a mark and builds."""
    program = tmp_path / "go" / "go"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ntouch {tmp_path}/was-built\n"
        'while [ "$1" != -o ]; do shift; done; echo built > "$2"; chmod +x "$2"\n'
    )
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}/go:{os.defpath}", "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def variables(go: dict[str, str], server: FileServer) -> dict[str, str]:
    """The same, with the server as mirror of the official hosts."""
    return {**go, "FOOSETS_DOWNLOADS": server.url}


def downloaded(variables: dict[str, str]) -> Downloaded:
    found = site(variables)
    assert found
    return Downloaded(cache_directory(variables), found)


def files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.rglob("*") if entry.is_file()}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_is_downloaded_and_verified_from_what_its_project_publishes(
    server: FileServer, variables: dict[str, str], tmp_path: Path, tool: Tool
) -> None:
    everything(server)
    found = locate(tool, sources(QUIET, variables))
    assert found == downloaded(variables).place(tool)
    assert found.read_text() == tool.name
    assert os.access(found, os.X_OK)
    assert files(tmp_path / "cache") == {tool.name, f"{tool.name}.lock"}
    assert sorted(server.asked) == sorted({path(official(tool).url), path(official(tool).checksums)})
    assert not (tmp_path / "was-built").exists()


def test_what_was_downloaded_is_not_asked_for_again(server: FileServer, variables: dict[str, str]) -> None:
    server.publish(ETCD)
    first = locate(ETCD, sources(QUIET, variables))
    server.asked.clear()
    assert locate(ETCD, sources(QUIET, variables)) == first
    assert server.asked == []


def test_the_cache_comes_before_a_download_and_a_download_before_a_build(
    server: FileServer, variables: dict[str, str], tmp_path: Path
) -> None:
    everything(server)
    built = Cache(cache_directory(variables)).place(HELM)
    built.parent.mkdir(parents=True)
    built.touch()
    named = tmp_path / "named" / "etcd"
    named.parent.mkdir()
    named.touch(mode=0o755)
    found = Binaries.find(QUIET, {**variables, "FOOSETS_BIN_DIR": str(named.parent)}, tools=(ETCD, HELM, KUBECTL))
    assert (found[ETCD], found[HELM]) == (named, built)
    assert found[KUBECTL].read_text() == "kubectl"
    assert not (tmp_path / "was-built").exists()


def test_a_file_that_is_not_what_was_published_stops_everything_and_is_not_kept(
    server: FileServer, variables: dict[str, str], tmp_path: Path
) -> None:
    server.publish(KUBECTL, content=b"not what you think")
    server.vouch(KUBECTL, "0" * 64)
    found = hashlib.sha256(b"not what you think").hexdigest()
    with pytest.raises(ClusterError, match=rf"kubectl has the SHA-256 {found}, and {'0' * 64} was published"):
        locate(KUBECTL, sources(QUIET, variables))
    assert files(tmp_path / "cache") == {"kubectl.lock"}
    assert not (tmp_path / "was-built").exists()


def test_an_archive_is_judged_as_a_whole(server: FileServer, variables: dict[str, str]) -> None:
    server.publish(HELM)
    server.files[path(official(HELM).url)] += b"more"
    with pytest.raises(ClusterError, match="was published"):
        locate(HELM, sources(QUIET, variables))


@pytest.mark.parametrize("lacking", ["url", "checksums"])
def test_what_is_missing_is_built_and_one_line_says_so(
    server: FileServer, variables: dict[str, str], tmp_path: Path, lacking: str
) -> None:
    everything(server)
    address: str = getattr(official(ETCD), lacking)
    del server.files[path(address)]
    said = StringIO()
    found = Binaries.find(Progress(console=Console(file=said, width=500)), variables, tools=(ETCD, HELM))
    assert found[ETCD].read_text() == "built\n"
    assert found[HELM].read_text() == "helm"
    lines = [line for line in said.getvalue().splitlines() if line.startswith("no official")]
    assert lines == [f"no official download of etcd ({server.url}{path(address)}: 404 Not Found)"]
    assert "to build, once: etcd." in said.getvalue()
    assert files(tmp_path / "cache") == {"etcd", "etcd.lock", "etcd.log", "helm", "helm.lock"}


def test_what_nobody_vouches_for_is_built(server: FileServer, variables: dict[str, str]) -> None:
    server.publish(KIND)
    server.files[path(official(KIND).checksums)] = b"<html>log in first</html>"
    assert locate(KIND, sources(QUIET, variables)).read_text() == "built\n"
    assert path(official(KIND).url) not in server.asked


@pytest.mark.parametrize("code", [429, 503])
def test_a_host_that_refuses_is_asked_once(server: FileServer, variables: dict[str, str], code: int) -> None:
    everything(server)
    server.codes[path(official(KUBECTL).checksums)] = code
    found = Binaries.find(QUIET, variables, tools=(KUBECTL, KUBE_APISERVER, HELM))
    assert {found[tool].read_text() for tool in (KUBECTL, KUBE_APISERVER, HELM)} == {"built\n"}
    assert server.asked == [path(official(KUBECTL).checksums)]


def test_when_nobody_answers_all_is_built_at_once_and_one_line_says_so(go: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    said = StringIO()
    started = time.monotonic()
    among = sources(Progress(console=Console(file=said, width=500)), {**go, "FOOSETS_DOWNLOADS": f"http://{host}"})
    assert [among[2].find(tool) for tool in TOOLS] == [None] * len(TOOLS)
    assert time.monotonic() - started < 1.0
    assert re.fullmatch(rf"no official downloads from {re.escape(host)} \(.*refused.*\)\n", said.getvalue())


def test_nobody_is_asked_while_nothing_is_missing(variables: dict[str, str]) -> None:
    unreachable = {**variables, "FOOSETS_DOWNLOADS": "http://host.invalid"}
    built = Cache(cache_directory(variables)).place(ETCD)
    built.parent.mkdir(parents=True)
    built.touch()
    said = StringIO()
    Binaries.find(Progress(console=Console(file=said)), unreachable, tools=(ETCD,))
    assert said.getvalue() == ""


def test_a_download_that_breaks_off_once_is_tried_again(server: FileServer, variables: dict[str, str]) -> None:
    server.publish(ETCD, content=b"etcd" * 1000)
    server.broken_off[path(official(ETCD).url)] = 1
    assert locate(ETCD, sources(QUIET, variables)).read_bytes() == b"etcd" * 1000


def test_a_download_that_breaks_off_twice_says_so_and_leaves_nothing(
    server: FileServer, variables: dict[str, str], tmp_path: Path
) -> None:
    server.publish(KUBECTL, content=b"kubectl" * 1000)
    server.broken_off[path(official(KUBECTL).url)] = 2
    with pytest.raises(ClusterError, match=r"broke off twice: 3500 of 7000 bytes[\s\S]*FOOSETS_DOWNLOADS=off"):
        locate(KUBECTL, sources(QUIET, variables))
    assert files(tmp_path / "cache") == {"kubectl.lock"}


def test_what_a_killed_download_left_is_removed(server: FileServer, variables: dict[str, str], tmp_path: Path) -> None:
    server.publish(ETCD)
    left = downloaded(variables).place(ETCD).parent / ".etcd.killed" / "half.tar.gz"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    locate(ETCD, sources(QUIET, variables))
    assert files(tmp_path / "cache") == {"etcd", "etcd.lock"}


def test_no_path_in_an_archive_is_written_to(server: FileServer, variables: dict[str, str], tmp_path: Path) -> None:
    wanted = official(ETCD)
    outside = tmp_path / "outside"
    evil = {"../evil": b"evil", str(outside / "evil"): b"evil", f"{Path(wanted.member).parent}/../../evil": b"evil"}
    server.files[path(wanted.url)] = tarred({**evil, wanted.member: b"etcd"})
    server.vouch(ETCD)
    assert locate(ETCD, sources(QUIET, variables)).read_text() == "etcd"
    assert files(tmp_path / "cache") == {"etcd", "etcd.lock"}
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("kind", "target"),
    [(tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "../../../outside"), (tarfile.DIRTYPE, "")],
)
def test_a_link_or_a_folder_is_no_program(
    server: FileServer, variables: dict[str, str], tmp_path: Path, kind: bytes, target: str
) -> None:
    wanted = official(ETCD)
    server.files[path(wanted.url)] = tarred({}, special(wanted.member, kind, target))
    server.vouch(ETCD)
    with pytest.raises(ClusterError, match=f"has no file {wanted.member}"):
        locate(ETCD, sources(QUIET, variables))
    assert files(tmp_path / "cache") == {"etcd.lock"}


def test_an_archive_without_the_program_is_refused(server: FileServer, variables: dict[str, str]) -> None:
    server.files[path(official(HELM).url)] = tarred({"linux/README.md": b"read me"})
    server.vouch(HELM)
    with pytest.raises(ClusterError, match=r"has no file .*/helm"):
        locate(HELM, sources(QUIET, variables))


def test_a_zip_is_unpacked_likewise(server: FileServer, tmp_path: Path) -> None:
    elsewhere = Site(Machine("darwin", "arm64"), server.url)
    wanted = elsewhere.release(ETCD)
    name = wanted.url.removeprefix(server.url)
    server.files[name] = artifact(wanted, b"etcd for a Mac")
    digest = hashlib.sha256(server.files[name]).hexdigest()
    server.files[wanted.checksums.removeprefix(server.url)] = f"{digest}  {wanted.name}\n".encode()
    found = Downloads(Downloaded(tmp_path, elsewhere), QUIET).find(ETCD)
    assert found == Downloaded(tmp_path, elsewhere).find(ETCD)
    assert found
    assert found.read_text() == "etcd for a Mac"


def test_progress_tells_what_how_much_and_how_long(server: FileServer, variables: dict[str, str]) -> None:
    server.publish(KUBECTL, content=bytes(2_500_000))
    said = StringIO()
    locate(KUBECTL, sources(Progress(console=Console(file=said, width=200)), variables))
    title = f"downloading kubectl {pinned_version(KUBECTL)}, 2.5 MB"
    first, last = said.getvalue().splitlines()
    assert first == f"... {title}"
    assert re.fullmatch(rf"ok  {re.escape(title)} \(\d+\.\d s\)", last)


def test_switched_off_nothing_is_downloaded_nor_taken_from_what_was(
    server: FileServer, variables: dict[str, str]
) -> None:
    server.publish(ETCD)
    locate(ETCD, sources(QUIET, variables))
    server.asked.clear()
    assert locate(ETCD, sources(QUIET, {**variables, "FOOSETS_DOWNLOADS": "off"})).read_text() == "built\n"
    assert server.asked == []


def test_each_address_has_a_place_of_its_own(variables: dict[str, str]) -> None:
    machine = Machine("linux", "amd64")
    sites = (Site(machine), Site(machine, "https://mirror.example"), Site(Machine("linux", "arm64")))
    root = cache_directory(variables)
    places = {Downloaded(root, site).place(ETCD) for site in sites} | {Cache(root).place(ETCD)}
    assert len(places) == 4


def test_a_mirror_has_each_official_host_as_a_folder() -> None:
    mirrored = Site(Machine("linux", "amd64"), "https://mirror.example/files/").release(KUBECTL)
    assert mirrored.url == (f"https://mirror.example/files/dl.k8s.io/{pinned_version(KUBECTL)}/bin/linux/amd64/kubectl")
    assert mirrored.checksums == f"{mirrored.url}.sha256"


@pytest.mark.parametrize("value", ["on", "ftp://mirror.example", "https://", "file:///etc"])
def test_a_switch_that_says_nothing_sensible_is_refused(value: str) -> None:
    with pytest.raises(ClusterError, match="neither `off` nor the URL of a mirror"):
        sources(QUIET, {"FOOSETS_DOWNLOADS": value})


def test_processes_that_want_the_same_programs_download_each_once_and_need_no_go(
    server: FileServer, tmp_path: Path
) -> None:
    everything(server)
    processes = [binaries(tmp_path, FOOSETS_DOWNLOADS=server.url) for _ in range(2)]
    outputs = [process.communicate(timeout=25)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    for tool in TOOLS:
        assert server.asked.count(path(official(tool).url)) == 1, tool.name
    assert files(tmp_path / "cache") == {name for tool in TOOLS for name in (tool.name, f"{tool.name}.lock")}


def test_proxies_of_the_environment_are_used(server: FileServer, tmp_path: Path) -> None:
    everything(server)
    process = binaries(tmp_path, FOOSETS_DOWNLOADS="http://mirror.invalid/", http_proxy=server.origin)
    output, _ = process.communicate(timeout=25)
    assert process.returncode == 0, output
    assert path(official(ETCD).url) in server.asked


def binaries(tmp_path: Path, **variables: str) -> "subprocess.Popen[str]":
    """Start what `make binaries` runs, where there is no Go and an empty cache."""
    environment = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
    command = [sys.executable, "-m", "e2e.cluster", "binaries"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
