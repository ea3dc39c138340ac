"""What a set asks for, part by part.

A FooSet's parts are its entries, and children of entries that were taken out, which it wants nothing of. A set without
parent is its own only part. Example: an entry `workers` with parallelism 4 and completions 10, whose BatchFooSet has 8
of them, asks for 2 pods.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Final

from foosets.api.batchfooset import BatchFooSet, BatchFooSetSpec
from foosets.api.fooquota import RootKind
from foosets.api.fooset import BatchEntry, FooSet, ServiceEntry
from foosets.api.names import ConditionType, Kind, Uid
from foosets.api.servicefooset import ServiceFooSet, ServiceFooSetSpec
from foosets.fooquota.state import Demand, Part
from foosets.placement.requests import template_class
from foosets.planning.amounts import Amounts, larger, parsed
from foosets.planning.conditions import holds
from foosets.planning.naming import child_name
from foosets.planning.ownership import allows_edits, handed_down

Child = BatchFooSet | ServiceFooSet
Entry = BatchEntry | ServiceEntry
Spec = BatchFooSetSpec | ServiceFooSetSpec

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def demand_of(fooset: FooSet, children: Iterable[Child]) -> Demand:
    """Return what a FooSet asks for; `children` are the objects that it owns."""
    own = _by_name(children)
    try:
        parts = tuple(_parts(fooset, own))
    except ValueError as error:
        return _demand(fooset, Kind.FOOSET, tuple(_leftovers(own)), _classes(fooset), str(error))
    refined = _up_to_date(fooset) and holds(fooset.status.conditions, ConditionType.REFINED)
    ended = refined and all(map(_has_ended, (fooset, *own.values())))
    return replace(_demand(fooset, Kind.FOOSET, parts, _classes(fooset)), ended=ended)


def demand_alone(root: Child) -> Demand:
    """Return what a set without parent asks for."""
    classes, invalid = _named_classes([root.spec]), ""
    try:
        size, want = _admitted_size(root.spec.template, root), 0 if root.terminating else _want(root.spec, root)
    except ValueError as error:
        size, want, invalid = dict[str, int](), 0, str(error)
    demand = _demand(root, _kind(root), (_alone(root, want, size),), classes, invalid)
    return replace(demand, ended=_has_ended(root))


def _alone(root: Child, want: int, size: Amounts) -> Part:
    acknowledged = _up_to_date(root) or _has_ended(root)
    return Part(root.metadata.name, want, size, acknowledged, _reported(root), waits=True)


def demand_left(remains: tuple[Uid, RootKind, str], children: Iterable[Child]) -> Demand:
    """Return the demand of a root that is gone, known by uid, kind and name, of which something is left: no pods."""
    parts = tuple(_leftovers(_by_name(children)))
    return Demand(*remains, generation=0, created=_LONG_AGO, parts=parts, staying=False)


def _demand(
    root: FooSet | Child, kind: RootKind, parts: tuple[Part, ...], classes: tuple[str, ...], invalid: str = ""
) -> Demand:
    meta = root.metadata
    return Demand(
        uid=meta.uid,
        kind=kind,
        name=meta.name,
        generation=meta.generation,
        created=meta.creation_timestamp,
        parts=parts,
        classes=classes,
        invalid="" if root.terminating else invalid,
        staying=not root.terminating,
        current=_up_to_date(root),
    )


# ---- the parts


def _parts(fooset: FooSet, own: Mapping[tuple[RootKind, str], Child]) -> Iterator[Part]:
    """Yield the entries, batch first, and then what is left of others. Raises ValueError."""
    left = dict(own)
    if not fooset.terminating:
        for entry in (*fooset.spec.batch, *fooset.spec.service):
            kind = Kind.BATCHFOOSET if isinstance(entry, BatchEntry) else Kind.SERVICEFOOSET
            name = child_name(fooset.metadata.name, entry.name)
            yield _part(fooset, entry, left.pop((kind, name), None))
    yield from _leftovers(left)
    yield from _untold(fooset, own)


def _untold(fooset: FooSet, own: Mapping[tuple[RootKind, str], Child]) -> Iterator[Part]:
    """Yield removed parts that the FooSet's controller has seen, and this one not yet, or not any more."""
    entries = {entry.name for entry in (*fooset.spec.batch, *fooset.spec.service)}
    for one in fooset.status.children:
        name = child_name(fooset.metadata.name, one.name)
        if one.name not in entries and (one.kind, name) not in own:
            yield Part(name, acknowledged=False, reported=one.created)


def _part(fooset: FooSet, entry: Entry, child: Child | None) -> Part:
    """Return what the FooSet wants of one entry. A child that is on its way out will be made again.

    One that its users may edit goes by its own spec or by its entry; the larger of the two counts.
    """
    live = child if child is not None and not child.terminating else None
    wanted = _wanted_spec(entry, live)
    edited = live is not None and allows_edits(fooset) and allows_edits(live)
    specs = (wanted, live.spec) if live is not None and edited else (wanted,)
    try:
        sizes = [_admitted_size(spec.template, live) for spec in specs]
    except ValueError as error:
        raise ValueError(f"entry {entry.name}: {error}") from error
    if live is not None:
        heard = _up_to_date(fooset) and _up_to_date(live) and (edited or _says(live, wanted))
    else:
        heard = _up_to_date(fooset) and (child is not None or not _known_to(fooset, entry))
    return Part(
        name=child_name(fooset.metadata.name, entry.name),
        want=max(_want(spec, live) for spec in specs),
        size=reduce(larger, sizes),
        acknowledged=heard or (live is not None and _has_ended(live)),
        reported=_reported(child) if child is not None else 0,
        waits=live is None,
    )


def _known_to(fooset: FooSet, entry: Entry) -> bool:
    """Whether the FooSet's controller has seen a child of the entry, and this one perhaps not yet."""
    return any(one.name == entry.name and one.desired > 0 for one in fooset.status.children)


def _by_name(children: Iterable[Child]) -> dict[tuple[RootKind, str], Child]:
    return {(_kind(child), child.metadata.name): child for child in children}


def _leftovers(own: Mapping[tuple[RootKind, str], Child]) -> Iterator[Part]:
    """Yield children that nothing is wanted of: one may go on making pods until it is on its way out itself."""
    for (_, name), child in sorted(own.items()):
        yield Part(name, acknowledged=child.terminating or _has_ended(child), reported=_reported(child))


def _reported(child: Child) -> int:
    return child.status.active if isinstance(child, BatchFooSet) else child.status.replicas


def _wanted_spec(entry: Entry, live: Child | None) -> Spec:
    """Return the entry's spec, with the count that somebody gave the child since."""
    if isinstance(entry, BatchEntry):
        spec = entry.template.spec
        return spec.model_copy(update={"parallelism": handed_down(spec.parallelism, live)})
    service = entry.template.spec
    return service.model_copy(update={"replicas": handed_down(service.replicas, live)})


def _says(child: Child, wanted: Spec) -> bool:
    """Whether the child's object asks for as many pods as is wanted, and of the same size."""
    same_size = child.spec.template == wanted.template or _size(child.spec.template) == _size(wanted.template)
    return _counts(child.spec) == _counts(wanted) and same_size


def _counts(spec: Spec) -> tuple[int, ...]:
    return (spec.parallelism, spec.completions) if isinstance(spec, BatchFooSetSpec) else (spec.replicas,)


def _want(spec: Spec, live: Child | None) -> int:
    """Return how many pods are wanted: of a batch no more than completions are left, and none once it has ended."""
    if isinstance(spec, ServiceFooSetSpec):
        return spec.replicas
    if not isinstance(live, BatchFooSet):
        return min(spec.parallelism, spec.completions)
    return 0 if _has_ended(live) else max(0, min(spec.parallelism, spec.completions - live.status.succeeded))


# ---- sizes and priorities


def _admitted_size(template: Mapping[str, Any], live: Child | None) -> Amounts:
    """Return what a pod takes, with what admission is known to add to it. Raises ValueError."""
    size = _size(template)
    if live is None or not _up_to_date(live) or not live.status.pod_requests:
        return size
    return larger(size, parsed(live.status.pod_requests))


def _size(template: Mapping[str, Any]) -> Amounts:
    """Return what a pod takes by its template alone. Raises ValueError."""
    return dict(template_class(template).size.amounts)


def _classes(fooset: FooSet) -> tuple[str, ...]:
    """Return the priority classes of the set's pods, "" standing for the cluster's default."""
    if fooset.spec.priority_class_name:
        return (fooset.spec.priority_class_name,)
    return _named_classes(entry.template.spec for entry in (*fooset.spec.batch, *fooset.spec.service))


def _named_classes(specs: Iterable[Spec]) -> tuple[str, ...]:
    return tuple({str(spec.template["spec"].get("priorityClassName") or ""): None for spec in specs})


def _kind(child: Child) -> RootKind:
    return Kind.BATCHFOOSET if isinstance(child, BatchFooSet) else Kind.SERVICEFOOSET


def _has_ended(owner: FooSet | Child) -> bool:
    """Whether status shows the end: a batch makes no pod any more, whatever is written into it."""
    return any(holds(owner.status.conditions, end) for end in (ConditionType.COMPLETE, ConditionType.FAILED))


def _up_to_date(owner: FooSet | Child) -> bool:
    """Whether the object's controller has seen its newest spec."""
    return owner.status.observed_generation == owner.metadata.generation
