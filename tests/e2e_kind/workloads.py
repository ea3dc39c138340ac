"""FooSets whose containers really run: a shell of the suite's own image, which the nodes have."""

from typing import Any

from e2e.cluster.images import plain_name
from tests.e2e.manifests import Manifest, fooset

STAYS = 'trap "exit 0" TERM; sleep infinity & wait'
"""Runs until it is told to end, and then ends at once."""


def container(script: str, *, cpu: str = "50m", image: str = "") -> Manifest:
    """A container that runs a shell script."""
    return {
        "name": "main",
        "image": image or plain_name(),
        "command": ["sh", "-c", script],
        "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}},
    }


def batch(count: int, *, parallelism: int | None = None, script: str = "sleep 2", **of_container: Any) -> Manifest:
    """A BatchFooSet's spec: that many pods that end well."""
    pod = {"spec": {"restartPolicy": "Never", "containers": [container(script, **of_container)]}}
    return {"completions": count, "parallelism": parallelism or count, "template": pod}


def service(replicas: int, *, script: str = STAYS, **of_container: Any) -> Manifest:
    """A ServiceFooSet's spec."""
    return {"replicas": replicas, "template": {"spec": {"containers": [container(script, **of_container)]}}}


def small(name: str) -> Manifest:
    """Three pods to completion, two that stay."""
    return fooset(name, batch={"workers": batch(3)}, service={"server": service(2)})
