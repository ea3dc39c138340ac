"""The pods of a BatchFooSet."""

from foosets.api.batchfooset import BatchFooSet
from foosets.api.meta import BATCHFOOSETS, PODS
from foosets.api.names import PLACED_BY_CONTROLLER
from foosets.batchfooset.state import Placed, Wanted
from foosets.planning.actions import Create
from foosets.planning.children import Lineage, Mark, Owner, PodStencil
from foosets.planning.trace import Context, pod_span_id


def lineage_of(batch: BatchFooSet) -> Lineage:
    """Return where the set and its pods come from."""
    meta = batch.metadata
    return Lineage.of(meta.name, meta.uid, meta.labels, derived=batch.controller is not None)


def owner_of(batch: BatchFooSet) -> Owner:
    """Return the set as the owner of its pods."""
    meta = batch.metadata
    return Owner(BATCHFOOSETS, meta.namespace, meta.name, meta.uid, lineage_of(batch))


def stencil_of(batch: BatchFooSet, revision: str) -> PodStencil:
    """Return what all pods of the current template have in common."""
    return PodStencil(owner_of(batch), batch.spec.template, revision, PLACED_BY_CONTROLLER)


def create(batch: BatchFooSet, stencil: PodStencil, wanted: Wanted, placed: Placed) -> Create:
    """Return the creation of a wanted pod on its node, as a step of the trace it was decided in."""
    trace = placed.context.trace_id
    span = Context(trace, pod_span_id(trace, batch.metadata.uid, wanted.index, wanted.attempt))
    mark = Mark(wanted.index, wanted.attempt, placed.node, span.traceparent, placed.stamps)
    name = stencil.name(wanted.index, wanted.attempt)
    return Create(PODS, batch.metadata.namespace, name, stencil.body(mark), batch.metadata.uid)
