"""What the fooset controller's plan looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import BatchEntry, FooSet, ServiceEntry
from foosets.api.names import TRACEPARENT, Uid
from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.allowance import UNLIMITED, Allowance
from foosets.planning.naming import child_name
from foosets.planning.obstacles import Obstacle
from foosets.planning.ownership import parent_of
from foosets.planning.trace import TraceId, parse_traceparent

Child = BatchFooSet | ServiceFooSet
Entry = BatchEntry | ServiceEntry


@dataclass(frozen=True, slots=True)
class Observed:
    """One FooSet with what stands under its children's names, and with all that it owns.

    `batches` and `services` hold whatever has the name of an entry's child, whoever owns it, and every child that this
    FooSet owns, also of entries that are gone; by name. `allowance` is what the FooQuotas of the namespace let it do.
    `bereaved` is whether a child has gone since the FooSet was last known to be there. `unread` says since when each
    child whose controller has not looked at its newest spec has waited for a look.
    """

    fooset: FooSet
    batches: Mapping[str, BatchFooSet]
    services: Mapping[str, ServiceFooSet]
    obstacle: Obstacle | None = None
    allowance: Allowance = UNLIMITED
    bereaved: bool = False
    unread: Mapping[Uid, datetime] = field(default_factory=dict[Uid, datetime])

    @property
    def uid(self) -> Uid:
        """The FooSet's uid."""
        return self.fooset.metadata.uid

    def child_of(self, entry: Entry) -> Child | None:
        """Return what has the name of the entry's child, its own or another's."""
        name = child_name(self.fooset.metadata.name, entry.name)
        return self.batches.get(name) if isinstance(entry, BatchEntry) else self.services.get(name)

    def owns(self, child: Child) -> bool:
        """Whether this FooSet controls the object."""
        parent = parent_of(child)
        return parent is not None and parent.uid == self.uid

    @property
    def removed(self) -> tuple[Child, ...]:
        """Its children of entries that are gone, also those on their way out."""
        wanted = {id(self.child_of(entry)) for entry in self.entries}
        return tuple(child for child in self.children if self.owns(child) and id(child) not in wanted)

    def take_part_in(self, trace: TraceId) -> bool:
        """Whether one of its children was written in that trace."""
        contexts = (
            parse_traceparent(child.metadata.annotations.get(TRACEPARENT, ""))
            for child in self.children
            if self.owns(child)
        )
        return any(context is not None and context.trace_id == trace for context in contexts)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, batch first."""
        return (*self.fooset.spec.batch, *self.fooset.spec.service)

    @property
    def children(self) -> tuple[Child, ...]:
        """Everything that is there, batch first."""
        return (*self.batches.values(), *self.services.values())
