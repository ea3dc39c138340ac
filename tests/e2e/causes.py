"""Ways to keep a set from running, each with what is to be seen of it, and how it is mended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from e2e.cluster import nodes
from e2e.cluster.errors import ClusterError
from e2e.expected import Object
from foosets.api import names
from foosets.planning.naming import pod_prefix
from tests.e2e import manifests
from tests.e2e.manifests import Manifest
from tests.e2e.story import Story

APP: Final = "app"
IN_FORCE_WITHIN: Final = 10.0
"""Seconds until the API server goes by a policy, a quota or a label that it has stored."""
OWN: Final = "e2e.foo.example.com/own"
"""Label and taint of a node that only the sets of one namespace may use."""
MAINTENANCE: Final = {"key": "e2e.foo.example.com/maintenance", "effect": "NoSchedule"}

Act = Callable[[Story], None]


@dataclass(frozen=True, slots=True)
class Blamed:
    """Whom status blames: an object, `*` standing for what a pod's name has of its owner's uid."""

    kind: str
    name: str
    condition: str


BATCH: Final = Blamed("BatchFooSet", f"{APP}-workers", "Placed")
SERVICE: Final = Blamed("ServiceFooSet", f"{APP}-server", "Placed")
TOP: Final = Blamed("FooSet", APP, "Refined")
UNRESERVED: Final = Blamed("FooSet", APP, "QuotaReserved")
UNPLACED_POD: Final = Blamed("Pod", f"{APP}-server-*-0", "PodScheduled")
ENDED: Final = Blamed("BatchFooSet", f"{APP}-workers", "Failed")
UNREADY_POD: Final = Blamed("Pod", f"{APP}-server-*-0", "Ready")


def nothing(story: Story) -> None:
    """Do nothing."""
    del story


@dataclass(frozen=True, slots=True)
class Case:
    """What is done before the set is applied, what is then to be seen, and what mends it."""

    reason: str
    blamed: Blamed
    seed: Act
    mend: Act
    manifest: Callable[[Story], Manifest] = field(default=lambda _: workers())


def blamed_by(story: Story) -> tuple[str, Blamed] | None:
    """Return the reason and the object that the FooSet's status names, or None."""
    return _blamed(story.fooset(APP)["status"], story.pods())


def told_after(story: Story, reason: str, blamed: Blamed, since: datetime | None = None) -> list[timedelta]:
    """Return how long after the FooSet, or after a time, each status came that names them, by the audit log."""
    pods, writes = story.pods(), [one for one in story.writes() if one.succeeded]
    made = [one.at for one in writes if (one.verb, one.resource) == ("create", "foosets")]
    statuses = [one for one in writes if one.resource == "foosets/status"]
    told = [one.at for one in statuses if _blamed(one.body["status"], pods) == (reason, blamed)]
    return [later - earlier for earlier in ([since] if since else made) for later in told]


def _blamed(status: Any, pods: list[Any]) -> tuple[str, Blamed] | None:
    found = status.get("blockedBy")
    if found is None:
        return None
    owner = {one["metadata"]["name"]: pod_prefix(_owner(one)["name"], _owner(one)["uid"]) for one in pods}
    name, prefix = found["name"], owner.get(found["name"])
    if prefix is not None:
        name = f"{prefix[:-6]}*-{name.removeprefix(prefix)}"
    return found["reason"], Blamed(found["kind"], name, found["condition"])


def events(story: Story) -> list[Object]:
    """Return what the FooSet has told, in order; one that was made anew, what the one before it has, too."""
    found = story.server.get(f"/apis/events.k8s.io/v1/namespaces/{story.namespace}/events")["items"]
    own = (one for one in found if (one["regarding"]["kind"], one["regarding"]["name"]) == ("FooSet", APP))
    return sorted(own, key=lambda one: one["eventTime"])


def reasons_told(story: Story) -> list[str]:
    """Return the reasons of these Events, in order."""
    return [event["reason"] for event in events(story)]


def _owner(pod: Object) -> Any:
    return next((one for one in pod["metadata"].get("ownerReferences", [])), {"name": "nobody", "uid": ""})


# ---- sets


def workers(**changes: Any) -> Manifest:
    """A set of one pod that is placed by its controller, and stays."""
    return manifests.fooset(APP, batch={"workers": manifests.batch(1, run_seconds="600", **changes)})


def server(**changes: Any) -> Manifest:
    """A set of one pod that waits for a scheduler."""
    return manifests.fooset(APP, service={"server": manifests.service(1, **changes)})


def changed(manifest: Manifest, change: Callable[[Manifest], None]) -> Manifest:
    """Change the pod template of the one part."""
    for entry in (*manifest["spec"]["batch"], *manifest["spec"]["service"]):
        change(entry["template"]["spec"]["template"])
    return manifest


def fated(fate: str) -> Manifest:
    """A set whose pod has this fate on a simulated node."""
    return changed(server(), lambda template: template["metadata"]["annotations"].update({names.FATE: fate}))


def failing() -> Manifest:
    """A set whose pod fails, and may not fail even once."""
    part: Manifest = {**manifests.batch(1), "backoffLimit": 0}
    part["template"]["metadata"]["annotations"][names.FATE] = "exit"
    return manifests.fooset(APP, batch={"workers": part})


def apply(manifest: Manifest) -> Act:
    """Apply another version of the set."""
    return lambda story: story.apply(manifest)


# ---- what belongs to a namespace


def quota(**hard: str) -> Act:
    """Allow no more than this."""

    def act(story: Story) -> None:
        spec = {"hard": {key.replace("_", "/"): value for key, value in hard.items()}}
        story.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "little"}, "spec": spec})
        story.until(lambda: story.kubectl("get", "resourcequota", "little", "-o", "jsonpath={.status.hard}"))

    return act


def without_quota(story: Story) -> None:
    story.kubectl("delete", "resourcequota", "little")


def limits(**hard: str) -> Act:
    """Let the sets of the namespace hold no more than this between them."""

    def act(story: Story) -> None:
        little = {"apiVersion": names.API_VERSION, "kind": "FooQuota", "metadata": {"name": "little"}}
        story.apply({**little, "spec": {"hard": hard}})

    return act


def without_limits(story: Story) -> None:
    story.kubectl("delete", "fooquota", "little")


def pod_security(story: Story) -> None:
    """Enforce the restricted level."""
    story.kubectl("label", "namespace", story.namespace, "pod-security.kubernetes.io/enforce=restricted")
    story.until(lambda: refused(story), IN_FORCE_WITHIN)


def without_pod_security(story: Story) -> None:
    story.kubectl("label", "namespace", story.namespace, "pod-security.kubernetes.io/enforce-")


def refused(story: Story) -> bool:
    """Whether a plain pod may not be created."""
    pod = {**manifests.pods(cpu="1m"), "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}}
    try:
        story.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    except ClusterError:
        return True
    return False


def foreign_child(story: Story) -> None:
    """Have an object of somebody else under the name of the child."""
    part = workers()["spec"]["batch"][0]["template"]["spec"]
    meta = {"name": f"{APP}-workers"}
    story.apply({"apiVersion": names.API_VERSION, "kind": "BatchFooSet", "metadata": meta, "spec": part})


def without_foreign_child(story: Story) -> None:
    story.kubectl("delete", "batchfooset", f"{APP}-workers")


# ---- what belongs to the cluster, made for one namespace


def policy(story: Story) -> None:
    """Have somebody's policy allow no pods in the namespace."""
    only = {"kubernetes.io/metadata.name": story.namespace}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    spec: Manifest = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "no pods on Sundays"}],
    }
    binding = {
        "policyName": story.namespace,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": only}},
    }
    story.apply(_admission("Policy", story, spec), _admission("PolicyBinding", story, binding))
    story.until(lambda: refused(story), IN_FORCE_WITHIN)


def without_policy(story: Story) -> None:
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        story.kubectl("delete", kind, story.namespace)


def _admission(kind: str, story: Story, spec: Manifest) -> Manifest:
    version = "admissionregistration.k8s.io/v1"
    return {
        "apiVersion": version,
        "kind": f"ValidatingAdmission{kind}",
        "metadata": {"name": story.namespace},
        "spec": spec,
    }


def important(story: Story) -> Manifest:
    """A set of a PriorityClass that the namespace's name tells."""
    return changed(workers(), lambda template: template["spec"].update(priorityClassName=story.namespace))


def priority_class(story: Story) -> None:
    version = "scheduling.k8s.io/v1"
    story.apply({"apiVersion": version, "kind": "PriorityClass", "metadata": {"name": story.namespace}, "value": 7})


def node(story: Story, *, taints: tuple[Mapping[str, str], ...] = (), cordoned: bool = False) -> None:
    """Have a node for the namespace alone."""
    made = nodes.manifest(name_of_node(story), nodes.Shape())
    made["metadata"]["labels"] |= {OWN: story.namespace}
    own = {"key": OWN, "value": story.namespace, "effect": "NoSchedule"}
    made["spec"] = {"taints": [own, *taints], "unschedulable": cordoned}
    story.suite.client.apply(made)
    story.until(lambda: is_ready(story))


def is_ready(story: Story) -> bool:
    found = story.server.get(f"/api/v1/nodes/{name_of_node(story)}")
    ready = {"type": "Ready", "status": "True"}.items()
    conditions = found.get("status", {}).get("conditions", [])
    taints = found["spec"].get("taints", [])
    return any(ready <= one.items() for one in conditions) and nodes.NOT_READY not in {one["key"] for one in taints}


def name_of_node(story: Story) -> str:
    return f"own-{story.namespace}"


def on_own_node(manifest: Manifest) -> Callable[[Story], Manifest]:
    """A set that may use the namespace's own node only."""

    def made(story: Story) -> Manifest:
        toleration = {"key": OWN, "operator": "Exists"}
        where = {"nodeSelector": {OWN: story.namespace}, "tolerations": [toleration]}
        return changed(manifest, lambda template: template["spec"].update(where))

    return made


def untaint(story: Story) -> None:
    story.kubectl("taint", "node", name_of_node(story), f"{MAINTENANCE['key']}-")


def uncordon(story: Story) -> None:
    story.kubectl("uncordon", name_of_node(story))


def named_badly(template: Manifest) -> None:
    """Call the container what only the API server's own validation of pods objects to."""
    template["spec"]["containers"][0]["name"] = "Main"
