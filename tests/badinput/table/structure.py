"""Structure: what is missing, too much, of another shape, or no JSON at all."""

import json
from typing import Any, Final

from foosets.api.names import API_VERSION, Reason
from tests.badinput.objects import CONTAINER, a, batch, batches, container, once, pods, service, services
from tests.badinput.rows import (
    Await,
    Change,
    Create,
    Remove,
    Row,
    Send,
    borne,
    by_condition,
    by_schema,
    by_server,
    by_template_policy,
)
from tests.badinput.showing import children, of_it

INVALID: Final = Reason.INVALID_POD_TEMPLATE
UNSUPPORTED: Final = Reason.UNSUPPORTED_TEMPLATE
SCHEDULED: Final = "default-scheduler"
"""The way out that a refusal names."""
TERM: Final = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}
CLAIMED: Final = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
LARGE: Final = "x" * 200_000


def raw(spec: Any) -> dict[str, Any]:
    """A FooSet whose spec is anything."""
    return a("FooSet") | {"spec": spec}


def finalized() -> dict[str, Any]:
    """Metadata that keeps an object from going."""
    return {"finalizers": ["example.com/wait"]}


STRUCTURE: Final[tuple[Row, ...]] = (
    by_schema("a spec that is a list", raw([]), "spec", "must be of type object"),
    by_schema("a spec that is text", raw("x"), "spec", "must be of type object"),
    by_schema("a spec that is null", raw(None), "spec", "Required value"),
    by_schema("entries that are no list", raw({"batch": {"name": "x"}}), "spec.batch", "must be of type array"),
    by_schema("an entry that is null", raw({"batch": [None]}), "spec.batch[0]", "must be of type object"),
    by_schema("an entry that is text", raw({"service": ["x"]}), "spec.service[0]", "must be of type object"),
    by_schema("an entry without a template", raw({"batch": [{"name": "x"}]}), "spec.batch[0].template", "Required"),
    by_schema("nine entries", a("FooSet", batch=[batch(f"x{i}") for i in range(9)]), "spec.batch", "at most 8 items"),
    by_schema("no template", a("BatchFooSet", parallelism=1), "spec.template", "Required value"),
    by_schema("no pod spec", a("BatchFooSet", template={}), "spec.template.spec", "Required value"),
    by_schema("no containers", a("ServiceFooSet", template={"spec": {}}), "spec.containers", "Required value"),
    by_schema("a container that is null", a("BatchFooSet", template=once(containers=[None])), "containers[0]"),
    by_schema("labels that are a list", services(template=pods(metadata={"labels": ["a"]})), "metadata.labels"),
    by_schema("a label that is a number", services(template=pods(metadata={"labels": {"a": 1}})), "labels.a"),
    by_schema("batch pods that start for ever", batches(template=once(restartPolicy="Always")), "restartPolicy"),
    by_schema(
        "batch pods that say nothing of it", batches(template=pods()), "restartPolicy must be Never or OnFailure"
    ),
    by_schema("service pods that end", services(template=once()), "restartPolicy must be Always"),
    by_server(
        "a typo, sent strictly",
        Create(a("FooSet", bacth=[batch()]), options="fieldValidation=Strict"),
        'unknown field "spec.bacth"',
    ),
    by_server("no JSON", Send("FooSet", b'{"spec": '), "unexpected end of JSON input"),
    by_server("YAML that calls itself JSON", Send("FooSet", b"kind: FooSet\n"), "invalid character"),
    by_server("nothing at all", Send("FooSet", b""), "unexpected end of JSON input"),
    by_server("another content type", Send("FooSet", b"<fooset/>", "application/xml"), "accepted media types"),
    by_server("20,000 lists in each other", Send("FooSet", b"[" * 20_000 + b"]" * 20_000), "exceeded max depth"),
    by_server(
        "an object of 1.6 MB",
        Create(
            a(
                "FooSet",
                metadata={"annotations": {"a": LARGE}},
                batch=[batch(metadata={"annotations": {f"a{i}": LARGE for i in range(7)}})],
            )
        ),
        "too large",
    ),
    by_server("a request of 4 MB", Send("FooSet", b'{"a": "%b"}' % (b"x" * 2**22)), "too large"),
    borne("an empty set", Create(a("FooSet"))),
    borne(
        "a field that does not exist, which is pruned",
        Create(a("FooSet", bacth=[batch()], batch=[batch()])),
        shows=of_it(lambda found: "bacth" not in found["spec"]),
    ),
    borne("a status that is sent along, which is dropped", Create(batches() | {"status": {"observedGeneration": 99}})),
    borne(
        "a change to null",
        Create(services()),
        Change("FooSet", "demo", {"spec": {"service": None}}),
        Change("FooSet", "demo", {"spec": {"batch": None}}),
        shows=children(),
    ),
    borne(
        "an owner that does not exist",
        Create(
            a(
                "FooSet",
                metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "no-such"}]},
                batch=[batch()],
            )
        ),
        state="gone",
    ),
    borne(
        "a finalizer of nobody's, and deleted",
        Create(a("FooSet", metadata=finalized(), service=[service()])),
        Await("FooSet", "demo", "Ready"),
        Remove("FooSet", "demo", "Foreground"),
        Change("FooSet", "demo", {"metadata": {"finalizers": None}}),
        state="gone",
    ),
    by_condition("an empty list of containers", a("BatchFooSet", template=once(containers=[])), INVALID, "containers"),
    by_template_policy(
        "containers that exist in a running pod only",
        a("BatchFooSet", template=once(ephemeralContainers=[CONTAINER])),
        "spec.ephemeralContainers",
    ),
    by_condition(
        "a mount of no volume",
        services(template=pods(containers=[container(volumeMounts=[{"name": "v", "mountPath": "/v"}])])),
        INVALID,
        "volumeMounts[0].name",
    ),
    by_condition(
        "a probe of nothing",
        services(template=pods(containers=[container(readinessProbe={})])),
        INVALID,
        "readinessProbe",
    ),
    by_condition(
        "a toleration of another form",
        a("BatchFooSet", template=once(tolerations=[{"operator": "Exists", "key": "", "value": "x"}])),
        INVALID,
        "tolerations[0]",
    ),
    by_condition(
        "an affinity to numbers that are none",
        a(
            "BatchFooSet",
            template=once(
                affinity={
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "n", "operator": "Gt", "values": ["x"]}]}
                            ]
                        }
                    }
                }
            ),
        ),
        Reason.NO_FIT,
        "didn't match Pod's node affinity",
    ),
    by_template_policy(
        "pods that wait for a gate, where nobody waits",
        a("BatchFooSet", template=once(schedulingGates=[{"name": "example.com/gate"}])),
        "spec.schedulingGates",
    ),
    by_template_policy(
        "a claim to a volume", batches(template=once(volumes=CLAIMED)), "volume", SCHEDULED, reason=UNSUPPORTED
    ),
    by_template_policy(
        "a claim under a name that goes over two lines",
        a("BatchFooSet", template=once(volumes=[{"name": "a\nb", "ephemeral": {}}])),
        "spec.template.spec.volumes[name=a b] needs a claim to be bound",
        reason=UNSUPPORTED,
    ),
    by_template_policy(
        "a claim under a name of 6,000 characters",
        a("BatchFooSet", template=once(volumes=[{"name": "x" * 6_000, "ephemeral": {}}])),
        "spec.template.spec.volumes[name=xxx",
        reason=UNSUPPORTED,
    ),
    by_template_policy(
        "a resource claim",
        services(template=pods(resourceClaims=[{"name": "gpu"}])),
        "resourceClaims",
        SCHEDULED,
        reason=UNSUPPORTED,
    ),
    by_template_policy(
        "a spread over zones",
        a(
            "ServiceFooSet",
            template=pods(
                topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
            ),
        ),
        "topologySpreadConstraints",
        SCHEDULED,
        reason=UNSUPPORTED,
    ),
    by_template_policy(
        "pods that keep away from each other",
        a(
            "BatchFooSet",
            template=once(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}),
        ),
        "podAntiAffinity",
        SCHEDULED,
        reason=UNSUPPORTED,
    ),
    by_template_policy(
        "pods that keep together",
        a(
            "FooSet",
            service=[
                service("first"),
                service(
                    template=pods(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}})
                ),
            ],
        ),
        "podAffinity",
        SCHEDULED,
        reason=UNSUPPORTED,
    ),
)


def _twice() -> bytes:
    """A FooSet that says its spec twice: first of one part, and then of none."""
    first = json.dumps({"batch": [batch()]})
    text = json.dumps({"apiVersion": API_VERSION, "kind": "FooSet", "metadata": {"name": "demo"}, "spec": {}})
    return text.replace('"spec"', f'"spec": {first}, "spec"').encode()


STRUCTURE_OF_JSON: Final[tuple[Row, ...]] = (
    borne("a member that is said twice, of which the last counts", Send("FooSet", _twice()), shows=children()),
)
