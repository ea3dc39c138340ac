"""FooSets for stories: small, so that twenty of them are quick."""

from collections.abc import Mapping
from typing import Any

from foosets.api import names

Manifest = dict[str, Any]


def fooset(
    name: str, *, batch: Mapping[str, Manifest] | None = None, service: Mapping[str, Manifest] | None = None
) -> Manifest:
    """A FooSet of parts by name."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "FooSet",
        "metadata": {"name": name},
        "spec": {"batch": _entries(batch or {}), "service": _entries(service or {})},
    }


def small(name: str) -> Manifest:
    """What most stories need: three pods to completion, two that stay."""
    return fooset(name, batch={"workers": batch(3)}, service={"server": service(2)})


def batch(count: int, *, cpu: str = "100m", run_seconds: str = "0") -> Manifest:
    """A BatchFooSet's spec: that many pods, all at once."""
    template = pods(cpu=cpu, annotations={names.RUN_SECONDS: run_seconds}, restartPolicy="Never")
    return {"completions": count, "parallelism": count, "template": template}


def service(replicas: int, *, cpu: str = "100m", image: str = "busybox:1.37") -> Manifest:
    """A ServiceFooSet's spec."""
    return {"replicas": replicas, "template": pods(cpu=cpu, image=image)}


def pods(
    *, cpu: str, image: str = "busybox:1.37", annotations: Mapping[str, str] | None = None, **spec: Any
) -> Manifest:
    """A pod template of one container."""
    container = {"name": "main", "image": image, "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}}}
    return {"metadata": {"annotations": dict(annotations or {})}, "spec": {**spec, "containers": [container]}}


def _entries(parts: Mapping[str, Manifest]) -> list[Manifest]:
    return [{"name": name, "template": {"spec": spec}} for name, spec in parts.items()]
