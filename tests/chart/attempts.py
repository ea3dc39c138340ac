"""Who might try to do more than is his, and which guard answers; docs/security.md has the same as a table.

Every attempt has a counterpart that passes: the same request by whom it is right for, or the nearest one that is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from chart.asks import (
    BINDINGS,
    PLACE,
    PODS,
    SETS,
    Request,
    annotated,
    apply_set,
    as_the_scheduler,
    bind,
    bind_role,
    create_pod,
    create_set,
    delete,
    get,
    labelled,
    make_role,
    may,
    nobodys,
    own,
    own_as,
    patch,
    placed,
    post,
    pretend,
    privileged,
    put_lease,
    put_set,
    put_status,
    restricted,
    status,
    token_of,
    unmarked,
    waiting,
    waiting_somewhere,
    widen_role,
)
from chart.manifests import NAMESPACE

from foosets.api import names

COMPONENTS: Final = tuple(str(component) for component in names.Component)
FOOSET, BATCH, SERVICE, SCHEDULER = "fooset", "batchfooset", "servicefooset", "scheduler"
VIEWER, EDITOR, DEPLOYER, CHANGER, ADMIN = "viewer", "editor", "deployer", "changer", "admin"
"""People: who reads; who edits sets; who may create pods, too; who changes and does not delete; role `admin`."""
ROOT: Final = "root"
"""The cluster's administrator."""
JOBS, COLLECTOR = "job-controller", "generic-garbage-collector"
"""Controllers of Kubernetes."""

ROLES: Final = "roles"
ESCALATION: Final = "escalation check of roles"
OWNERS: Final = "OwnerReferencesPermissionEnforcement"
POD_ORIGIN, SCOPE, DERIVED, REQUESTER = "pod-origin", "scheduler-scope", "derived-children", "requester"
CAUSES: Final = {
    ROLES: r'User "{user}" cannot ',
    ESCALATION: "attempting to grant RBAC permissions not currently held",
    OWNERS: "cannot set an ownerRef on a resource you can't delete",
    **{policy: f"ValidatingAdmissionPolicy 'foosets-{policy}'" for policy in (POD_ORIGIN, SCOPE, DERIVED, REQUESTER)},
}
"""What each guard says, by which it is told from the others."""

KINDS: Final = ("FooSet", "BatchFooSet", "ServiceFooSet")
PLAIN, MEMBER, ORPHAN = f"{PODS}/plain", f"{PODS}/member", f"{PODS}/orphan"
CHILD, ALONE = f"{SETS}/batchfoosets/parent-batch", f"{SETS}/batchfoosets/alone"
NOT_YET: Final = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}}
READY: Final = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
FAILED: Final = {"status": {"phase": "Failed"}}
KEPT: Final = {"metadata": {"finalizers": ["attempts.example.com/kept"]}}
NOBODY: Final = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}
REPLICASET: Final = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "other", "uid": "other", "controller": True}


@dataclass(frozen=True, slots=True)
class Attempt:
    """`who` asks and `guard` refuses; `rightful` may ask the same, or what `instead` says."""

    who: str
    does: str
    guard: str
    request: Request
    rightful: str
    instead: Request | None = None

    def __str__(self) -> str:
        return f"{self.who} {self.does}"


def of_any_component(component: str) -> Iterator[Attempt]:
    other = next(one for one in COMPONENTS if one != component)
    everyone = f"system:serviceaccount:{NAMESPACE}:foosets-{other}"
    secrets, maps = (get(f"/api/v1/namespaces/{NAMESPACE}/{plural}") for plural in ("secrets", "configmaps"))
    yield Attempt(component, "reads Secrets", ROLES, secrets, ROOT)
    yield Attempt(component, "reads ConfigMaps", ROLES, maps, ROOT)
    yield Attempt(component, "impersonates another component", ROLES, pretend(everyone), ROOT)
    yield Attempt(component, "gets a token of another component", ROLES, token_of(f"foosets-{other}"), ROOT)
    yield Attempt(component, "widens its own role", ROLES, widen_role(component), ROOT)
    yield Attempt(component, "binds cluster-admin", ROLES, bind_role("cluster-admin", ADMIN), ROOT)
    yield Attempt(component, "takes another component's Lease", ROLES, put_lease(other), other)
    run = post(f"{MEMBER}/exec?command=id&stdout=true", {})
    yield Attempt(component, "runs a command in a pod", ROLES, run, ADMIN, may("create", "pods", "exec"))


OF_COMPONENTS: Final = (
    Attempt(FOOSET, "reads pods", ROLES, get(PODS), BATCH),
    Attempt(FOOSET, "creates a pod", ROLES, create_pod(placed), BATCH),
    Attempt(FOOSET, "changes a FooSet", ROLES, patch(f"{SETS}/foosets/parent", annotated("note")), DEPLOYER),
    Attempt(
        FOOSET,
        "adopts another's BatchFooSet",
        DERIVED,
        apply_set("BatchFooSet", "alone", owner="parent"),
        FOOSET,
        apply_set("BatchFooSet", "parent-batch", owner="parent"),
    ),
    Attempt(
        FOOSET,
        "makes a set that is no child",
        DERIVED,
        create_set("BatchFooSet"),
        FOOSET,
        create_set("BatchFooSet", "parent"),
    ),
    Attempt(BATCH, "binds a pod", ROLES, bind("plain"), SCHEDULER),
    Attempt(BATCH, "writes a ServiceFooSet's status", ROLES, put_status("ServiceFooSet", "parent-service"), SERVICE),
    Attempt(BATCH, "deletes a BatchFooSet", ROLES, delete(CHILD), FOOSET),
    Attempt(BATCH, "creates a pod without our labels", POD_ORIGIN, create_pod(unmarked), BATCH, create_pod(placed)),
    Attempt(BATCH, "creates a pod of a ServiceFooSet", POD_ORIGIN, create_pod(waiting), SERVICE),
    Attempt(
        BATCH,
        "creates a privileged pod in kube-system",
        POD_ORIGIN,
        create_pod(privileged, "kube-system"),
        BATCH,
        create_pod(privileged),
    ),
    Attempt(
        BATCH,
        "creates a pod that runs as another component",
        POD_ORIGIN,
        create_pod(as_the_scheduler, NAMESPACE),
        BATCH,
        create_pod(restricted, NAMESPACE),
    ),
    Attempt(
        SERVICE, "creates a pod with nodeName", POD_ORIGIN, create_pod(waiting_somewhere), SERVICE, create_pod(waiting)
    ),
    Attempt(SERVICE, "reads nodes", ROLES, get("/api/v1/nodes"), SCHEDULER),
    Attempt(SERVICE, "changes a BatchFooSet", ROLES, patch(CHILD, annotated("note")), FOOSET),
    Attempt(SCHEDULER, "creates a pod", ROLES, create_pod(waiting), SERVICE),
    Attempt(SCHEDULER, "deletes a pod", ROLES, delete(MEMBER), SERVICE),
    Attempt(SCHEDULER, "writes a FooSet's status", ROLES, put_status("FooSet", "parent"), FOOSET),
    Attempt(SCHEDULER, "labels a pod by binding it", SCOPE, bind("plain", {"team": "x"}), SCHEDULER, bind("plain")),
    Attempt(SCHEDULER, "labels a pod by its status", SCOPE, status(labelled("team")), SCHEDULER, status(NOT_YET)),
    Attempt(SCHEDULER, "keeps a pod from going by its status", SCOPE, status(KEPT), SCHEDULER, status(NOT_YET)),
    Attempt(SCHEDULER, "fails a pod by its status", SCOPE, status(FAILED), SCHEDULER, status(NOT_YET)),
    Attempt(SCHEDULER, "says that a pod is ready", SCOPE, status(READY), SCHEDULER, status(NOT_YET)),
    Attempt(SCHEDULER, "writes of another's pod", SCOPE, status(NOT_YET, "plain"), SCHEDULER, status(NOT_YET)),
    Attempt(
        SCHEDULER, "writes of a pod that has its node", SCOPE, status(NOT_YET, "bound"), SCHEDULER, status(NOT_YET)
    ),
)

OF_PEOPLE: Final = (
    Attempt(VIEWER, "creates a FooSet", ROLES, create_set("FooSet"), DEPLOYER),
    *(Attempt(EDITOR, f"creates a {kind}", REQUESTER, create_set(kind), DEPLOYER) for kind in KINDS),
    Attempt(EDITOR, "applies another image", REQUESTER, apply_set("BatchFooSet", "alone"), DEPLOYER),
    Attempt(EDITOR, "puts another image", REQUESTER, put_set("BatchFooSet", "alone"), DEPLOYER),
    Attempt(EDITOR, "patches a spec", REQUESTER, patch(ALONE, {"spec": {"backoffLimit": 1}}), DEPLOYER),
    *(
        Attempt(DEPLOYER, f"makes a {kind} a child of a FooSet", DERIVED, create_set(kind, "parent"), FOOSET)
        for kind in KINDS[1:]
    ),
    Attempt(
        DEPLOYER,
        "edits a derived child",
        DERIVED,
        patch(CHILD, {"spec": {"backoffLimit": 1}}),
        DEPLOYER,
        patch(ALONE, {"spec": {"backoffLimit": 1}}),
    ),
    Attempt(
        DEPLOYER,
        "takes a child from its FooSet",
        DERIVED,
        own(CHILD),
        COLLECTOR,
    ),
    Attempt(
        DEPLOYER,
        "has a child name its FooSet otherwise",
        DERIVED,
        own_as(CHILD, "parent-batch", name="gone"),
        FOOSET,
    ),
    *(
        Attempt(
            DEPLOYER,
            f"writes {key} on a derived child",
            DERIVED,
            patch(CHILD, annotated(key)),
            DEPLOYER,
            patch(ALONE, annotated(key)),
        )
        for key in (names.TRACEPARENT, names.PARENT_REPLICAS)
    ),
    Attempt(
        CHANGER,
        "has a set deleted by an owner that is gone",
        OWNERS,
        own(ALONE, NOBODY),
        DEPLOYER,
    ),
    Attempt(ADMIN, "creates a pod with our labels", POD_ORIGIN, create_pod(waiting), SERVICE),
    Attempt(
        JOBS,
        "creates a pod with our labels from a template",
        POD_ORIGIN,
        create_pod(waiting),
        JOBS,
        create_pod(nobodys),
    ),
    Attempt(
        ADMIN,
        "gives our labels to a pod",
        POD_ORIGIN,
        patch(PLAIN, labelled(names.OWNER_UID)),
        ADMIN,
        patch(PLAIN, labelled("team")),
    ),
    Attempt(
        ROOT,
        "gives our labels to a pod by its status",
        POD_ORIGIN,
        status(labelled(names.OWNER_UID), "plain"),
        ROOT,
        status(labelled("team"), "plain"),
    ),
    Attempt(
        ROOT,
        "gives our labels to a pod by binding it",
        POD_ORIGIN,
        bind("plain", {names.OWNER_UID: "x"}),
        ROOT,
        bind("plain", {"team": "x"}),
    ),
    Attempt(
        ROOT,
        "gives our labels to a pod by the older resource of bindings",
        POD_ORIGIN,
        bind("plain", {names.OWNER_UID: "x"}, at=BINDINGS),
        ROOT,
        bind("plain", {"team": "x"}, at=BINDINGS),
    ),
    Attempt(
        ADMIN,
        "takes our labels from a pod",
        POD_ORIGIN,
        patch(MEMBER, labelled(names.OWNER_UID, None)),
        ADMIN,
        patch(MEMBER, labelled("team")),
    ),
    Attempt(ADMIN, "takes a pod from its set", POD_ORIGIN, own(MEMBER), COLLECTOR),
    Attempt(
        ADMIN,
        "has a pod name its set otherwise",
        POD_ORIGIN,
        own_as(MEMBER, "member", name="gone"),
        ADMIN,
        own_as(MEMBER, "member"),
    ),
    Attempt(
        ADMIN,
        "gives a pod of a set to a ReplicaSet",
        POD_ORIGIN,
        own(MEMBER, REPLICASET),
        ADMIN,
        own(ORPHAN, REPLICASET),
    ),
    Attempt(ADMIN, "gives an orphan to a set", POD_ORIGIN, own_as(ORPHAN, "member"), ADMIN, own(ORPHAN, REPLICASET)),
    *(
        Attempt(ADMIN, f"writes the status of a {kind}", ROLES, put_status(kind, name), writer)
        for kind, name, writer in (
            ("FooSet", "parent", FOOSET),
            ("BatchFooSet", "alone", BATCH),
            ("ServiceFooSet", "parent-service", SERVICE),
        )
    ),
    Attempt(
        ADMIN,
        "makes a role that writes statuses",
        ESCALATION,
        make_role("foosets/status", "update"),
        ADMIN,
        make_role("foosets", "update"),
    ),
    Attempt(
        ADMIN,
        "takes a component's role",
        ESCALATION,
        bind_role("foosets-batchfooset", ADMIN, namespace=PLACE),
        ADMIN,
        bind_role("foosets-edit", ADMIN, namespace=PLACE),
    ),
    Attempt(ADMIN, "binds a pod", ROLES, bind("plain"), SCHEDULER),
    Attempt(ADMIN, "gets a token of a component", ROLES, token_of("foosets-fooset"), ROOT),
    Attempt(
        ADMIN, "impersonates a component", ROLES, pretend(f"system:serviceaccount:{NAMESPACE}:foosets-fooset"), ROOT
    ),
    Attempt(ADMIN, "takes a component's Lease", ROLES, put_lease(FOOSET), FOOSET),
    Attempt(
        ADMIN,
        "removes a policy",
        ROLES,
        delete("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/foosets-requester"),
        ROOT,
    ),
)

ATTEMPTS: Final = (*chain.from_iterable(map(of_any_component, COMPONENTS)), *OF_COMPONENTS, *OF_PEOPLE)
