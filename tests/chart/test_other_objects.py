"""No policy of ours judges an object that is not ours: shown on two API servers, and by what the policies match."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chart.asking import BATCH, PLAIN, SCHEDULER, SERVICE, created
from chart.manifests import MUTATING_POLICIES, Manifest, Render, of_kind

from e2e.cluster.local import LocalCluster
from foosets.api.names import GROUP, OWNER_UID

CONTAINER = {"name": "main", "image": "main"}
PODS: Manifest = {"automountServiceAccountToken": False, "containers": [CONTAINER]}  # else a volume of a random name
OF_THE_SERVER = ("uid", "creationTimestamp", "managedFields", "resourceVersion")


def pod(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Manifest:
    metadata = {"name": name, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": PODS | spec}


def workload(kind: str, api_version: str, **spec: Any) -> Manifest:
    template = {"metadata": {"labels": {"app": "other"}}, "spec": PODS | spec.pop("pods", {})}
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": f"other-{kind.lower()}"}}
    return manifest | {"spec": {"template": template, **spec}}


SELECTED = {"selector": {"matchLabels": {"app": "other"}}}
TOLERANT = {"tolerations": [{"operator": "Exists"}], "hostPID": True, "hostNetwork": True}
OTHERS: dict[str, Manifest] = {
    "a mirror pod": pod("static-n1", {"kubernetes.io/config.mirror": "0123"}, nodeName="n1"),
    "kubectl debug node/n1": pod("node-debugger", nodeName="n1", restartPolicy="Never", **TOLERANT),
    "a pod with a node": pod("pinned", nodeName="n1"),
    "a pod that waits for our scheduler": pod("waiting", schedulerName="foo-scheduler"),
    "a pod that nobody answers to": pod("unassigned", schedulerName="foo-unassigned"),
    "a Job": workload("Job", "batch/v1", pods={"restartPolicy": "Never"}),
    "a DaemonSet": workload("DaemonSet", "apps/v1", **SELECTED),
    "a Deployment": workload("Deployment", "apps/v1", pods={"nodeName": "n1"}, **SELECTED),
}


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane that has never heard of us, with the same namespace."""
    made = LocalCluster(tmp_path_factory.mktemp("others") / "cluster")
    try:
        made.up(node_count=0, with_jaeger=False)
        made.have_namespace(PLAIN)
        yield made
    finally:
        made.down()


def as_stored(cluster: LocalCluster, manifest: Manifest) -> str:
    """What a create would store, without what the server makes up for each object."""
    stored = created(cluster, manifest, "admin")
    uid = stored["metadata"]["uid"]
    for key in OF_THE_SERVER:
        stored["metadata"].pop(key, None)
    return json.dumps(stored, sort_keys=True).replace(uid, "uid")


@pytest.mark.cluster
@pytest.mark.parametrize("manifest", OTHERS.values(), ids=OTHERS.keys())
def test_objects_of_others_are_stored_as_without_us(
    policies: LocalCluster, without: LocalCluster, manifest: Manifest
) -> None:
    assert as_stored(policies, manifest) == as_stored(without, manifest)


# ---- what the policies say themselves


def all_policies(render: Render) -> list[Manifest]:
    manifests = render("--api-versions", MUTATING_POLICIES)
    kinds = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
    return [policy for kind in kinds for policy in of_kind(manifests, kind).values()]


OUR_CONTROLLERS = f"request.userInfo.username in ['{BATCH}', '{SERVICE}']"
COLLECTORS = "['system:serviceaccount:kube-system:generic-garbage-collector', 'system:kube-controller-manager']"
OUR_SCHEDULER = f"request.userInfo.username == '{SCHEDULER}'"
A_LABEL_OF_OURS = (
    f"object.metadata.?labels.orValue({{}}).exists(key, key.startsWith('{GROUP}/') && "
    "(request.operation == 'CREATE' || oldObject.metadata.?labels[?key] != object.metadata.?labels[?key]))"
)
ONE_TAKEN_AWAY = (
    "request.operation == 'UPDATE' && "
    f"oldObject.metadata.?labels.orValue({{}}).exists(key, key.startsWith('{GROUP}/') && "
    "!(key in object.metadata.?labels.orValue({})))"
)
OUR_OWNERS = (
    "metadata.?ownerReferences.orValue([]) .filter(owner, owner.?controller.orValue(false) && "
    f"owner.apiVersion.startsWith('{GROUP}/'))"
)
ANOTHER_SET = (
    f"request.operation == 'UPDATE' && '{OWNER_UID}' in oldObject.metadata.?labels.orValue({{}}) && "
    f"!(request.userInfo.username in {COLLECTORS}) && oldObject.{OUR_OWNERS} != object.{OUR_OWNERS}"
)
OURS_ALONE = {OUR_SCHEDULER, f"{OUR_CONTROLLERS} || {A_LABEL_OF_OURS} || {ONE_TAKEN_AWAY} || {ANOTHER_SET}"}
"""Conditions of which one has to hold: a label of ours comes, changes or goes, a pod with one changes its set, or a
controller of ours asks."""


def is_ours_alone(spec: Manifest) -> bool:
    """Whether a policy on pods looks only at those with a label of ours, or at what our controllers write."""
    selected = spec["matchConstraints"].get("objectSelector", {}).get("matchLabels", {})
    conditions = {condition["expression"] for condition in spec.get("matchConditions", ())}
    return any(key.startswith(f"{GROUP}/") for key in selected) or bool(conditions & OURS_ALONE)


def test_policies_match_our_kinds_and_our_pods(render: Render) -> None:
    policies = all_policies(render)
    ours = ("derived-children", "pod-origin", "requester", "scheduler-name", "scheduler-scope", "templates")
    assert {policy["metadata"]["name"] for policy in policies} == {f"foosets-{name}" for name in ours}
    for policy in policies:
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
            if rule["apiGroups"] == [GROUP]:
                assert set(rule["resources"]) <= {"foosets", "batchfoosets", "servicefoosets"}, policy
            else:
                assert rule["apiGroups"] == [""]
                assert set(rule["resources"]) <= {"pods", "pods/status", "pods/binding", "bindings"}
                assert is_ours_alone(policy["spec"]), policy["metadata"]["name"]


def test_a_policy_that_judges_bindings_judges_them_by_either_resource(render: Render) -> None:
    judging = set[str]()
    for policy in all_policies(render):
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
            if {"pods/binding", "bindings"} & set(rule["resources"]):
                assert (rule["resources"], rule["operations"]) == (["pods/binding", "bindings"], ["CREATE"])
                judging.add(policy["metadata"]["name"])
    assert judging == {"foosets-pod-origin", "foosets-scheduler-scope"}


def test_what_is_created_by_a_binding_is_no_pod(render: Render) -> None:
    """The older resource of bindings has no subresource either, so that only the resource tells it from a pod."""
    policy = next(one for one in all_policies(render) if one["metadata"]["name"] == "foosets-pod-origin")
    created = {one["name"]: one["expression"] for one in policy["spec"]["variables"]}["created"]
    assert "request.resource.resource == 'pods'" in created


def test_no_binding_widens_what_its_policy_matches(render: Render) -> None:
    manifests = render("--api-versions", MUTATING_POLICIES)
    bindings = {
        name: binding
        for kind in ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding")
        for name, binding in of_kind(manifests, kind).items()
    }
    assert bindings.keys() == {policy["metadata"]["name"] for policy in all_policies(render)}
    for name, binding in bindings.items():
        assert binding["spec"]["policyName"] == name
        assert binding["spec"].keys() <= {"policyName", "validationActions"}
        assert binding["spec"].get("validationActions", ["Deny"]) == ["Deny"]


def test_every_policy_refuses_when_it_cannot_judge(render: Render) -> None:
    assert {policy["spec"]["failurePolicy"] for policy in all_policies(render)} == {"Fail"}
