import json
import re

import pytest

from e2e.cluster.releases import LAYOUTS, Machine, published, release
from e2e.cluster.toolchain import ETCD, HELM, JAEGER, KIND, KUBE_APISERVER, KUBECTL, KWOK, KWOKCTL, TOOLS, Tool

LINUX = Machine("linux", "amd64")
MAC = Machine("darwin", "arm64")
GITHUB = "https://github.com"
KWOK_FILES = f"{GITHUB}/kubernetes-sigs/kwok/releases/download/v0.8.0"
KWOK_API = "https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0"
DIGEST = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4

TABLE = [
    (
        (KUBECTL, "v1.37.2", LINUX),
        "https://dl.k8s.io/v1.37.2/bin/linux/amd64/kubectl",
        "https://dl.k8s.io/v1.37.2/bin/linux/amd64/kubectl.sha256",
        "",
    ),
    (
        (KUBE_APISERVER, "v1.36.0", Machine("linux", "arm64")),
        "https://dl.k8s.io/v1.36.0/bin/linux/arm64/kube-apiserver",
        "https://dl.k8s.io/v1.36.0/bin/linux/arm64/kube-apiserver.sha256",
        "",
    ),
    (
        (ETCD, "v3.6.16", LINUX),
        f"{GITHUB}/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz",
        f"{GITHUB}/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS",
        "etcd-v3.6.16-linux-amd64/etcd",
    ),
    (
        (ETCD, "v3.6.16", MAC),
        f"{GITHUB}/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-darwin-arm64.zip",
        f"{GITHUB}/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS",
        "etcd-v3.6.16-darwin-arm64/etcd",
    ),
    ((KWOK, "v0.8.0", LINUX), f"{KWOK_FILES}/kwok-linux-amd64", KWOK_API, ""),
    ((KWOKCTL, "v0.8.0", MAC), f"{KWOK_FILES}/kwokctl-darwin-arm64", KWOK_API, ""),
    (
        (HELM, "v4.3.1", LINUX),
        "https://get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz",
        "https://get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz.sha256sum",
        "linux-amd64/helm",
    ),
    (
        (JAEGER, "v1.76.0", MAC),
        f"{GITHUB}/jaegertracing/jaeger/releases/download/v1.76.0/jaeger-2.13.0-darwin-arm64.tar.gz",
        f"{GITHUB}/jaegertracing/jaeger/releases/download/v1.76.0/jaeger-2.13.0.sha256sum.txt",
        "jaeger-2.13.0-darwin-arm64/jaeger",
    ),
    (
        (KIND, "v0.33.0", LINUX),
        f"{GITHUB}/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-amd64",
        f"{GITHUB}/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-amd64.sha256sum",
        "",
    ),
]


@pytest.mark.parametrize(
    ("wanted", "url", "checksums", "member"), TABLE, ids=lambda cell: cell[0].name if isinstance(cell, tuple) else ""
)
def test_each_release_is_where_its_project_puts_it(
    wanted: tuple[Tool, str, Machine], url: str, checksums: str, member: str
) -> None:
    found = release(*wanted)
    assert (found.url, found.checksums, found.member) == (url, checksums, member)
    assert found.name == url.rpartition("/")[2]


@pytest.mark.parametrize(("module", "second"), [("v1.63.0", "2.0.0"), ("v1.65.0", "2.2.0"), ("v1.75.0", "2.12.0")])
def test_jaegers_second_version_follows_from_that_of_its_module(module: str, second: str) -> None:
    assert release(JAEGER, module, LINUX).url.endswith(f"/download/{module}/jaeger-{second}-linux-amd64.tar.gz")


def test_every_pinned_module_has_a_layout() -> None:
    assert set(LAYOUTS) == {tool.module for tool in TOOLS}


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"{DIGEST}\n",
        f"{DIGEST}  kind\n",
        f"{OTHER}  kind-more\n{DIGEST}  kind\n",
        f"{OTHER} *more/kind\n{DIGEST} *kind\n",
        json.dumps({"assets": [{"name": "k", "digest": None}, {"name": "kind", "digest": f"sha256:{DIGEST}"}]}),
    ],
)
def test_a_digest_is_read_in_each_way_that_projects_publish_it(text: str) -> None:
    assert published(text, "kind") == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>log in first</html>",
        f"{DIGEST}  kind-linux-arm64\n",
        f"{DIGEST[:40]}  kind\n",
        f"{DIGEST.upper()}  kind\n",
        f"{DIGEST}\n{OTHER}\n",
        '{"message": "API rate limit exceeded"}',
        '{"assets": [{"name": "kind", "digest": null}]}',
        '{"assets": [{"name": "kind", "digest": "sha512:00"}]}',
        '{"assets": [',
    ],
)
def test_what_tells_no_digest_of_the_artifact_is_not_taken_for_one(text: str) -> None:
    assert published(text, "kind") is None


def test_a_machine_is_named_as_go_names_it() -> None:
    assert re.fullmatch(r"(linux|darwin)-(amd64|arm64)", str(Machine.here()))
