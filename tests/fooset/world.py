"""A toy world for the fooset room: one set and its children; the plan alone looks at it.

A child's controller is played by the test: `report` writes its status.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import FooSet, FooSetSpec, FooSetStatus
from foosets.api.meta import BATCHFOOSETS
from foosets.api.servicefooset import ServiceFooSet
from foosets.fooset.plan import plan
from foosets.fooset.state import Child, Observed
from foosets.fooset.status import up_to_date
from foosets.planning.actions import Apply, Confirm, Delete, Plan, Status
from foosets.planning.allowance import Allowance
from foosets.planning.obstacles import Obstacle
from foosets.planning.reservations import NOT_LIMITED, Share
from foosets.planning.setspans import microseconds
from foosets.planning.trace import Span
from foosets.planning.unchanged import Unchanged
from tests.builders import NOW, Raw, condition, fooset, metadata

READY = {"Placed": "Available", "Ready": "Available"}
COMPLETE = {"Placed": "Available", "Ready": "Completed", "Complete": "Completed"}
FAILED = {"Failed": "BackoffLimitExceeded", "Stalled": "BackoffLimitExceeded"}


@dataclass(slots=True)
class World:
    """The objects, and plans carried out on them. A child that is deleted stays, terminating, until `collect`.

    With `bereaved` a child has gone, and nobody has asked yet whether the set is there.
    """

    fooset: FooSet
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    obstacle: Obstacle | None = None
    share: Share = NOT_LIMITED
    bereaved: bool = False
    now: datetime = NOW
    version: int = 100
    spans: list[Span] = field(default_factory=list[Span])
    unread: Unchanged = field(default_factory=Unchanged)

    # ---- the controller

    def seen(self) -> Observed:
        batches = {name: one for name, one in self.children.items() if isinstance(one, BatchFooSet)}
        services = {name: one for name, one in self.children.items() if isinstance(one, ServiceFooSet)}
        allowance = Allowance(self.share, self.fooset.metadata.generation)
        unread = {
            child.metadata.uid: self.unread.since(
                child.metadata.uid, child.status.observed_generation, microseconds(self.now)
            )
            for child in self.children.values()
            if not up_to_date(child)
        }
        return Observed(self.fooset, batches, services, self.obstacle, allowance, self.bereaved, unread)

    def plan(self) -> Plan:
        return plan(self.seen(), self.now)

    def look(self, *, refused: Obstacle | None = None) -> list[str]:
        """Carry out a plan, or meet an obstacle; return what was done: `=name`, `-name`, `?name` or `status`."""
        self.now += timedelta(milliseconds=1)
        made = self.plan()
        self.spans += made.spans
        done: list[str] = []
        if made.actions:
            self.obstacle = refused or made.obstacle
            done = ["obstacle"] if refused else [self._carry_out(action) for action in made.actions]
        if made.status is not None:
            self._store(made.status)
            done.append("status")
        return done

    def rest(self, looks: int = 12) -> list[str]:
        """Look until there is nothing to do; return all that was done."""
        everything: list[str] = []
        for _ in range(looks):
            done = self.look()
            if not done:
                return everything
            everything += done
        raise AssertionError(f"no rest after {looks} looks: {everything}")

    # ---- the user, the cluster and the children's controllers

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def change(self, changed: FooSet) -> None:
        """Give the set the spec of another."""
        self._user_writes(changed.spec)

    def report(self, child: str, conditions: dict[str, str], *, closed: bool = False, **status: Any) -> None:
        """Let a child's controller say that these conditions hold, with their reasons; `closed`: it sent its spans."""
        live = self.children[child]
        stored = {"conditions": [self._condition(kind, reason) for kind, reason in conditions.items()]}
        context = live.metadata.annotations["tracing.k8s.io/traceparent"].split("-")[1]
        trace = {"generation": live.metadata.generation, "startedAt": self.now, "closed": closed}
        stored |= {"observedGeneration": live.metadata.generation, "traceID": context, "trace": trace} | status
        self._put(live.model_copy(update={"status": type(live.status).model_validate(stored)}))

    def block(self, child: str, reason: str, *, kind: str = "Pod", name: str = "p", seconds: float = 0) -> None:
        """Let a child be blocked by an object below it, or by itself, for so many seconds already."""
        since = (self.now - timedelta(seconds=seconds)).replace(microsecond=0)
        cause = {"kind": kind, "name": name, "condition": "Ready", "reason": reason, "message": "why", "since": since}
        self.report(child, {}, blockedBy=cause)

    def scale(self, child: str, **spec: int) -> None:
        """Let somebody else change a child's spec."""
        live = self.children[child]
        meta = live.metadata.model_copy(update={"generation": live.metadata.generation + 1})
        changed = live.spec.model_copy(update=spec)
        self._put(live.model_copy(update={"spec": changed, "metadata": meta}))

    def collect(self) -> None:
        """Let what is terminating go."""
        self.children = {name: one for name, one in self.children.items() if not one.terminating}

    # ---- what a test looks at

    @property
    def status(self) -> FooSetStatus:
        return self.fooset.status

    def condition(self, kind: str) -> tuple[str, str]:
        found = self.status.condition(kind)
        assert found is not None, kind
        return found.status, found.reason

    # ---- inside

    def _condition(self, kind: str, reason: str) -> Raw:
        return condition(kind, reason=reason, at=self.now.replace(microsecond=0).isoformat())

    def _user_writes(self, spec: FooSetSpec) -> None:
        meta = self.fooset.metadata
        meta = meta.model_copy(update={"generation": meta.generation + 1, "resource_version": self._bump()})
        self.fooset = self.fooset.model_copy(update={"spec": spec, "metadata": meta})

    def _carry_out(self, action: object) -> str:
        if isinstance(action, Apply):
            return self._apply(action)
        if isinstance(action, Confirm):
            assert (action.name, action.uid) == (self.fooset.metadata.name, self.fooset.metadata.uid)
            self.bereaved = False
            return f"?{action.name}"
        assert isinstance(action, Delete)
        live = self.children[action.name]
        assert live.metadata.uid == action.uid
        meta = live.metadata.model_copy(update={"deletion_timestamp": self.now})
        self._put(live.model_copy(update={"metadata": meta}))
        return f"-{action.name}"

    def _apply(self, action: Apply) -> str:
        """Server-side apply by one manager: what it no longer names goes."""
        raw = json.loads(action.body)
        live = self.children.get(action.name)
        if live is not None:
            assert raw["metadata"]["resourceVersion"] == live.metadata.resource_version, "409 Conflict"
        before = live.metadata.generation if live is not None else 0
        raw["metadata"] = metadata(action.name) | raw["metadata"] | {"generation": before + 1}
        raw["status"] = json.loads(live.status.to_json()) if live is not None else {}
        made = (BatchFooSet if action.resource == BATCHFOOSETS else ServiceFooSet).model_validate(raw)
        if live is not None and made.spec == live.spec:
            meta = made.metadata.model_copy(update={"generation": before})
            made = made.model_copy(update={"metadata": meta})
        self._put(made)
        return f"={action.name}"

    def _put(self, child: Child) -> None:
        meta = child.metadata.model_copy(update={"resource_version": self._bump()})
        self.children[child.metadata.name] = child.model_copy(update={"metadata": meta})

    def _store(self, status: Status) -> None:
        meta = self.fooset.metadata
        assert status.resource_version == meta.resource_version
        meta = meta.model_copy(update={"resource_version": self._bump()})
        stored = FooSetStatus.model_validate_json(status.status)
        assert stored != self.fooset.status, "a write that says nothing"
        self.fooset = self.fooset.model_copy(update={"status": stored, "metadata": meta})

    def _bump(self) -> str:
        self.version += 1
        return str(self.version)


def refined(batch: dict[str, Raw] | None = None, service: dict[str, Raw] | None = None, **meta: Any) -> World:
    """A world at rest whose children are there, and have not reported yet."""
    world = World(fooset(batch, service, **meta))
    world.rest()
    return world
