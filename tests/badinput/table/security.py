"""Security: what a set must not be a way to, and what only its controllers may do."""

from typing import Any, Final

from foosets.api.names import (
    CHILD,
    INDEX,
    OWNER_UID,
    PARENT_REPLICAS,
    PLACEMENT,
    SET_UID,
    STAMPS,
    Reason,
)
from tests.badinput.objects import CONTAINER, a, batch, batches, container, once, pods, service, services
from tests.badinput.rows import (
    COUNTED,
    Await,
    By,
    Change,
    Create,
    Remove,
    Row,
    Step,
    borne,
    by_condition,
    by_template_policy,
)
from tests.badinput.showing import children, own_labels

DENIED: Final = Reason.ADMISSION_DENIED
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
BASELINE: Final = {"pod-security.kubernetes.io/enforce": "baseline"}
EDITOR: Final = "editor"
"""May edit sets here, and create no pod."""
PARENT: Final[tuple[Step, ...]] = (Create(services()), Await("ServiceFooSet", "demo-server"))
CHILD_OF_IT: Final = ("ServiceFooSet", "demo-server")


def may_edit_sets() -> Create:
    """Let the editor do what he may."""
    return Create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": EDITOR},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "foosets-edit"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": EDITOR}],
        }
    )


def secured(name: str, level: dict[str, str], manifest: dict[str, Any], *words: str) -> Row:
    """A row in a namespace with a level of pod security."""
    return Row(
        name=name,
        by=By.CONDITION,
        steps=(Create(manifest),),
        reason=DENIED,
        words=("violates PodSecurity", *words),
        namespace=level,
    )


def asked_by_policy(name: str, policy: str, *steps: Step, words: tuple[str, ...], of: tuple[str, str]) -> Row:
    """A row whose refusal depends on who asks, which a policy alone can see."""
    return Row(name=name, by=By.POLICY, policy=policy, steps=steps, words=words, about=of)


def impostor(**labels: str) -> dict[str, Any]:
    """A pod that pretends to be of a set."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "impostor", "labels": {SET_UID: "1", **labels}},
        "spec": {"containers": [CONTAINER]},
    }


def quota(**hard: str) -> tuple[Step, ...]:
    """A ResourceQuota of the namespace. It limits nothing before the controller manager has counted what is there."""
    made = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}
    return Create(made), Await("ResourceQuota", "q", COUNTED)


def limits(**parts: Any) -> Create:
    """A LimitRange of the namespace."""
    limit = {"type": "Container"} | parts
    return Create({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [limit]}})


SECURITY: Final[tuple[Row, ...]] = (
    by_template_policy("a node by name, batch", batches(template=once(nodeName="node-0")), "nodeName"),
    by_template_policy("a node by name, service", services(template=pods(nodeName="node-0")), "nodeName"),
    by_template_policy("a node by name, alone", a("BatchFooSet", template=once(nodeName="node-0")), "nodeName"),
    by_template_policy(
        "a scheduler for what the batch controller places",
        a("BatchFooSet", template=once(schedulerName="default-scheduler")),
        "schedulerName",
    ),
    by_template_policy(
        "a pod's annotation of ours",
        batches(template=once(metadata={"annotations": {STAMPS: "{}"}})),
        "annotations",
        STAMPS,
    ),
    secured(
        "a directory of the node",
        BASELINE,
        batches(template=once(volumes=[{"name": "host", "hostPath": {"path": "/"}}])),
        "hostPath",
    ),
    secured(
        "a privileged container",
        BASELINE,
        services(template=pods(containers=[container(securityContext={"privileged": True})])),
        "privileged",
    ),
    secured("the node's network", BASELINE, batches(template=once(hostNetwork=True)), "host namespaces"),
    secured("an ordinary container where more is asked", RESTRICTED, services(), "allowPrivilegeEscalation"),
    by_condition(
        "a ServiceAccount that is not there",
        batches(template=once(serviceAccountName="no-such")),
        DENIED,
        "service account",
        "no-such",
    ),
    by_condition(
        "a priority class that is not there",
        batches(template=once(priorityClassName="no-such")),
        DENIED,
        "PriorityClass",
        "no-such",
    ),
    by_condition(
        "a runtime class that is not there",
        services(template=pods(runtimeClassName="no-such")),
        DENIED,
        "RuntimeClass",
        "no-such",
    ),
    by_condition(
        "no pod by ResourceQuota", batches(), Reason.QUOTA_EXCEEDED, "exceeded quota", "pods", before=quota(pods="0")
    ),
    by_condition(
        "less than a LimitRange asks for",
        services(),
        DENIED,
        "minimum cpu usage per Container",
        before=(limits(min={"cpu": "1"}),),
    ),
    asked_by_policy(
        "a set by who may not create pods",
        "requester",
        may_edit_sets(),
        Create(batches(), EDITOR),
        words=(EDITOR, "may not create pods in namespace"),
        of=("FooSet", "demo"),
    ),
    asked_by_policy(
        "a batch by who may not create pods",
        "requester",
        may_edit_sets(),
        Create(a("BatchFooSet", template=once()), EDITOR),
        words=(EDITOR, "may not create pods in namespace"),
        of=("BatchFooSet", "demo"),
    ),
    asked_by_policy(
        "another image by who may not create pods",
        "requester",
        may_edit_sets(),
        Create(services()),
        Change("FooSet", "demo", {"spec": {"batch": [batch()]}}, user=EDITOR),
        words=(EDITOR, "may not create pods in namespace"),
        of=("FooSet", "demo"),
    ),
    asked_by_policy(
        "another template in a derived child",
        "derived-children",
        *PARENT,
        Change(*CHILD_OF_IT, {"spec": {"minReadySeconds": 5}}),
        words=("edit FooSet demo (entry server of spec.service) instead",),
        of=CHILD_OF_IT,
    ),
    asked_by_policy(
        "other labels on a derived child",
        "derived-children",
        *PARENT,
        Change(*CHILD_OF_IT, {"metadata": {"labels": {SET_UID: "1", CHILD: "x"}}}),
        words=("the labels of foo.example.com/ on a derived ServiceFooSet",),
        of=CHILD_OF_IT,
    ),
    asked_by_policy(
        "another number of the parent's on a derived child",
        "derived-children",
        *PARENT,
        Change(*CHILD_OF_IT, {"metadata": {"annotations": {PARENT_REPLICAS: "many"}}}),
        words=("annotations of a derived ServiceFooSet",),
        of=CHILD_OF_IT,
    ),
    asked_by_policy(
        "a child that is taken away from its parent",
        "derived-children",
        *PARENT,
        Change(*CHILD_OF_IT, {"metadata": {"ownerReferences": None}}),
        words=("takes it away from its parent",),
        of=CHILD_OF_IT,
    ),
    asked_by_policy(
        "a pod that pretends",
        "pod-origin",
        Create(impostor()),
        words=("pods with labels of foo.example.com/",),
        of=("Pod", "impostor"),
    ),
    asked_by_policy(
        "a pod that pretends an index of forty digits",
        "pod-origin",
        Create(impostor(**{INDEX: "9" * 40, OWNER_UID: "1", PLACEMENT: "scheduler"})),
        words=("pods with labels of foo.example.com/",),
        of=("Pod", "impostor"),
    ),
    borne(
        "a child that somebody deletes, and that is made again",
        *PARENT,
        Remove(*CHILD_OF_IT),
        shows=children("ServiceFooSet/demo-server"),
    ),
    borne(
        "labels of ours on the set, which mean nothing there",
        Create(a("FooSet", metadata={"labels": {SET_UID: "1", OWNER_UID: "2"}}, service=[service()])),
        shows=own_labels,
    ),
)
