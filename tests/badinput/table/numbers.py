"""Numbers: too small, too large, of another type, and quantities that are none."""

from typing import Any, Final

from foosets.api.names import Reason
from tests.badinput.objects import a, batches, container, once, pods, requesting, services
from tests.badinput.rows import (
    Create,
    Manifest,
    Row,
    Send,
    borne,
    by_condition,
    by_schema,
    by_server,
    by_template_policy,
)

INVALID: Final = Reason.INVALID_POD_TEMPLATE
REPLICAS: Final = "spec.service[0].template.spec.replicas"


def batch_of(*containers: Manifest, **spec: Any) -> Manifest:
    """A parentless batch of one pod with these containers."""
    return a("BatchFooSet", template=once(containers=list(containers), **spec))


def service_of(*containers: Manifest, **spec: Any) -> Manifest:
    """A parentless service of one pod with these containers."""
    return a("ServiceFooSet", template=pods(containers=list(containers), **spec))


def stranger(**amounts: str) -> Manifest:
    """Somebody's pod that has a node and requests so much."""
    spec: Manifest = {"nodeName": "node-9", "containers": [requesting(**amounts)]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": spec}


NUMBERS: Final[tuple[Row, ...]] = (
    by_schema("replicas -1", services(replicas=-1), REPLICAS, "greater than or equal to 0"),
    by_schema("replicas 2^31-1", services(replicas=2**31 - 1), REPLICAS, "less than or equal to 10000"),
    by_schema("replicas 2^63", services(replicas=2**63), REPLICAS, "must be of type integer"),
    by_schema('replicas "3"', services(replicas="3"), REPLICAS, "must be of type integer"),
    by_schema("replicas 1.5", services(replicas=1.5), REPLICAS, "must be of type integer"),
    by_schema("replicas true", services(replicas=True), REPLICAS, "must be of type int"),
    by_schema("parallelism -1", batches(parallelism=-1), "spec.batch[0].template.spec.parallelism"),
    by_schema("parallelism 100001", batches(parallelism=100_001), "spec.batch[0].template.spec.parallelism"),
    by_schema("completions of words", batches(completions="many"), "spec.batch[0].template.spec.completions"),
    by_schema("backoffLimit 2^31", a("BatchFooSet", backoffLimit=2**31, template=once()), "spec.backoffLimit"),
    by_schema("minReadySeconds -1", a("ServiceFooSet", minReadySeconds=-1, template=pods()), "spec.minReadySeconds"),
    by_schema("a unit that does not exist", batch_of(requesting(memory="1GB")), "resources.requests.memory"),
    by_schema("a fraction that is not quoted", batch_of(requesting(cpu=0.5)), "resources.requests.cpu"),
    by_server("replicas NaN", Send("ServiceFooSet", b'{"spec": {"replicas": NaN}}'), "invalid character 'N'"),
    borne("replicas null", Create(services(replicas=None))),
    borne("replicas 0", Create(services(replicas=0))),
    borne("no completion at all", Create(batches(completions=0)), state="Complete"),
    borne("the most indexes, none of them at a time", Create(batches(completions=100_000, parallelism=0))),
    by_condition(
        "the most pods that fit nowhere",
        a("BatchFooSet", completions=100_000, parallelism=100_000, template=once(containers=[requesting(cpu="64")])),
        Reason.NO_FIT,
        "Insufficient cpu",
    ),
    by_condition("a negative request, batch", batch_of(requesting(cpu="-1")), INVALID, "requests[cpu]", "-1"),
    by_condition("a negative request, service", service_of(requesting(cpu="-1")), INVALID, "requests[cpu]", "-1"),
    by_condition("a negative limit", batch_of(container(resources={"limits": {"memory": "-1Gi"}})), INVALID, "limits"),
    by_condition(
        "an exponent beyond measure", batch_of(requesting(memory="1e99999")), Reason.NO_FIT, "Insufficient memory"
    ),
    by_condition(
        "a request above its limit",
        batch_of(container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})),
        INVALID,
        "must be less than or equal to cpu limit",
    ),
    by_condition(
        "port 70000", service_of(container(ports=[{"containerPort": 70_000}])), INVALID, "ports[0].containerPort"
    ),
    by_condition(
        "host port -1",
        batch_of(container(ports=[{"containerPort": 80, "hostPort": -1}])),
        INVALID,
        "ports[0].hostPort",
    ),
    by_condition(
        "a user below 0", service_of(container(securityContext={"runAsUser": -1})), INVALID, "securityContext.runAsUser"
    ),
    by_condition("an end before the start", batch_of(container(), activeDeadlineSeconds=0), INVALID, "activeDeadline"),
    by_condition(
        "a priority without a class", batch_of(container(), priority=5), Reason.ADMISSION_DENIED, "priority (5)"
    ),
    borne("a stranger's pod whose request has no end", Create(stranger(memory="1e99999")), Create(batches())),
    borne("a stranger's pod of 5,000 digits", Create(stranger(memory="0." + "1" * 5000)), Create(batches())),
    by_template_policy(
        "a tolerable number on a template that is not",
        a("BatchFooSet", parallelism=100_000, template=once(nodeName="node-0")),
        "nodeName",
    ),
)
