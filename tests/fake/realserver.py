"""A real kube-apiserver with its etcd, and nothing else: nobody plays nodes, collects garbage or makes accounts.

That is what the fake one is compared with. Both processes die with the test that started them.
"""

import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

from e2e.bench.authority import server_context
from e2e.cluster.binaries import Binaries
from e2e.cluster.leash import leashed
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.progress import Progress
from e2e.cluster.toolchain import ETCD, KUBE_APISERVER

TOKEN: Final = "differential"
READY_SECONDS: Final = 60
LEFT_OUT: Final = ("ServiceAccount", "TaintNodesByCondition")
"""Admission that needs a controller beside it: one that makes accounts, one that takes taints away again."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """Where it listens, and how to get in."""

    url: str
    authority: Path

    @property
    def tls(self) -> ssl.SSLContext:
        """What trusts its certificate."""
        return ssl.create_default_context(cafile=str(self.authority))


@contextmanager
def running(folder: Path) -> Iterator[RealServer]:
    """Start both, and wait until the API server is ready; its files and logs are in `folder`."""
    binaries = Binaries.find(Progress(quiet=True), tools=(ETCD, KUBE_APISERVER))
    _, authority = server_context(folder)
    client, peer, port = free_ports(3)
    server = RealServer(f"https://{LOOPBACK}:{port}", authority)
    with ExitStack() as stack:
        stack.enter_context(_process(folder, "etcd", _etcd(binaries[ETCD], folder, client, peer)))
        stack.enter_context(_process(folder, "apiserver", _apiserver(binaries[KUBE_APISERVER], folder, client, port)))
        _wait_ready(server)
        yield server


def _etcd(program: Path, folder: Path, client: int, peer: int) -> Sequence[str]:
    at, among = f"http://{LOOPBACK}:{client}", f"http://{LOOPBACK}:{peer}"
    return (
        str(program),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={at}",
        f"--advertise-client-urls={at}",
        f"--listen-peer-urls={among}",
        f"--initial-advertise-peer-urls={among}",
        f"--initial-cluster=default={among}",
        "--unsafe-no-fsync",
    )


def _apiserver(program: Path, folder: Path, etcd: int, port: int) -> Sequence[str]:
    chain, tokens = folder / "server.pem", folder / "tokens.csv"
    tokens.write_text(f"{TOKEN},admin,admin,system:masters\n", encoding="utf-8")
    return (
        str(program),
        f"--etcd-servers=http://{LOOPBACK}:{etcd}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={chain}",
        f"--tls-private-key-file={chain}",
        f"--service-account-key-file={chain}",
        f"--service-account-signing-key-file={chain}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={tokens}",
        "--authorization-mode=AlwaysAllow",
        f"--disable-admission-plugins={','.join(LEFT_OUT)}",
    )


@contextmanager
def _process(folder: Path, name: str, command: Sequence[str]) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(leashed(*command), stdout=log, stderr=log, cwd=folder)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _wait_ready(server: RealServer) -> None:
    asked = urllib.request.Request(f"{server.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(asked, context=server.tls, timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
