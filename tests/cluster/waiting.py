"""Waiting for what real processes do."""

import time
from collections.abc import Callable
from typing import Protocol

from e2e.cluster.errors import ClusterError
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS

PATIENCE_SECONDS = 60.0
"""For what has no time of its own: a busy machine may need ten times as long as a quiet one."""
KINDS = {f"{kind.plural}.{kind.group}" for kind in (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, FOOQUOTAS)}


class Cluster(Protocol):
    """An administrator's kubectl; raises ClusterError with what a failing command printed."""

    def kubectl(self, *args: str) -> str: ...


def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"does not hold after {seconds} s: {holds}"
        time.sleep(0.02)


def until_served(cluster: Cluster) -> None:
    """Wait for the API server: it lists a new kind a moment after its CRD is Established, and knows none before."""

    def listed() -> set[str]:
        return set(cluster.kubectl("api-resources", f"--api-group={FOOSETS.group}", "--output=name").split())

    until(lambda: listed() >= KINDS)


def until_may(cluster: Cluster, user: str, verb: str, resource: str, namespace: str) -> None:
    """Wait for the authorizer: it learns of a new binding a moment after that is stored."""

    def allowed() -> bool:
        try:
            return bool(cluster.kubectl("auth", "can-i", verb, resource, "--as", user, "--namespace", namespace))
        except ClusterError:
            return False

    until(allowed)
