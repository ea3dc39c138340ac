"""Which programs clusters are made of, and how each is built.

A version is pinned once: in `tools/<module>/go.mod` (with every hash in go.sum beside it). Nothing here repeats one.
"""

import hashlib
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

MODULES: Final = Path(__file__).parent / "tools"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program: its file name, the module under `tools/` that pins it, its Go package.

    `build_seconds` is what a cold build takes on two cores, which is for estimates alone.
    """

    name: str
    module: str
    package: str
    build_seconds: int

    @property
    def directory(self) -> Path:
        """Where `go build` runs: the folder with go.mod and go.sum."""
        return MODULES / self.module


KUBE_APISERVER: Final = Tool("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 490)
KUBE_CONTROLLER_MANAGER: Final = Tool(
    "kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", 150
)
KUBE_SCHEDULER: Final = Tool("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", 15)
KUBECTL: Final = Tool("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", 40)
ETCD: Final = Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", 60)
KWOK: Final = Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", 120)
KWOKCTL: Final = Tool("kwokctl", "kwok", "sigs.k8s.io/kwok/cmd/kwokctl", 20)
HELM: Final = Tool("helm", "helm", "helm.sh/helm/v4/cmd/helm", 215)
JAEGER: Final = Tool("jaeger", "jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger", 480)
KIND: Final = Tool("kind", "kind", "sigs.k8s.io/kind", 10)

LOCAL_TOOLS: Final = (
    KUBECTL,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBE_SCHEDULER,
    ETCD,
    KWOK,
    KWOKCTL,
    HELM,
    JAEGER,
)
"""What the provider `local` runs."""

TOOLS: Final = (*LOCAL_TOOLS, KIND)
"""Everything that is pinned."""


@cache
def pinned_version(tool: Tool) -> str:
    """Return the version of the module that has the tool's package, `v1.37.2`-like."""
    text = (tool.directory / "go.mod").read_text(encoding="utf-8")
    required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", text, re.MULTILINE)
    versions = {module: version for module, version in required if f"{tool.package}/".startswith(f"{module}/")}
    if not versions:
        raise ValueError(f"tools/{tool.module}/go.mod requires no module with {tool.package}")
    return versions[max(versions, key=len)]


def kubernetes_version() -> str:
    """Return the pinned version of Kubernetes."""
    return pinned_version(KUBE_APISERVER)


def linker_flags(tool: Tool) -> str:
    """Return the value of `-ldflags`.

    Kubernetes takes its version from the linker alone, and clients judge a server by it; without these flags it
    calls itself v0.0.0.
    """
    flags = ["-s", "-w"]
    if tool.module == "kubernetes":
        version = kubernetes_version()
        major, minor, _ = version.removeprefix("v").split(".")
        stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
        flags += [f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items()]
    return " ".join(flags)


def build_flags(tool: Tool) -> tuple[str, ...]:
    """Return the flags of `go build`."""
    return ("-trimpath", "-mod=readonly", "-ldflags", linker_flags(tool))


@cache
def fingerprint(tool: Tool) -> str:
    """Return the cache key: what the binary was made from, and for which machine."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((tool.directory / name).read_bytes())
    digest.update("\0".join((*build_flags(tool), platform.system(), platform.machine())).encode())
    return digest.hexdigest()[:16]
