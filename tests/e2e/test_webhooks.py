"""A cluster's own webhooks: what one adds is in the pods' size, what one refuses, or does not answer, is a cause."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.errors import ClusterError
from tests.e2e import manifests
from tests.e2e.causes import BATCH, SERVICE, told_after
from tests.e2e.story import Story, condition, is_true
from tests.e2e.test_causes import SHOWN_WITHIN, mended
from tests.kube.loopback import Authority

pytestmark = pytest.mark.cluster

RETRIED_WITHIN = 90.0
"""Seconds until a template that was refused a few times is tried again."""
SIDECAR = {"name": "proxy", "image": "proxy:1", "resources": {"requests": {"cpu": "50m", "memory": "16Mi"}}}
Judge = Callable[[Any], dict[str, Any]]
"""From a request for admission to the answer's members, its uid aside."""


@contextmanager
def answering(judge: Judge, authority: Authority) -> Iterator[dict[str, Any]]:
    """Run a webhook on loopback; give the client configuration that leads to it."""

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            review = {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {"uid": request["uid"], **judge(request)},
            }
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as served:
        served.socket = authority.server.wrap_socket(served.socket, server_side=True)
        serving = threading.Thread(target=served.serve_forever)
        serving.start()
        try:
            yield at(served.server_port) | {"caBundle": base64.b64encode(authority.pem).decode()}
        finally:
            served.shutdown()
            serving.join()


def at(port: int) -> dict[str, Any]:
    """The client configuration of a webhook on loopback."""
    return {"url": f"https://127.0.0.1:{port}/"}


@contextmanager
def asked(story: Story, kind: str, client: dict[str, Any]) -> Iterator[None]:
    """Have the API server ask a webhook about each new pod of the story's namespace."""
    webhook = {
        "name": "hook.example.com",
        "clientConfig": client,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": story.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    group, metadata = "admissionregistration.k8s.io/v1", {"name": story.namespace}
    story.apply({"apiVersion": group, "kind": kind, "metadata": metadata, "webhooks": [webhook]})
    try:
        yield
    finally:
        story.suite.kubectl("delete", kind, story.namespace)


def tried(story: Story) -> str:
    """What the API server says when a pod is tried: the containers it would have, or why there is none."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": manifests.pods(cpu="1")["spec"]}
    shown = ("--output", "jsonpath={.spec.containers[*].name}")
    try:
        return story.kubectl("create", "--dry-run=server", *shown, "--filename", "-", stdin=json.dumps(pod))
    except ClusterError as error:
        return str(error)


def blame(story: Story) -> Any:
    """What the FooSet says keeps it."""
    return story.fooset("app")["status"].get("blockedBy", {})


def keeps_the_set(story: Story, said: str, reason: str = "AdmissionDenied") -> None:
    """Wait until both children say why nothing is made of them, and the FooSet which of them is to blame."""
    children = {"BatchFooSet": "app-workers", "ServiceFooSet": "app-server"}
    for kind, name in children.items():
        story.until(lambda kind=kind, name=name: placed(story, kind, name)["reason"] == reason)
        assert said in placed(story, kind, name)["message"]
    story.until(lambda: blame(story).get("reason") == reason)
    assert (blame(story)["kind"], blame(story)["name"]) in children.items()
    assert story.pods() == []


def placed(story: Story, kind: str, name: str) -> Any:
    return condition(story.get(kind, name), "Placed") if story.exists(kind, name) else {"reason": ""}


def comes_to_life(story: Story) -> None:
    """Wait until the pods are there: the cause is lifted."""
    story.until(lambda: is_true(story.fooset("app"), "Ready"), RETRIED_WITHIN)
    assert blame(story) == {}


def test_a_webhook_that_does_not_answer_is_the_cause(story: Story) -> None:
    with socket.socket() as silent:  # its port is taken, and nobody listens there
        silent.bind(("127.0.0.1", 0))
        with asked(story, "ValidatingWebhookConfiguration", at(silent.getsockname()[1])):
            story.until(lambda: "failed calling webhook" in tried(story))
            story.apply(manifests.small("app"))
            keeps_the_set(story, 'failed calling webhook "hook.example.com"')
    comes_to_life(story)


def patching(*patch: dict[str, Any]) -> Judge:
    """Allow every pod, and change it so."""
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def test_a_patch_that_fits_nothing_is_told_as_the_servers_fault(story: Story, tmp_path: Path) -> None:
    wrong = patching({"op": "remove", "path": "/spec/nothing"})
    with (
        answering(wrong, Authority(tmp_path, "webhook")) as client,
        asked(story, "MutatingWebhookConfiguration", client),
    ):
        story.until(lambda: "Unable to remove nonexistent key" in tried(story))
        story.apply(manifests.small("app"))
        keeps_the_set(story, "Unable to remove nonexistent key", "ServerFault")
        told = [after for child in (BATCH, SERVICE) for after in told_after(story, "ServerFault", child)]
        assert min(told) <= timedelta(seconds=SHOWN_WITHIN)
    mended(story)


def test_what_a_webhook_denies_is_told_in_its_own_words(story: Story, tmp_path: Path) -> None:
    requests: list[Any] = []

    def deny(request: Any) -> dict[str, Any]:
        requests.append(request)
        return {"allowed": False, "status": {"code": 403, "message": "no pods on Fridays"}}

    with (
        answering(deny, Authority(tmp_path, "webhook")) as client,
        asked(story, "ValidatingWebhookConfiguration", client),
    ):
        story.until(lambda: "no pods on Fridays" in tried(story))
        story.apply(manifests.small("app"))
        keeps_the_set(story, "no pods on Fridays")
    assert all(request["dryRun"] for request in requests)  # each template was tried, and no pod was
    comes_to_life(story)


def test_what_a_webhook_adds_to_the_pods_is_in_their_size(story: Story, tmp_path: Path) -> None:
    adding = patching({"op": "add", "path": "/spec/containers/-", "value": SIDECAR})
    with (
        answering(adding, Authority(tmp_path, "webhook")) as client,
        asked(story, "MutatingWebhookConfiguration", client),
    ):
        story.until(lambda: tried(story) == "main proxy")
        story.apply(manifests.small("app"))
        story.settle("app")
    size = {"cpu": "150m", "memory": "33554432", "pods": "1"}
    assert story.get("BatchFooSet", "app-workers")["status"]["podRequests"] == size
    assert story.get("ServiceFooSet", "app-server")["status"]["podRequests"] == size
    assert {len(pod["spec"]["containers"]) for pod in story.pods()} == {2}
