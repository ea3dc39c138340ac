"""Where each project puts the binaries of a release, and what it says of their checksums.

    dl.k8s.io/v1.37.2/bin/linux/amd64/kubectl            and kubectl.sha256 beside it, the bare digest
    github.com/…/etcd-v3.6.16-linux-amd64.tar.gz         and one SHA256SUMS for the whole release
    get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz           and helm-….tar.gz.sha256sum
    github.com/…/kind-linux-amd64                        and kind-linux-amd64.sha256sum
    github.com/…/jaeger-2.13.0-linux-amd64.tar.gz        and one jaeger-2.13.0.sha256sum.txt for the whole release
    github.com/…/kwok-linux-amd64                        no file: GitHub computed a digest when it was uploaded

Everything here is pure; the versions are those that `tools/` pins. What a project does not build for a machine is not
known here: its address answers 404.
"""

import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from e2e.cluster.toolchain import Tool

GITHUB: Final = "https://github.com"
GITHUB_API: Final = "https://api.github.com"
PROCESSORS: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Machine:
    """What binaries are made for, in Go's words: `linux` or `darwin`, `amd64` or `arm64`."""

    system: str
    processor: str

    @classmethod
    def here(cls) -> "Machine | None":
        """Return this machine, `None` if it is none that the projects build for."""
        system, processor = platform.system().lower(), PROCESSORS.get(platform.machine().lower())
        return cls(system, processor) if system in {"linux", "darwin"} and processor else None

    def __str__(self) -> str:
        return f"{self.system}-{self.processor}"


@dataclass(frozen=True, slots=True)
class Release:
    """One artifact: its URL, the URL of what tells its SHA-256, and the program's path in it if it is an archive."""

    url: str
    checksums: str
    member: str = ""

    @property
    def name(self) -> str:
        """The artifact's file name."""
        return PurePosixPath(self.url).name


def release(tool: Tool, version: str, machine: Machine) -> Release:
    """Return the artifact that has the tool."""
    return LAYOUTS[tool.module](tool, version, machine)


def published(text: str, name: str) -> str | None:
    """Return the SHA-256 that a checksum file, or GitHub's description of a release, tells of the artifact `name`."""
    found = _described(text, name) if text.startswith("{") else _listed(text, name)
    return found if DIGEST.fullmatch(found) else None


def _listed(text: str, name: str) -> str:
    """Return what `sha256sum` wrote for the file: `digest  name`, `digest *name`, or the digest alone."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        return lines[0][0]
    return next((line[0] for line in lines if len(line) == 2 and line[1].removeprefix("*") == name), "")


def _described(text: str, name: str) -> str:
    try:
        described: Mapping[str, Any] = json.loads(text)
    except ValueError:
        return ""
    digests = {asset["name"]: asset.get("digest") or "" for asset in described.get("assets", ())}
    return digests.get(name, "").removeprefix("sha256:")


def _kubernetes(tool: Tool, version: str, machine: Machine) -> Release:
    url = f"https://dl.k8s.io/{version}/bin/{machine.system}/{machine.processor}/{tool.name}"
    return Release(url, f"{url}.sha256")


def _etcd(tool: Tool, version: str, machine: Machine) -> Release:
    folder = f"etcd-{version}-{machine}"
    files = f"{GITHUB}/etcd-io/etcd/releases/download/{version}"
    suffix = "tar.gz" if machine.system == "linux" else "zip"
    return Release(f"{files}/{folder}.{suffix}", f"{files}/SHA256SUMS", f"{folder}/{tool.name}")


def _kwok(tool: Tool, version: str, machine: Machine) -> Release:
    repository = "kubernetes-sigs/kwok"
    url = f"{GITHUB}/{repository}/releases/download/{version}/{tool.name}-{machine}"
    return Release(url, f"{GITHUB_API}/repos/{repository}/releases/tags/{version}")


def _helm(tool: Tool, version: str, machine: Machine) -> Release:
    url = f"https://get.helm.sh/helm-{version}-{machine}.tar.gz"
    return Release(url, f"{url}.sha256sum", f"{machine}/{tool.name}")


def _jaeger(tool: Tool, version: str, machine: Machine) -> Release:
    """Return the release that has the same program as the Go module, though a newer one exists.

    Both ways then give the same Jaeger: the API that traces are asked back from differs between versions. What only
    the download has are the web pages.
    """
    # While Jaeger had two majors, each commit that was released got a tag of both, from v1.63.0 with v2.0.0 to v1.76.0
    # with v2.13.0, and the files of both are with the tag of the first. The Go module has only the first.
    minor, patch = version.removeprefix("v1.").split(".")
    second = f"2.{int(minor) - 63}.{patch}"
    files = f"{GITHUB}/jaegertracing/jaeger/releases/download/{version}"
    folder = f"jaeger-{second}-{machine}"
    return Release(f"{files}/{folder}.tar.gz", f"{files}/jaeger-{second}.sha256sum.txt", f"{folder}/{tool.name}")


def _kind(tool: Tool, version: str, machine: Machine) -> Release:
    url = f"{GITHUB}/kubernetes-sigs/kind/releases/download/{version}/{tool.name}-{machine}"
    return Release(url, f"{url}.sha256sum")


LAYOUTS: Final[Mapping[str, Callable[[Tool, str, Machine], Release]]] = {
    "kubernetes": _kubernetes,
    "etcd": _etcd,
    "kwok": _kwok,
    "helm": _helm,
    "jaeger": _jaeger,
    "kind": _kind,
}
"""By the module under `tools/`."""
