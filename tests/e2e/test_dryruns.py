"""A template is tried before any pod is made from it: what the cluster would refuse or add is known before."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from e2e import audit
from e2e.cluster.errors import ClusterError
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, condition, is_true

pytestmark = pytest.mark.cluster

PRIVILEGED: dict[str, Any] = {"securityContext": {"privileged": True}}
RETRIED_WITHIN = 90.0
"""Seconds until a template that was refused a few times is tried again."""


def workers(count: int = 2, **container: Any) -> manifests.Manifest:
    """A FooSet of one batch part, whose container is changed."""
    spec = manifests.batch(count, run_seconds="600")
    spec["template"]["spec"]["containers"][0] |= container
    return manifests.fooset("app", batch={"workers": spec})


def server(**container: Any) -> manifests.Manifest:
    """A FooSet of one service part, whose container is changed."""
    spec = manifests.service(2)
    spec["template"]["spec"]["containers"][0] |= container
    return manifests.fooset("app", service={"server": spec})


def trials(story: Story) -> list[str]:
    """The pods that were tried, by name, in the order of the answers."""
    found = audit.events(story.suite.audit_log, f'"namespace":"{story.namespace}"'.encode())
    tried = [event for event in found if "dryRun=All" in event.uri and event.stage == audit.COMPLETE]
    assert all((event.verb, event.object_ref.resource) == ("create", "pods") for event in tried)
    return [event.request_object["metadata"]["name"].split("-", 3)[3] for event in tried if event.request_object]


def refused(story: Story, kind: str, name: str, reason: str) -> str:
    """Wait until a child and its FooSet say why nothing is made of it; return the message."""
    story.until(lambda: blame(story).get("reason") == reason)
    assert condition(story.get(kind, name), "Placed")["reason"] == reason
    blamed = blame(story)
    assert (blamed["kind"], blamed["name"], blamed["condition"]) == (kind, name, "Placed")
    assert story.pods() == []
    assert [write for write in story.our_writes() if write.resource == "pods"] == []
    return blamed["message"]


def blame(story: Story) -> Any:
    """What the FooSet says keeps it."""
    return story.fooset("app")["status"].get("blockedBy", {})


def comes_to_life(story: Story, pods: int) -> None:
    """Wait until the pods are there: the cause is lifted."""
    story.until(lambda: len(story.pods()) == pods, RETRIED_WITHIN)
    story.until(lambda: not blame(story), RETRIED_WITHIN)


def test_each_template_is_tried_once_whatever_the_number_of_its_pods(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    story.until(lambda: sorted(trials(story)) == ["dry-run", "dry-run"])
    story.kubectl("scale", "servicefooset", "app-server", "--replicas=4")
    story.until(lambda: len(story.running("server")) == 4)
    assert len(trials(story)) == 2
    child = story.get("BatchFooSet", "app-workers")
    assert child["status"]["podRequests"] == {"cpu": "100m", "memory": "16777216", "pods": "1"}
    assert story.get("ServiceFooSet", "app-server")["status"]["podRequests"] == child["status"]["podRequests"]
    assert not any("dry-run" in write.name for write in story.writes())


def test_what_a_limit_range_adds_to_the_pods_is_in_their_size(story: Story) -> None:
    limits = [{"type": "Container", "defaultRequest": {"cpu": "150m", "memory": "1Mi"}}]
    story.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": limits}})
    story.apply(workers(resources={}))
    comes_to_life(story, 2)
    shown = {"cpu": "150m", "memory": "1048576", "pods": "1"}
    story.until(lambda: story.get("BatchFooSet", "app-workers")["status"].get("podRequests") == shown)
    (request, *_) = [pod["spec"]["containers"][0]["resources"]["requests"] for pod in story.pods()]
    assert request == {"cpu": "150m", "memory": "1Mi"}


@contextmanager
def heavy_runtime(story: Story) -> Iterator[str]:
    """A RuntimeClass whose pods cost more than their containers; gives its name."""
    name = story.namespace
    overhead = {"podFixed": {"cpu": "250m", "memory": "112Mi"}}
    group, metadata = "node.k8s.io/v1", {"name": name}
    story.apply(
        {"apiVersion": group, "kind": "RuntimeClass", "metadata": metadata, "handler": "heavy", "overhead": overhead}
    )
    try:
        yield name
    finally:
        story.suite.kubectl("delete", "runtimeclass", name)


def test_the_overhead_of_a_runtime_class_is_placed_and_charged(story: Story) -> None:
    quota = {"apiVersion": names.API_VERSION, "kind": "FooQuota", "metadata": {"name": "team"}}
    with heavy_runtime(story) as runtime:
        both = manifests.small("app")
        for part in (both["spec"]["batch"][0], both["spec"]["service"][0]):
            part["template"]["spec"]["template"]["spec"]["runtimeClassName"] = runtime
        both["spec"]["batch"][0]["template"]["spec"]["template"]["metadata"]["annotations"][names.RUN_SECONDS] = "600"
        story.apply({**quota, "spec": {"hard": {"cpu": "5", "memory": "1Gi", "pods": "9"}}}, both)
        story.until(lambda: is_true(story.fooset("app"), "Ready"))
    size = {"cpu": "350m", "memory": "134217728", "pods": "1"}
    assert story.get("BatchFooSet", "app-workers")["status"]["podRequests"] == size
    assert story.get("ServiceFooSet", "app-server")["status"]["podRequests"] == size
    held = {"cpu": "1750m", "memory": "640Mi", "pods": "5"}
    story.until(lambda: reserved(story) == held)


def reserved(story: Story) -> Any:
    """What the namespace's FooQuota holds for its sets."""
    return json.loads(story.kubectl("get", "fooquota", "team", "--output", "jsonpath={.status.reserved}"))


@pytest.mark.parametrize("part", ["workers", "server"])
def test_pod_security_refuses_a_template_before_any_pod(story: Story, part: str) -> None:
    story.suite.kubectl("label", "namespace", story.namespace, "pod-security.kubernetes.io/enforce=baseline")
    story.apply(workers(**PRIVILEGED) if part == "workers" else server(**PRIVILEGED))
    kind = "BatchFooSet" if part == "workers" else "ServiceFooSet"
    message = refused(story, kind, f"app-{part}", "AdmissionDenied")
    assert "violates PodSecurity" in message
    assert "privileged" in message
    story.suite.kubectl("label", "namespace", story.namespace, "pod-security.kubernetes.io/enforce-")
    comes_to_life(story, 2)


def test_a_quota_that_wants_requests_refuses_a_template_without_them(story: Story) -> None:
    hard = {"cpu": "10", "pods": "10"}
    story.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    story.until(lambda: story.kubectl("get", "resourcequota", "q", "--output", "jsonpath={.status.hard}"))
    story.apply(workers(resources={}))
    message = refused(story, "BatchFooSet", "app-workers", "AdmissionDenied")
    assert "must specify cpu" in message
    story.apply(workers())
    comes_to_life(story, 2)


@contextmanager
def forbidding(story: Story, image: str) -> Iterator[None]:
    """Let a policy of the cluster's administrator forbid an image in the story's namespace."""
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": story.namespace}},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "validations": [
            {"expression": f"object.spec.containers.all(c, c.image != '{image}')", "message": "this image is banned"}
        ],
    }
    metadata = {"name": story.namespace}
    group = "admissionregistration.k8s.io/v1"
    binding = {"policyName": story.namespace, "validationActions": ["Deny"]}
    story.apply(
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec},
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": binding},
    )
    try:
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            story.suite.kubectl("delete", kind, story.namespace, "--ignore-not-found")


def test_while_a_policy_refuses_a_new_template_the_old_pods_run_on(story: Story) -> None:
    story.apply(server())
    story.settle("app")
    before = {pod["metadata"]["uid"] for pod in story.running("server")}
    with forbidding(story, "banned:1"):
        story.until(lambda: is_banned(story))
        story.apply(server(image="banned:1"))
        story.until(lambda: blame(story).get("reason") == "AdmissionDenied")
        assert "this image is banned" in blame(story)["message"]
        assert {pod["metadata"]["uid"] for pod in story.running("server")} == before
        assert not [write for write in story.our_writes() if (write.verb, write.resource) == ("delete", "pods")]
    story.until(lambda: is_true(story.fooset("app"), "Ready"), RETRIED_WITHIN)
    assert {pod["spec"]["containers"][0]["image"] for pod in story.running("server")} == {"banned:1"}
    assert not before & {pod["metadata"]["uid"] for pod in story.running("server")}


def is_banned(story: Story) -> bool:
    """Whether the API server knows the policy by now."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": manifests.pods(cpu="1", image="banned:1")["spec"],
    }
    try:
        story.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    except ClusterError as error:
        return "this image is banned" in str(error)
    return False
