"""The pods of a BatchFooSet."""

from typing import Final

from foosets.api.batchfooset import BatchFooSet
from foosets.api.meta import BATCHFOOSETS, PODS
from foosets.api.names import PLACED_BY_CONTROLLER
from foosets.batchfooset.state import Placed, Wanted
from foosets.planning.actions import Create, DryRun
from foosets.planning.children import Mark, PodStencil
from foosets.planning.ownership import owner_of
from foosets.planning.stamps import Stamps
from foosets.planning.trace import Context, TraceId, pod_span_id

ANY_NODE: Final = "any"
"""The node of a dry run. Admission judges that there is one, and nobody looks it up."""


def stencil_of(batch: BatchFooSet, revision: str) -> PodStencil:
    """Return what all pods of the current template have in common."""
    return PodStencil(owner_of(BATCHFOOSETS, batch), batch.spec.template, revision, PLACED_BY_CONTROLLER)


def dry_run(batch: BatchFooSet, revision: str, trace: TraceId) -> DryRun:
    """Return the trial of the current template: its first pod, on a node that need not be there."""
    stencil = stencil_of(batch, revision)
    span = Context(trace, pod_span_id(trace, batch.metadata.uid, 0, 0))
    body = stencil.trial_body(Mark(0, 0, ANY_NODE, span.traceparent, Stamps().render()))
    return DryRun(PODS, owner_of(BATCHFOOSETS, batch), stencil.trial_name, body)


def create(batch: BatchFooSet, stencil: PodStencil, wanted: Wanted, placed: Placed) -> Create:
    """Return the creation of a wanted pod on its node, as a step of the trace it was decided in."""
    trace = placed.context.trace_id
    span = Context(trace, pod_span_id(trace, batch.metadata.uid, wanted.index, wanted.attempt))
    mark = Mark(wanted.index, wanted.attempt, placed.node, span.traceparent, placed.stamps)
    name = stencil.name(wanted.index, wanted.attempt)
    return Create(PODS, batch.metadata.namespace, name, stencil.body(mark), batch.metadata.uid)
