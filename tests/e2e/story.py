"""One namespace of the shared cluster, and what a story does and sees there."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from e2e import audit
from e2e.apiserver import ApiServer, RefusedError
from e2e.audit import Write
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster
from e2e.expected import Family, Object
from e2e.traces import Jaeger, RecordedSpan, TraceShape, shape
from foosets.api import names
from foosets.planning.naming import base32_sha256
from tests.e2e.manifests import Manifest

POLL_SECONDS = 0.05
SETTLED_WITHIN = 30.0
SHOWN_WITHIN = 5.0
"""Seconds until Jaeger has stored what it has taken, and the API server has written what it has answered."""
NAME_MAX = 55
"""Characters of a namespace's name: what is made of it may have a few more."""
COMPLAINTS = 50
"""Lines of the components' logs that are shown when a story fails."""
STORY_MAX = timedelta(minutes=5)
PLURALS = {"FooSet": "foosets", "BatchFooSet": "batchfoosets", "ServiceFooSet": "servicefoosets"}


def namespace_for(test: str) -> str:
    """Return a namespace's name that a person recognises the test by, and that no other test's is."""
    name = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-")
    return name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - 6].strip('-')}-{base32_sha256(test.encode())[:5]}"


@dataclass(frozen=True, slots=True)
class Story:
    """A namespace that nothing else happens in."""

    suite: LocalCluster | KindCluster
    server: ApiServer
    namespace: str
    patience: float = SETTLED_WITHIN
    """Seconds that things may take."""

    # ---- acting

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """What a user types; raises ClusterError with what kubectl said."""
        return self.suite.kubectl("--namespace", self.namespace, *args, stdin=stdin)

    def apply(self, *manifests: Manifest) -> None:
        """As a user applies a file."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(listed))

    # ---- seeing

    def get(self, kind: str, name: str) -> Any:
        """One of our objects."""
        return self.server.get(f"{self._group}/{PLURALS[kind]}/{name}")

    def exists(self, kind: str, name: str) -> bool:
        """Whether one of our objects is there."""
        try:
            self.get(kind, name)
        except RefusedError as refused:
            if refused.code == 404:
                return False
            raise
        return True

    def fooset(self, name: str) -> Any:
        """A FooSet."""
        return self.get("FooSet", name)

    def family(self, name: str) -> Family:
        """A FooSet with its children and pods."""
        return Family.of(self.server, self.namespace, name)

    def pods(self) -> list[Any]:
        """All pods of the namespace."""
        return self.server.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]

    def running(self, child: str) -> list[Any]:
        """The pods of a part that nobody has asked to end."""
        return [pod for pod in self.pods() if pod["metadata"]["labels"].get(names.CHILD) == child and not ends(pod)]

    def writes(self) -> list[Write]:
        """Everything written so far to objects of the namespace."""
        return audit.writes(self.suite.audit_log, self.namespace)

    def our_writes(self) -> list[Write]:
        """What our components wrote."""
        ours = {audit.identity(component) for component in names.Component}
        return [write for write in self.writes() if write.user in ours]

    # ---- waiting

    def until(self, holds: Callable[[], object], seconds: float | None = None) -> None:
        """Look again and again until something holds."""
        seconds = self.patience if seconds is None else seconds
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "\n".join([f"does not hold after {seconds} s", *self._told()])
            time.sleep(POLL_SECONDS)

    def settle(self, name: str, seconds: float | None = None) -> Object:
        """Wait until the newest spec was acted on and its trace is closed; return the FooSet."""
        self.until(lambda: is_settled(self.fooset(name)), seconds)
        return self.fooset(name)

    # ---- tracing

    def trace_ids(self, fooset: Object) -> set[str]:
        """All traces, of whatever service, that are about a FooSet."""
        created = datetime.fromisoformat(fooset["metadata"]["creationTimestamp"])
        return self._jaeger.find_trace_ids("fooset.uid", fooset["metadata"]["uid"], created, created + STORY_MAX)

    def trace(self, fooset: Object, spans: int) -> TraceShape:
        """The newest trace of a FooSet, once Jaeger shows that many spans; or fewer, if they do not come."""
        deadline = time.monotonic() + SHOWN_WITHIN
        while True:
            tree = shape(self._jaeger.trace(fooset["status"]["traceID"]))
            if len(tree.spans) >= spans or time.monotonic() > deadline:
                return tree
            time.sleep(POLL_SECONDS)

    def have_jaeger_back(self) -> None:
        """Wait until Jaeger can be asked again, whose pod may have gone with its node; its older traces are lost."""
        self.until(self._jaeger.answers)

    # ---- inside

    @property
    def _jaeger(self) -> Jaeger:
        return Jaeger(self.suite.jaeger_query_url)

    @property
    def _group(self) -> str:
        return f"/apis/{names.API_VERSION}/namespaces/{self.namespace}"

    def _told(self) -> list[str]:
        """What the sets say of themselves, and what the components complained of."""
        sets = [item for plural in PLURALS.values() for item in self.server.get(f"{self._group}/{plural}")["items"]]
        statuses = [f"{one['metadata']['name']}: {json.dumps(one.get('status', {}))}" for one in sets]
        logs = [line for name in names.Component for line in self.suite.component_log(name).splitlines()]
        return statuses + [line for line in logs if '"level": "info"' not in line][-COMPLAINTS:]


@contextmanager
def told_apart(cluster: LocalCluster, test: str) -> Iterator[Story]:
    """A story in a namespace of the test's own, in a cluster of which nothing is recorded."""
    name = namespace_for(test)
    cluster.have_namespace(name)
    with ApiServer.of(cluster.kubeconfig) as server:
        yield Story(cluster, server, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True, slots=True)
class Resting:
    """A story that has ended, and what was to be seen of it when it was at rest; `since` is on the monotonic clock."""

    story: Story
    since: float
    fooset: Object
    writes: list[Write]
    spans: list[RecordedSpan]


def is_settled(resource: Object) -> bool:
    status = resource["status"]
    current = status["observedGeneration"] == resource["metadata"]["generation"]
    return current and bool(status.get("trace", {}).get("closed"))


def condition(resource: Object, kind: str) -> Any:
    conditions = resource.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {"status": "absent", "reason": ""})


def is_true(resource: Object, kind: str) -> bool:
    return condition(resource, kind)["status"] == "True"


def ends(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def label(resource: Object, name: str) -> str:
    return resource["metadata"].get("labels", {}).get(name, "")
