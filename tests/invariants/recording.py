"""A recording to judge, written by hand: every change is the next version, a tenth of a second after the one before."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from e2e.audit import Write, identity
from e2e.invariants.history import ADDED, DELETED, MODIFIED, At, History, Object, Version, Violation
from e2e.invariants.judge import judge
from foosets.api import names
from foosets.api.names import Kind
from tests.builders import NOW, Raw, controlled_by

TICK = timedelta(milliseconds=100)
BATCH, SERVICE, FOOSET = (identity(one) for one in ("batchfooset", "servicefooset", "fooset"))
SCHEDULER, QUOTA = identity("scheduler"), identity("fooquota")


class Recording:
    """What happened, in the order in which it is told."""

    def __init__(self) -> None:
        self.now = NOW
        self._objects: dict[str, Raw] = {}
        self._versions: list[Version] = []
        self._writes: list[Write] = []

    # ---- telling

    def put(self, raw: Raw) -> Raw:
        """An object as it is from now on; its uid says which one it is."""
        uid = raw["metadata"]["uid"]
        self._tell(MODIFIED if uid in self._objects else ADDED, raw)
        return raw

    def gone(self, raw: Raw) -> None:
        self._tell(DELETED, raw)

    def wrote(self, user: str, verb: str, resource: str, **how: Any) -> None:
        """A request. `how`: name, code, body."""
        self.now += TICK
        how = {"namespace": "ns", "name": "app", "code": 200, "at": self.now} | how
        self._writes.append(Write(user, verb, resource, **how))

    # ---- judging

    @property
    def history(self) -> History:
        return History.of(self._versions, self._writes)

    def judged(
        self, *, at_rest: bool = True, lag: float = 0.0, resent: int = 0, reference: History | None = None
    ) -> list[Violation]:
        return judge(self.history, At(self.now if at_rest else None, lag, resent=resent, reference=reference))

    def broken(self, **how: Any) -> list[str]:
        """The numbers of the invariants that do not hold."""
        return sorted({one.invariant for one in self.judged(**how)})

    def _tell(self, event: str, raw: Object) -> None:
        self.now += TICK
        meta = {**raw["metadata"], "resourceVersion": str(len(self._versions) + 1)}
        self._objects[meta["uid"]] = {**raw, "metadata": meta}
        self._versions.append(Version(event, self._objects[meta["uid"]], self.now))


def changed(raw: Raw, **status: Any) -> Raw:
    return {**raw, "status": raw.get("status", {}) | status}


def leaving(raw: Raw) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"}}


def a_set(kind: str, name: str, spec: Mapping[str, Any], **status: Any) -> Raw:
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1}
    return {"kind": kind, "metadata": meta, "spec": dict(spec), "status": {"observedGeneration": 1} | status}


def batch(completions: int = 1, **status: Any) -> Raw:
    spec = {"completions": completions, "parallelism": completions}
    return a_set(Kind.BATCHFOOSET, "work", spec, **{"active": 0, "ready": 0} | status)


def service(replicas: int = 1, /, **status: Any) -> Raw:
    counts = {"replicas": replicas, "readyReplicas": replicas}
    return a_set(Kind.SERVICEFOOSET, "web", {"replicas": replicas}, **counts | status)


def pod(index: int = 0, phase: str = "Running", *, of: str = Kind.BATCHFOOSET, **more: Any) -> Raw:
    """A pod of the set `work` or `web`. `more`: name, node, cpu."""
    owner = "work" if of == Kind.BATCHFOOSET else "web"
    name = more.get("name", f"{owner}-{index}")
    references = [{"apiVersion": names.API_VERSION, **one} for one in controlled_by(of, owner)]
    labels = {names.INDEX: str(index), names.OWNER_UID: f"uid-{owner}"}
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": labels, "ownerReferences": references}
    ready = {"type": "Ready", "status": "True" if phase == "Running" else "False"}
    requests = {"cpu": more.get("cpu", "1")}
    spec = {"nodeName": more.get("node", "n1"), "containers": [{"name": "main", "resources": {"requests": requests}}]}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": phase, "conditions": [ready]}}


def node(name: str = "n1", /, *, cpu: str = "4", **spec: Any) -> Raw:
    allocatable = {"cpu": cpu, "pods": "110"}
    return {
        "kind": "Node",
        "metadata": {"name": name, "uid": name},
        "spec": spec,
        "status": {"allocatable": allocatable},
    }
