"""Objects of the table: good ones, small, of which a row spoils a part."""

from typing import Any

from foosets.api.names import API_VERSION
from tests.badinput.rows import Manifest

CONTAINER: Manifest = {
    "name": "main",
    "image": "busybox:1.37",
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
}


def container(**parts: Any) -> Manifest:
    """A container that differs in some parts; a part that is None is left out."""
    return {name: part for name, part in (CONTAINER | parts).items() if part is not None}


def requesting(**amounts: Any) -> Manifest:
    """A container that requests so much."""
    return container(resources={"requests": amounts})


def pods(*, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    """A pod template of one container; a part that is None is left out."""
    parts = {"containers": [CONTAINER]} | spec
    template: Manifest = {"spec": {name: part for name, part in parts.items() if part is not None}}
    return template | {"metadata": metadata} if metadata is not None else template


def once(*, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    """The same for pods that end."""
    return pods(metadata=metadata, **({"restartPolicy": "Never"} | spec))


def a(kind: str, name: str = "demo", /, *, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    """An object of ours."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name} | (metadata or {}),
        "spec": spec,
    }


def batch(name: str = "workers", *, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    """An entry of a FooSet: one pod that ends."""
    return entry(name, metadata, {"template": once()} | spec)


def service(name: str = "server", *, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    """An entry of a FooSet: one pod that stays."""
    return entry(name, metadata, {"template": pods()} | spec)


def entry(name: str, metadata: Manifest | None, spec: Manifest) -> Manifest:
    """An entry of a FooSet."""
    template: Manifest = {"spec": spec}
    return {"name": name, "template": template | {"metadata": metadata} if metadata is not None else template}


def batches(**spec: Any) -> Manifest:
    """A FooSet of one finite part."""
    return a("FooSet", batch=[batch(**spec)])


def services(**spec: Any) -> Manifest:
    """A FooSet of one long-running part."""
    return a("FooSet", service=[service(**spec)])
