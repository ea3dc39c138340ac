"""The pods of a ServiceFooSet: created without a node, they wait for a scheduler."""

from collections.abc import Mapping
from typing import Any

from foosets.api.meta import PODS, SERVICEFOOSETS
from foosets.api.names import (
    ASSIGNED_BY_CONTROLLER,
    PLACED_BY_SCHEDULER,
    SCHEDULER_ASSIGNED_BY,
    UNASSIGNED_SCHEDULER,
)
from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.actions import Create, DryRun
from foosets.planning.children import Mark, PodStencil
from foosets.planning.ownership import owner_of
from foosets.planning.stamps import Stamps
from foosets.planning.trace import Context, Microseconds, TraceId, pod_span_id
from foosets.servicefooset.state import Observed, Wanted


def stencil_of(service: ServiceFooSet, revision: str, scheduler: str) -> PodStencil:
    """Return what all pods of the current template have in common; see `assigned` for the scheduler."""
    template = assigned(service.spec.template, scheduler)
    return PodStencil(owner_of(SERVICEFOOSETS, service), template, revision, PLACED_BY_SCHEDULER)


def names_scheduler(template: Mapping[str, Any]) -> bool:
    """Whether the user named a scheduler in the template."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    return bool(spec.get("schedulerName"))


def assigned(template: Mapping[str, Any], scheduler: str) -> Mapping[str, Any]:
    """Return the template with a scheduler's name: the user's, else `scheduler`, written by this controller.

    With neither it is a placeholder that no scheduler answers to, and that admission replaces. It is never left out:
    the API server would write `default-scheduler`, which says as much as a user who asked for that.
    """
    if names_scheduler(template):
        return template
    spec: Mapping[str, Any] = template.get("spec") or {}
    if not scheduler:
        return {**template, "spec": {**spec, "schedulerName": UNASSIGNED_SCHEDULER}}
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    annotations: dict[str, str] = dict(metadata.get("annotations") or {})
    annotations[SCHEDULER_ASSIGNED_BY] = ASSIGNED_BY_CONTROLLER
    return {"metadata": {**metadata, "annotations": annotations}, "spec": {**spec, "schedulerName": scheduler}}


def dry_run(seen: Observed, trace: TraceId) -> DryRun:
    """Return the trial of the current template: its first pod."""
    span = Context(trace, pod_span_id(trace, seen.service.metadata.uid, 0, 0))
    body = seen.stencil.trial_body(Mark(0, 0, "", span.traceparent, Stamps().render()))
    return DryRun(PODS, owner_of(SERVICEFOOSETS, seen.service), seen.stencil.trial_name, body)


def create(seen: Observed, wanted: Wanted, trace: TraceId, at: Microseconds) -> Create:
    """Return the creation of a wanted pod, sent `at`, as a step of the trace it was decided in."""
    meta = seen.service.metadata
    span = Context(trace, pod_span_id(trace, meta.uid, wanted.slot, wanted.attempt))
    mark = Mark(wanted.slot, wanted.attempt, "", span.traceparent, Stamps(create=at).render())
    name = seen.stencil.name(wanted.slot, wanted.attempt)
    return Create(PODS, meta.namespace, name, seen.stencil.body(mark), meta.uid)
