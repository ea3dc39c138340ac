"""Every fault that a set may have, once: judged by the rules of the controllers and by the API server's policy."""

from dataclasses import dataclass
from typing import Any

from tests.builders import Raw, entry, template

INVALID, UNSUPPORTED = "InvalidPodTemplate", "UnsupportedTemplate"
TERM = {"topologyKey": "zone", "labelSelector": {}}
REQUIRED = {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}
PREFERRED = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}]}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
CLAIMED = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
EPHEMERAL = {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}}


def with_metadata(**metadata: dict[str, str]) -> Raw:
    return {"metadata": metadata} | template()


OF_ANY: dict[str, tuple[Raw, str, str]] = {
    "a label of ours": (
        with_metadata(labels={"app": "a", "foo.example.com/index": "1"}),
        INVALID,
        "metadata.labels may not set foo.example.com/index",
    ),
    "an annotation of ours": (
        with_metadata(annotations={"foo.example.com/stamps": "{}"}),
        INVALID,
        "metadata.annotations may not set foo.example.com/stamps",
    ),
    "the opt-out": (
        with_metadata(annotations={"foo.example.com/allow-child-edits": "true"}),
        INVALID,
        "metadata.annotations may not set foo.example.com/allow-child-edits",
    ),
    "a label of ours that goes over two lines": (
        with_metadata(labels={"foo.example.com/a\nb": "1"}),
        INVALID,
        "metadata.labels may not set foo.example.com/a b",
    ),
    "a node": (template(nodeName="n1"), INVALID, "spec.nodeName must be empty"),
    "an ephemeral container": (
        template(ephemeralContainers=[{"name": "debug", "image": "debug"}]),
        INVALID,
        "spec.ephemeralContainers must be empty",
    ),
    "an empty runtime class": (template(runtimeClassName=""), INVALID, "spec.runtimeClassName must name"),
}
"""A pod template, the reason, and how the message goes on after the path of the template; of both kinds."""
OF_OUR_PLACERS: dict[str, tuple[Raw, str, str]] = {
    "a claim": (
        template(volumes=[{"name": "tmp", "emptyDir": {}}, CLAIMED]),
        UNSUPPORTED,
        "spec.volumes[name=data] needs a claim to be bound",
    ),
    "a claim under a name that goes over two lines": (
        template(volumes=[CLAIMED | {"name": "a\nb"}]),
        UNSUPPORTED,
        "spec.volumes[name=a b] needs a claim to be bound",
    ),
    "an ephemeral volume": (template(volumes=[EPHEMERAL]), UNSUPPORTED, "spec.volumes[name=data] needs a claim"),
    "resource claims": (template(resourceClaims=[{"name": "gpu"}]), UNSUPPORTED, "spec.resourceClaims need"),
    "spread": (template(topologySpreadConstraints=[SPREAD]), UNSUPPORTED, "spec.topologySpreadConstraints are"),
    "a scheduling group": (template(schedulingGroup={"podGroupName": "g"}), UNSUPPORTED, "spec.schedulingGroup is"),
    "affinity": (template(affinity={"podAffinity": REQUIRED}), UNSUPPORTED, "spec.affinity.podAffinity is"),
    "anti-affinity": (template(affinity={"podAntiAffinity": PREFERRED}), UNSUPPORTED, "spec.affinity.podAntiAffinity"),
}
"""The same of both kinds, but a service may name another scheduler."""
OF_BATCH: dict[str, tuple[Raw, str, str]] = {
    "a scheduler": (template(schedulerName="default-scheduler"), INVALID, "spec.schedulerName must be empty"),
    "a scheduling gate": (
        template(schedulingGates=[{"name": "example.com/wait"}]),
        INVALID,
        "spec.schedulingGates must be empty",
    ),
}
OF_SERVICE = OF_ANY | OF_OUR_PLACERS
OF_BATCH |= OF_SERVICE
FINE: dict[str, Raw] = {
    "a plain template": template(),
    "users' labels": with_metadata(labels={"app": "a", "foo.example.com": "x", "foo.example.comet/x": "y"}),
    "simulated nodes' annotations": with_metadata(annotations={"e2e.foo.example.com/fate": "exit"}),
    "volumes that need no claim": template(
        volumes=[{"name": "v", "emptyDir": {}}, {"name": "s", "hostPath": {"path": "/s"}}]
    ),
    "node affinity": template(affinity={"nodeAffinity": {}}),
    "empty relations": template(
        affinity={"podAffinity": {}, "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
        topologySpreadConstraints=[],
        resourceClaims=[],
        volumes=[],
        schedulingGates=[],
        ephemeralContainers=[],
    ),
    "empty names": template(nodeName="", schedulerName="", priorityClassName=""),
}
"""Pod templates that both kinds run."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """An object with one fault, and what is said of it."""

    kind: str
    spec: Raw
    reason: str
    says: str


def _pods_of(kind: str, pods: Raw) -> Raw:
    """The template as the kind takes it: pods of a service are restarted."""
    restart = "Never" if kind == "BatchFooSet" else "Always"
    return {"template": pods | {"spec": pods["spec"] | {"restartPolicy": restart}}}


def of_fooset(kind: str, spec: Raw, **parts: Any) -> Raw:
    """The spec of a FooSet whose part of that kind is called `part`; `parts` are further fields, and labels of it."""
    metadata = parts.pop("metadata", {})
    return {("batch" if kind == "BatchFooSet" else "service"): [entry("part", spec, **metadata)]} | parts


def _faulty() -> dict[str, Faulty]:
    table: dict[str, Faulty] = {}
    for kind, cases in (("BatchFooSet", OF_BATCH), ("ServiceFooSet", OF_SERVICE)):
        of_part = f"spec.{'batch' if kind == 'BatchFooSet' else 'service'}[name=part].template"
        for case, (pods, reason, says) in cases.items():
            spec = _pods_of(kind, pods)
            table[f"{kind}: {case}"] = Faulty(kind, spec, reason, f"spec.template.{says}")
            of_parent = of_fooset(kind, spec)
            table[f"FooSet of a {kind}: {case}"] = Faulty(
                "FooSet", of_parent, reason, f"{of_part}.spec.template.{says}"
            )
        for field in ("labels", "annotations"):
            marked = of_fooset(kind, _pods_of(kind, template()), metadata={field: {"foo.example.com/child": "x"}})
            says = f"{of_part}.metadata.{field} may not set foo.example.com/child"
            table[f"FooSet of a {kind}: {field} of the part"] = Faulty("FooSet", marked, INVALID, says)
        low = of_fooset(kind, _pods_of(kind, template(priorityClassName="low")), priorityClassName="high")
        says = f"{of_part}.spec.template.spec.priorityClassName must be empty or high"
        table[f"FooSet of a {kind}: another priority"] = Faulty("FooSet", low, INVALID, says)
    return table


FAULTY = _faulty()


def _fine() -> dict[str, tuple[str, Raw]]:
    table: dict[str, tuple[str, Raw]] = {}
    for kind in ("BatchFooSet", "ServiceFooSet"):
        for case, pods in FINE.items():
            spec = _pods_of(kind, pods)
            table[f"{kind}: {case}"] = (kind, spec)
            table[f"FooSet of a {kind}: {case}"] = ("FooSet", of_fooset(kind, spec))
        high = _pods_of(kind, template(priorityClassName="high"))
        table[f"FooSet of a {kind}: its own priority"] = ("FooSet", of_fooset(kind, high, priorityClassName="high"))
        table[f"FooSet of a {kind}: a priority of the part"] = ("FooSet", of_fooset(kind, high))
    for case, (pods, _, _) in OF_OUR_PLACERS.items():
        chosen = pods | {"spec": pods["spec"] | {"schedulerName": "default-scheduler"}}
        spec = _pods_of("ServiceFooSet", chosen)
        table[f"ServiceFooSet that names its scheduler: {case}"] = ("ServiceFooSet", spec)
        table[f"FooSet that names a scheduler: {case}"] = ("FooSet", of_fooset("ServiceFooSet", spec))
    return table


FINE_OBJECTS = _fine()
"""Kind and spec of objects that nobody has anything to say about."""
