"""One namespace in which a story is told, and what the administrator does and sees there."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from e2e.apiserver import ApiServer, RefusedError
from e2e.expected import Object
from foosets.api import names

NAME: Final = "app"
REFUSAL: Final = "little"
MERGE_PATCH: Final = "application/merge-patch+json"
POLL_SECONDS: Final = 0.3
PATIENCE_SECONDS: Final = 60.0
PLURALS: Final = ("foosets", "batchfoosets", "servicefoosets")
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """A namespace that nothing else happens in; for one thread, as its connection is."""

    server: ApiServer
    namespace: str

    # ---- acting

    def begin(self) -> None:
        """Make the namespace, and wait for its default ServiceAccount, without which it refuses pods."""
        self.server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.until(lambda: self.server.get(accounts)["items"], "given its ServiceAccount")

    def end(self) -> None:
        """Ask for the end of the namespace, and do not wait for it."""
        self.server.ask("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def create(self, spec: Manifest) -> None:
        """Create the FooSet."""
        head = {"apiVersion": names.API_VERSION, "kind": "FooSet", "metadata": {"name": NAME}}
        self.server.ask("POST", self._sets("foosets"), {**head, "spec": spec})

    def change(self, spec: Manifest) -> None:
        """Give the FooSet another spec, whoever writes its status meanwhile."""
        while True:
            fooset = self.server.get(f"{self._sets('foosets')}/{NAME}")
            try:
                self.server.ask("PUT", f"{self._sets('foosets')}/{NAME}", {**fooset, "spec": spec})
            except RefusedError as refused:
                if refused.code != 409:
                    raise
            else:
                return

    def limit(self, pods: int) -> None:
        """Let a FooQuota hold so many pods: one that is there is changed."""
        path, name = self._sets("fooquotas"), "team"
        hard = {"spec": {"hard": {"pods": str(pods)}}}
        if any(one["metadata"]["name"] == name for one in self.server.get(path)["items"]):
            self.server.ask("PATCH", f"{path}/{name}", hard, headers={"Content-Type": MERGE_PATCH})
            return
        head = {"apiVersion": names.API_VERSION, "kind": "FooQuota", "metadata": {"name": name}}
        self.server.ask("POST", path, {**head, **hard})

    def refuse(self, pods: int) -> None:
        """Have the API server refuse more pods than this."""
        head = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": REFUSAL}}
        self.server.ask("POST", self._refusals, {**head, "spec": {"hard": {"pods": str(pods)}}})
        self.until(lambda: self.server.get(f"{self._refusals}/{REFUSAL}")["status"].get("used"), "counted")

    def refuse_no_more(self) -> None:
        """Take that back."""
        self.server.ask("DELETE", f"{self._refusals}/{REFUSAL}")

    def delete(self, propagation: str) -> None:
        """Delete the FooSet."""
        self.server.ask("DELETE", f"{self._sets('foosets')}/{NAME}", {"propagationPolicy": propagation})

    def evict(self, pod: Object) -> None:
        """Evict a pod, as draining a node does."""
        metadata = {"name": pod["metadata"]["name"], "namespace": self.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        self.server.ask("POST", f"{self._pods}/{metadata['name']}/eviction", eviction)

    def label(self, pod: Object) -> None:
        """Give a pod a label that is nobody's business."""
        path = f"{self._pods}/{pod['metadata']['name']}"
        labels = {"metadata": {"labels": {"seen-by": "somebody"}}}
        self.server.ask("PATCH", path, labels, headers={"Content-Type": MERGE_PATCH})

    # ---- seeing

    def sets(self) -> list[Object]:
        """Return our objects, from the FooSet down."""
        return [one for plural in PLURALS for one in self.server.get(self._sets(plural))["items"]]

    def pods(self) -> list[Object]:
        """Return the pods."""
        return self.server.get(self._pods)["items"]

    def reason(self) -> str:
        """Return why the FooSet is Ready or not, "" while nothing is said of its newest spec."""
        fooset = self.server.get(f"{self._sets('foosets')}/{NAME}")
        status = fooset.get("status", {})
        if status.get("observedGeneration") != fooset["metadata"]["generation"]:
            return ""
        return next((one["reason"] for one in status.get("conditions", []) if one["type"] == "Ready"), "")

    def has_settled(self) -> bool:
        """Whether every set has acted upon its newest spec, and is done."""
        return all(map(_is_settled, self.sets()))

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Look again and again until something holds; raises TimeoutError with `what` it was."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.namespace}: not {what} within {PATIENCE_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    # ---- inside

    def _sets(self, plural: str) -> str:
        return f"/apis/{names.API_VERSION}/namespaces/{self.namespace}/{plural}"

    @property
    def _refusals(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/resourcequotas"

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"


def _is_settled(one: Object) -> bool:
    """Whether a set is done with its newest spec: its trace is closed, or will be when its batch has run for long."""
    status = one.get("status", {})
    runs_on = one["kind"] != "ServiceFooSet" and any(
        (each["type"], each["status"]) == ("Ready", "True") for each in status.get("conditions", [])
    )
    current = status.get("observedGeneration") == one["metadata"]["generation"]
    return current and bool(status["trace"].get("closed") or runs_on)


# ---- specs, small enough to run hundreds of them


def parts(
    *, batch: Mapping[str, Manifest] | None = None, service: Mapping[str, Manifest] | None = None
) -> dict[str, list[Manifest]]:
    """Return the spec of a FooSet of parts by name."""
    return {"batch": _entries(batch or {}), "service": _entries(service or {})}


def batch(count: int, *, run_seconds: str = "600", image: str = "busybox:1.37") -> Manifest:
    """Return the spec of a BatchFooSet: that many pods, all at once."""
    template = _template(image, {names.RUN_SECONDS: run_seconds}, restartPolicy="Never")
    return {"completions": count, "parallelism": count, "template": template}


def service(replicas: int, image: str = "busybox:1.37") -> Manifest:
    """Return the spec of a ServiceFooSet."""
    return {"replicas": replicas, "template": _template(image, {})}


def _template(image: str, annotations: Mapping[str, str], **spec: Any) -> Manifest:
    requests = {"cpu": "10m", "memory": "16Mi"}
    container = {"name": "main", "image": image, "resources": {"requests": requests}}
    return {"metadata": {"annotations": dict(annotations)}, "spec": {**spec, "containers": [container]}}


def _entries(entries: Mapping[str, Manifest]) -> list[Manifest]:
    return [{"name": name, "template": {"spec": spec}} for name, spec in entries.items()]
