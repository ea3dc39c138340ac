"""Plays the steps of a row in a namespace, and keeps what the API server answered."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, assert_never

from e2e.apiserver import ApiServer
from foosets.api.meta import BATCHFOOSETS, FOOSETS, PODS, SERVICEFOOSETS, Resource
from foosets.api.names import Uid
from foosets.planning.naming import pod_name, pod_prefix
from tests.badinput.objects import CONTAINER
from tests.badinput.rows import (
    COUNTED,
    GONE,
    About,
    Await,
    Change,
    Create,
    EachPod,
    Manifest,
    Remove,
    Repeat,
    Row,
    Send,
    Squat,
    Step,
)
from tests.badinput.told import Answer, condition

RESOURCES: Final = {
    resource.kind: resource
    for resource in (
        FOOSETS,
        BATCHFOOSETS,
        SERVICEFOOSETS,
        PODS,
        Resource("", "v1", "resourcequotas", "ResourceQuota"),
        Resource("", "v1", "limitranges", "LimitRange"),
        Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    )
}
POLL_SECONDS: Final = 0.1
AWAITED_SECONDS: Final = 30.0
UNKNOWN: Final = re.compile(r"cannot (create|patch) resource")
"""What the authorizer says of a user without a role."""
MERGE: Final = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, and a connection of the administrator's, for one thread."""

    server: ApiServer
    namespace: str

    def begin(self, row: Row) -> None:
        """Make the namespace that the row wants; it takes pods once it has its default ServiceAccount."""
        self._send("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace, "labels": dict(row.namespace)}})
        deadline = time.monotonic() + AWAITED_SECONDS
        while self._send("GET", f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default")[0] != 200:
            assert time.monotonic() < deadline, f"namespace {self.namespace} is not given its ServiceAccount"
            time.sleep(POLL_SECONDS)

    def play(self, row: Row) -> list[Answer]:
        """Do one step after the other; the first that is refused is the last."""
        answers: list[Answer] = []
        for step in row.steps:
            for answer in self._do(step):
                answers.append(answer)
                if not answer.taken:
                    return answers
        return answers

    def get(self, about: About) -> Manifest | None:
        """Return an object, or None if there is none."""
        code, found = self._send("GET", self._path(about[0], about[1]))
        return found if code == 200 else None

    def pods(self) -> list[Manifest]:
        """Return the pods that are there."""
        return self._list("Pod")

    def sets(self) -> list[Manifest]:
        """Return the BatchFooSets and ServiceFooSets that are there."""
        return [*self._list("BatchFooSet"), *self._list("ServiceFooSet")]

    # ---- inside

    def _list(self, kind: str) -> list[Manifest]:
        return self._send("GET", self._path(kind))[1]["items"]

    def _do(self, step: Step) -> Iterator[Answer]:
        match step:
            case Create():
                path = self._path(step.manifest["kind"])
                path = f"{path}?{step.options}" if step.options else path
                yield self._ask("POST", path, step.manifest, user=step.user)
            case Send():
                yield self._raw("POST", self._path(step.kind), step.content, step.content_type)
            case Change():
                path = self._path(step.kind, step.name, step.subresource)
                yield self._ask("PATCH", path, step.patch, kind=MERGE, user=step.user)
            case Remove():
                yield self._ask("DELETE", self._path(step.kind, step.name), {"propagationPolicy": step.propagation})
            case Await():
                yield self._await(step)
            case Squat():
                yield self._squat((step.kind, step.owner))
            case EachPod():
                yield from self._each_pod(step)
            case Repeat():
                for _ in range(step.times):
                    yield from (answer for each in step.steps for answer in self._do(each))
                    time.sleep(step.pause)
            case _:
                assert_never(step)

    def _await(self, step: Await) -> Answer:
        deadline = time.monotonic() + AWAITED_SECONDS
        while not _has_come(step, self.get((step.kind, step.name))):
            if time.monotonic() > deadline:
                return Answer(0, f"{step.kind} {step.name} never was {step.condition or 'there'}")
            time.sleep(POLL_SECONDS)
        return Answer(200, "")

    def _squat(self, owner: About) -> Answer:
        found = self.get(owner)
        assert found is not None
        name = pod_name(pod_prefix(owner[1], Uid(found["metadata"]["uid"])), 0, 0)
        return self._ask("POST", self._path("Pod"), {"metadata": {"name": name}, "spec": {"containers": [CONTAINER]}})

    def _each_pod(self, step: EachPod) -> Iterator[Answer]:
        deadline = time.monotonic() + AWAITED_SECONDS
        while not (pods := self.pods()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for pod in pods:
            path = self._path("Pod", pod["metadata"]["name"], step.subresource)
            method, kind = ("PATCH", MERGE) if step.patch is not None else ("DELETE", "application/json")
            answer = self._ask(method, path, step.patch or {}, kind=kind)
            yield Answer(200, "gone already") if answer.code == 404 else answer

    def _ask(self, method: str, path: str, body: Manifest, *, kind: str = "application/json", user: str = "") -> Answer:
        """Ask, again and again while the server does not know yet that the user's role was bound a moment ago."""
        deadline = time.monotonic() + AWAITED_SECONDS
        while True:
            answer = self._raw(method, path, json.dumps(body).encode(), kind, user)
            if not UNKNOWN.search(answer.message) or time.monotonic() > deadline:
                return answer
            time.sleep(POLL_SECONDS)

    def _raw(self, method: str, path: str, content: bytes, kind: str, user: str = "") -> Answer:
        code, found = self.server.send(method, path, content, kind, user=user)
        return Answer(code, found.get("message", "") if code >= 300 else "")

    def _send(self, method: str, path: str, body: Manifest | None = None) -> tuple[int, Any]:
        return self.server.send(method, path, json.dumps(body).encode() if body is not None else b"")

    def _path(self, kind: str, name: str = "", subresource: str = "") -> str:
        return RESOURCES[kind].path(self.namespace, name, subresource)


def _has_come(step: Await, found: Manifest | None) -> bool:
    if found is None or step.condition == GONE:
        return found is None and step.condition == GONE
    if step.condition == COUNTED:
        return "used" in found.get("status", {})
    return not step.condition or condition(found, step.condition).get("status") == step.status
