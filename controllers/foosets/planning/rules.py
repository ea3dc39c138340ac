"""What a set may not ask for: pure rules that the controllers apply before they make anything.

A FooSet whose part `workers` names a node in its pod template has the fault

    spec.batch[name=workers].template.spec.template.spec.nodeName must be empty: nodes are chosen pod by pod; ...

and the BatchFooSet that would be made of it the same one, of `spec.template.spec.nodeName`. The chart's policy
`templates` has the API server say the same words to whoever writes such an object; these rules say them of what was
there before the policy, and where there is none. A test holds the two together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from foosets.api.fooset import BatchEntry, FooSetSpec, ServiceEntry
from foosets.api.names import GROUP, Reason

DEFAULT_SCHEDULER_WAY_OUT: Final = (
    "name a scheduler that does: a ServiceFooSet with template.spec.schedulerName: default-scheduler"
)
MESSAGE_MAX: Final = 1024
"""Characters of a fault's message. The API server says nothing of a policy's that is much longer, or no single line."""
IN_A_SET: Final = "spec.template"
"""Where the pod template of a BatchFooSet and a ServiceFooSet is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an object, to be mended by who wrote it; the message starts with the field's path."""

    reason: Reason
    message: str


def fooset(spec: FooSetSpec) -> Fault | None:
    """Return the first fault of a FooSet: of its entries in their order, batch first."""
    for entry in (*spec.batch, *spec.service):
        for fault in _of_entry(entry, spec.priority_class_name):
            return fault
    return None


def batch_template(template: Mapping[str, Any], at: str = IN_A_SET) -> Fault | None:
    """Return the first reason why the batch controller cannot run a pod template."""
    return next(_of_batch(template, at), None)


def service_template(template: Mapping[str, Any], at: str = IN_A_SET) -> Fault | None:
    """Return the first reason why the service controller cannot run a pod template."""
    return next(_of_service(template, at), None)


def unsupported_by_our_placers(spec: Mapping[str, Any], at: str = "spec") -> Fault | None:
    """Return what in a pod spec only kube-scheduler can place: volumes to bind, claims, and relations between pods."""
    return next(_unsupported(spec, at), None)


def _of_entry(entry: BatchEntry | ServiceEntry, priority_class: str) -> Iterator[Fault]:
    batch = isinstance(entry, BatchEntry)
    of_child = f"spec.{'batch' if batch else 'service'}[name={entry.name}].template"
    yield from _reserved(entry.template.metadata.model_dump(), f"{of_child}.metadata")
    template, at = entry.template.spec.template, f"{of_child}.{IN_A_SET}"
    yield from _of_batch(template, at) if batch else _of_service(template, at)
    named = _spec(template).get("priorityClassName")
    if priority_class and named and named != priority_class:
        yield _invalid(
            f"{at}.spec.priorityClassName must be empty or {priority_class}, the spec.priorityClassName of the FooSet:"
            " all its pods have one priority"
        )


def _of_batch(template: Mapping[str, Any], at: str) -> Iterator[Fault]:
    spec = _spec(template)
    yield from _of_any(template, at)
    if spec.get("schedulerName"):
        yield _invalid(
            f"{at}.spec.schedulerName must be empty: the batchfooset controller places these pods itself;"
            " pods of a ServiceFooSet wait for the scheduler that they name"
        )
    if spec.get("schedulingGates"):
        yield _invalid(
            f"{at}.spec.schedulingGates must be empty: a pod that is created on its node may have none;"
            " parallelism: 0 holds new pods back"
        )
    yield from _unsupported(spec, f"{at}.spec")


def _of_service(template: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """Another scheduler may honour what ours does not."""
    spec = _spec(template)
    yield from _of_any(template, at)
    if not spec.get("schedulerName"):
        yield from _unsupported(spec, f"{at}.spec")


def _of_any(template: Mapping[str, Any], at: str) -> Iterator[Fault]:
    spec = _spec(template)
    yield from _reserved(template.get("metadata") or {}, f"{at}.metadata")
    if spec.get("nodeName"):
        yield _invalid(
            f"{at}.spec.nodeName must be empty: nodes are chosen pod by pod;"
            " nodeSelector and affinity.nodeAffinity say which will do"
        )
    if spec.get("ephemeralContainers"):
        yield _invalid(
            f"{at}.spec.ephemeralContainers must be empty: Kubernetes takes them for a pod that is there;"
            " use kubectl debug"
        )
    if spec.get("runtimeClassName") == "":  # the API server answers each pod with an error of its own (500)
        yield _invalid(f"{at}.spec.runtimeClassName must name a RuntimeClass: leave it out for the default handler")


def _reserved(metadata: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for field in ("labels", "annotations"):
        for key in metadata.get(field) or ():
            if key.startswith(f"{GROUP}/"):
                yield _invalid(f"{at}.{field} may not set {key}: the suite writes what starts with {GROUP}/")


def _unsupported(spec: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for volume in spec.get("volumes") or ():
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            yield _unplaceable(f"{at}.volumes[name={volume.get('name')}] needs a claim to be bound")
    if spec.get("resourceClaims"):
        yield _unplaceable(f"{at}.resourceClaims need a scheduler that allocates them")
    if spec.get("topologySpreadConstraints"):
        yield _unplaceable(f"{at}.topologySpreadConstraints are not honoured by this placer")
    if spec.get("schedulingGroup") is not None:
        yield _unplaceable(f"{at}.schedulingGroup is not honoured by this placer")
    affinity: Mapping[str, Any] = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        terms: Mapping[str, Any] = affinity.get(kind) or {}
        if any(terms.values()):
            yield _unplaceable(f"{at}.affinity.{kind} is not honoured by this placer")


def _spec(template: Mapping[str, Any]) -> Mapping[str, Any]:
    return template.get("spec") or {}


def _invalid(message: str) -> Fault:
    return Fault(Reason.INVALID_POD_TEMPLATE, _shown(message))


def _unplaceable(what: str) -> Fault:
    return Fault(Reason.UNSUPPORTED_TEMPLATE, _shown(f"{what}; {DEFAULT_SCHEDULER_WAY_OUT}"))


def _shown(message: str) -> str:
    """Return the message as it can be shown whatever names users have put into it."""
    return message.replace("\n", " ")[:MESSAGE_MAX]
