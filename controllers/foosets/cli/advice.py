"""What each reason means, and what to do next: the words of `kubectl foo why`, one entry a reason.

A command may name these fields, which `steps` fills in: `{object}` `{root}` `{set}` (as kubectl names them, such as
pod/demo-server-4ao3v-0), `{pods}` (a selector of all pods of the root), `{container}` (an option), `{component}`,
`{namespace}`, and `{here}` and `{there}`, the options that lead to the namespace and to the cluster. `{node}` and
`{quota}` may be empty: the command then means all of them. A purpose may name `{template}`: where to edit the root.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from foosets.api.names import SCHEDULER_NAME_LABEL, Reason


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: what for, and a command that can be copied."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What a reason means, in a sentence or two, and the steps that are worth taking, the best first."""

    meaning: str
    steps: tuple[Step, ...]


_DESCRIBE: Final = Step("see what else is said of it", "kubectl describe {object} {here}")
_WATCH: Final = Step("watch its pods", "kubectl get pods -l {pods} {here} --watch")
_PODS: Final = Step("see its pods", "kubectl get pods -l {pods} {here} -o wide")
_EDIT: Final = Step("change {template}", "kubectl edit {root} {here}")
_ASK_FOR_LESS: Final = Step("ask for less, in {template}", "kubectl edit {root} {here}")
_LOGS: Final = Step("read what its container says", "kubectl logs {object} {container} {here}")
_LAST_LOGS: Final = Step("read what it said before it ended", "kubectl logs {object} {container} --previous {here}")
_NODES: Final = Step("see what the nodes have left, and what keeps pods away", "kubectl describe nodes {there}")
_COMPONENT: Final = Step(
    "see whether it runs",
    "kubectl get deployments,pods --all-namespaces"
    " -l app.kubernetes.io/name=foosets,app.kubernetes.io/component={component} {there}",
)
_MAKE_ANEW: Final = Step("have the pod made anew, with the name of now", "kubectl delete {object} {here}")
_RUN_AGAIN: Final = "It stays so: to run it again, delete it and apply it again."

ADVICE: Final[Mapping[str, Advice]] = {
    Reason.REFINING: Advice(
        "Its parts are being made. That takes a moment.",
        (Step("watch it", "kubectl get {root} {here} --watch"),),
    ),
    Reason.PLACING: Advice("Its pods are being created and given nodes. That takes a moment.", (_WATCH,)),
    Reason.PODS_STARTING: Advice(
        "Its pods have nodes. Their containers are being started, or run and do not pass their readiness probes yet.",
        (_DESCRIBE, _LOGS, _WATCH),
    ),
    Reason.AVAILABLE: Advice("All that it asks for runs.", (_PODS,)),
    Reason.COMPLETED: Advice("All its work is done.", (_PODS,)),
    Reason.QUOTA_EXCEEDED: Advice(
        "A ResourceQuota of the namespace has no room for it. It is tried again, and goes on by itself once there is.",
        (Step("see what is used up", "kubectl describe resourcequota {quota} {here}"), _ASK_FOR_LESS),
    ),
    Reason.NO_FIT: Advice(
        "No node has room for the pod and lets it in; the message counts the nodes by what is in the way. It is tried"
        " again, and goes on by itself once a node fits.",
        (_NODES, _ASK_FOR_LESS),
    ),
    Reason.ADMISSION_DENIED: Advice(
        "The API server refuses what the controller wants to make of it: an admission policy, a webhook, the pod"
        " security level or a limit of the namespace, something that is named and is not there, or a role; the message"
        " is theirs. It is tried again.",
        (
            Step("see the namespace's pod security level", "kubectl get namespace {namespace} --show-labels {there}"),
            Step(
                "see who may refuse or change objects",
                "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies"
                " {there}",
            ),
            Step(
                "see who else may change them, where a cluster has such",
                "kubectl get mutatingadmissionpolicies {there}",
            ),
            Step("see what a pod here must ask for", "kubectl describe limitranges,resourcequotas {here}"),
            Step(
                "see what the controllers may do",
                "kubectl get clusterroles,clusterrolebindings -l app.kubernetes.io/name=foosets {there}",
            ),
            _EDIT,
        ),
    ),
    Reason.SERVER_FAULT: Advice(
        "The API server fails at what the controller asks of it, again and again; the message is its own. It may lack"
        " something, such as room in its database, or a webhook's answer makes no sense to it. It is tried again.",
        (
            Step("see whether it is well", "kubectl get --raw '/readyz?verbose' {there}"),
            Step("see who may change objects", "kubectl get mutatingwebhookconfigurations {there}"),
            _DESCRIBE,
        ),
    ),
    Reason.INVALID_POD_TEMPLATE: Advice(
        "No pod can be made of the template, or a container of it cannot be made: something that the message names is"
        " wrong or missing.",
        (_EDIT, Step("see which fields a pod has", "kubectl explain pod.spec {there}"), _DESCRIBE),
    ),
    Reason.UNSUPPORTED_TEMPLATE: Advice(
        "The template asks for something that the suite's placers do not do. Nothing changes until the template does.",
        (_EDIT,),
    ),
    Reason.NAME_COLLISION: Advice(
        "An object of another owner has a name that is needed here. It is never taken over: one of the two must go.",
        (
            Step("see what is there", "kubectl get foosets,batchfoosets,servicefoosets,pods {here}"),
            Step("choose another name for the part", "kubectl edit {root} {here}"),
        ),
    ),
    Reason.KUBELET_REJECTED: Advice(
        "A node's kubelet would not run a pod that was placed there. The pod is placed again, each time after a longer"
        " wait; no failure is counted.",
        (
            Step("see what the node is short of", "kubectl describe node {node} {there}"),
            Step("see the last rejection", "kubectl describe {set} {here}"),
        ),
    ),
    Reason.IMAGE_PULL_FAILED: Advice(
        "The node cannot get a container's image: its name or tag is wrong, it is private, or its registry cannot be"
        " reached. The kubelet tries again.",
        (_DESCRIBE, Step("change the image, in {template}", "kubectl edit {root} {here}")),
    ),
    Reason.CRASH_LOOP: Advice(
        "A container cannot be started, or ends soon after its start, again and again; the kubelet waits ever longer.",
        (_LAST_LOGS, _DESCRIBE, _EDIT),
    ),
    Reason.SCHEDULER_NOT_ASSIGNED: Advice(
        "Nothing has put a scheduler's name into the pod: the policy that does was not in force when it was created."
        " Where the controller names schedulers by now, it makes the pod anew.",
        (
            Step(
                "see whether the policy is installed",
                "kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings {there}",
            ),
            Step("have the pod made again, once it is", "kubectl delete {object} {here}"),
        ),
    ),
    Reason.SCHEDULER_SILENT: Advice(
        "The scheduler that the pod names has neither given it a node nor said why not: it does not run, cannot"
        " reach the API server, or has another name by now.",
        (
            _COMPONENT,
            _DESCRIBE,
            _MAKE_ANEW,
        ),
    ),
    Reason.CONTROLLER_SILENT: Advice(
        "Its controller has not acted on the newest spec: it does not run, or cannot reach the API server.",
        (
            _COMPONENT,
            Step(
                "see who leads",
                "kubectl get leases --all-namespaces"
                " -l app.kubernetes.io/name=foosets,app.kubernetes.io/component={component} {there}",
            ),
        ),
    ),
    Reason.BACKOFF_LIMIT_EXCEEDED: Advice(
        f"More of its pods failed than its backoffLimit allows. {_RUN_AGAIN}",
        (
            _PODS,
            Step("read what the pods said", "kubectl logs -l {pods} --all-containers --prefix --tail=20 {here}"),
            _EDIT,
        ),
    ),
    Reason.CHILD_FAILED: Advice(
        f"One of its batch parts has failed. {_RUN_AGAIN}",
        (Step("see which", "kubectl get batchfoosets -l {pods} {here}"), _PODS),
    ),
}
"""By reason; a status may give one that is not in here, if its controller is newer."""

FOOQUOTA: Final = Advice(
    "A FooQuota of the namespace has not enough left for the whole set, so nothing is made of it. It goes on by itself"
    " once there is enough for all of it.",
    (
        Step("see what is reserved, and by whom", "kubectl describe fooquota {quota} {here}"),
        Step("see who else wants some", "kubectl get fooquota {here}"),
        _ASK_FOR_LESS,
    ),
)
"""QuotaExceeded, where a FooQuota says so."""
FOOQUOTA_UNCLAIMED: Final = Advice(
    "Every set of the namespace has been given what it asks for.",
    (Step("see what is reserved, and by whom", "kubectl describe fooquota {quota} {here}"),),
)
OTHER_SCHEDULER_SILENT: Final = Advice(
    "The scheduler that the pod names, which is not the suite's unless that was given this name, has neither given it a"
    " node nor said why not: it does not run, cannot reach the API server, or the name is wrong.",
    (
        _DESCRIBE,
        Step(
            "see which scheduler the namespace asks for",
            f"kubectl get namespace {{namespace}} -L {SCHEDULER_NAME_LABEL} {{there}}",
        ),
        Step("name another, in {template}", "kubectl edit {root} {here}"),
        _MAKE_ANEW,
    ),
)
"""SchedulerSilent, where the pod has not the name that the suite's scheduler has unless it was given another."""
POD_FAILED: Final = Advice(
    "The pod has ended and is not started again. Its set counts it and makes the next attempt, as long as it may.",
    (
        Step("read what it said", "kubectl logs {object} {container} {here}"),
        _DESCRIBE,
        Step("see how its set goes on", "kubectl foo why {set} {here}"),
    ),
)
ASK_THE_ROOT: Final = Step("see what keeps the whole of which it is a part", "kubectl foo why {root} {here}")
BEING_DELETED: Final = Advice(
    "Somebody has asked for its deletion. It goes once its pods have ended and its finalizers are done.",
    (_DESCRIBE, _WATCH),
)
UNKNOWN: Final = Advice(
    "This version of kubectl-foo does not know the reason: the controllers are newer, or another one wrote it.",
    (_DESCRIBE,),
)
