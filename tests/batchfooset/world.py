"""A toy world for the batch room: one set, its pods, and what happens to them; the plan alone looks at it."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from msgspec import convert

from foosets.api.batchfooset import BatchFooSet, BatchFooSetStatus
from foosets.api.names import ATTEMPT, INDEX, NodeName, Reason
from foosets.api.pod import Pod
from foosets.batchfooset.children import create, stencil_of
from foosets.batchfooset.plan import BatchPlan, plan
from foosets.batchfooset.state import Observed, Placed
from foosets.planning.actions import Create, Delete, DryRun, Status
from foosets.planning.allowance import Allowance
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle
from foosets.planning.reservations import NOT_LIMITED
from foosets.planning.revision import template_revision
from foosets.planning.setspans import microseconds
from foosets.planning.stamps import Stamps, format_second
from foosets.planning.trace import Span
from tests.builders import NOW, Raw, batchfooset

NO_FIT_MESSAGE = "0/3 nodes are available: 3 Insufficient cpu"
REJECTION_MESSAGE = "Node didn't have enough resource: cpu, requested: 1000, used: 4000, capacity: 4000"

DENIED = Obstacle(Reason.ADMISSION_DENIED, "denied request: no", 0.0, 0.0)
REQUESTS = {"cpu": "250m", "pods": "1"}


class World:
    """The objects, and plans carried out on them. Every pod fits on the one node unless `full`.

    Pods that are deleted stay, terminating, until `finish_deletions`. The first template has passed its dry run before
    the test begins, unless `untried`; others pass theirs unless `refusal`.
    """

    def __init__(self, batch: BatchFooSet, *, untried: bool = False) -> None:
        self.batch = batch
        self.full = False
        self.now = NOW
        self.obstacle: Obstacle | None = None
        self.share = NOT_LIMITED
        self.pods: dict[str, Raw] = {}
        self.members = Members()
        self.created: list[Raw] = []
        self.spans: list[Span] = []
        self.refusal: Obstacle | None = None
        self.passed: set[str] = set() if untried else {self.revision}

    # ---- the controller

    def seen(self) -> Observed:
        requests = REQUESTS if self.revision in self.passed else None
        allowance = Allowance.of(self.share, self.batch)
        return Observed(self.batch, self.members, self.revision, self.obstacle, allowance, requests)

    def plan(self) -> BatchPlan:
        return plan(self.seen(), self.now)

    def look(self, *, crash_before_status: bool = False) -> list[str]:
        """Plan and carry the plan out; return what was done in short: `?`, `+name`, `-name`, `obstacle`, `status`."""
        self.now += timedelta(milliseconds=1)
        made = self.plan()
        done = [self._delete(action) for action in made.plan.actions if isinstance(action, Delete)]
        if any(isinstance(action, DryRun) for action in made.plan.actions):
            done += self._try()
        done += self._place(made)
        self.spans += made.plan.spans
        if made.plan.status is not None and not crash_before_status:
            self._store(made.plan.status)
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

    def restart(self) -> None:
        """Forget what only memory holds, as a new process does."""
        self.obstacle = None
        self.passed.clear()
        self.members = Members()
        for raw in self.pods.values():
            self.members.observe(None, convert(raw, Pod), None)

    # ---- the user and the cluster

    def change(self, **spec: Any) -> None:
        raw = self.batch.spec.model_dump(mode="json") | spec
        changed = type(self.batch.spec).model_validate(raw)
        meta = self.batch.metadata
        meta = meta.model_copy(update={"generation": meta.generation + 1})
        self.batch = self.batch.model_copy(update={"spec": changed, "metadata": meta})

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def name(self, index: int, attempt: int = 0) -> str:
        return stencil_of(self.batch, "").name(index, attempt)

    def ready(self, *indexes: int) -> None:
        for name in self._names(indexes):
            self._report(name, "Running", Ready="True")

    def succeed(self, *indexes: int) -> None:
        for name in self._names(indexes):
            self._report(name, "Succeeded", Ready="False")

    def fail(self, *indexes: int, **conditions: str) -> None:
        for name in self._names(indexes):
            self._report(name, "Failed", Ready="False", **conditions)

    def reject(self, *indexes: int, reason: str = "OutOfcpu", **how: Any) -> None:
        """Let kubelets refuse pods."""
        for name in self._names(indexes):
            raw = json.loads(json.dumps(self.pods[name]))
            message = f"Pod was rejected: {REJECTION_MESSAGE}"
            raw["status"] = {"phase": "Failed", "reason": reason, "message": message} | how
            self.put(name, raw)

    def stick(self, index: int) -> None:
        """Let a pod's image be one that nobody has."""
        (name,) = self._names([index])
        raw = json.loads(json.dumps(self.pods[name]))
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        raw["status"]["containerStatuses"] = [{"name": "main", "state": {"waiting": waiting}}]
        self.put(name, raw)

    def delete(self, name: str) -> None:
        """Ask for a pod's deletion; what has ended goes at once."""
        raw = json.loads(json.dumps(self.pods[name]))
        raw["metadata"]["deletionTimestamp"] = format_second(microseconds(self.now))
        self.put(name, raw if raw["status"]["phase"] in {"Pending", "Running"} else None)

    def finish_deletions(self) -> None:
        for name in [name for name, raw in self.pods.items() if raw["metadata"].get("deletionTimestamp")]:
            self.put(name, None)

    def put(self, name: str, raw: Raw | None) -> None:
        before = self.pods.pop(name, None)
        if raw is not None:
            self.pods[name] = raw
        self.members.observe(_row(before), _row(raw), microseconds(self.now))

    # ---- what a test looks at

    @property
    def status(self) -> BatchFooSetStatus:
        return self.batch.status

    def condition(self, kind: str) -> tuple[str, str]:
        found = self.status.condition(kind)
        assert found is not None, kind
        return found.status, found.reason

    @property
    def revision(self) -> str:
        return template_revision(self.batch.spec.template)

    def attempts(self) -> list[tuple[str, int]]:
        return [(group.indexes, group.attempt) for group in self.status.attempts]

    def left(self) -> list[str]:
        """Pods that were rejected and are still there."""
        return list(self.members.rejected)

    def live(self) -> list[str]:
        return [name for name, raw in self.pods.items() if raw["status"]["phase"] in {"Pending", "Running"}]

    # ---- inside

    def _try(self) -> list[str]:
        if self.refusal is None:
            self.obstacle = None
            self.passed.add(self.revision)
            return ["?"]
        at, known = self.now.timestamp(), self.obstacle
        self.obstacle = replace(self.refusal, since=known.since if known else at, retry_at=at + 60)
        return ["?"] if known else ["?", "obstacle"]

    def _place(self, made: BatchPlan) -> list[str]:
        if not made.wanted or made.context is None:
            return []
        if self.full:
            at, known = self.now.timestamp(), self.obstacle
            self.obstacle = Obstacle(Reason.NO_FIT, NO_FIT_MESSAGE, at, at + 60)
            return [] if known else ["obstacle"]
        assert self.revision in self.passed, "a pod of a template that was not tried"
        self.obstacle = None
        stencil = stencil_of(self.batch, self.seen().revision)
        at = microseconds(self.now)
        placed = Placed(NodeName("n1"), made.context, Stamps(decide=at, decided=at, create=at).render())
        return [self._create(create(self.batch, stencil, wanted, placed)) for wanted in made.wanted]

    def _create(self, action: Create) -> str:
        raw = json.loads(action.body)
        assert action.name not in self.pods, "the API server would say AlreadyExists"
        assert raw["metadata"]["name"] == action.name
        raw["metadata"] |= {
            "uid": f"uid-{len(self.created)}",
            "creationTimestamp": format_second(microseconds(self.now)),
        }
        raw["status"] = {"phase": "Pending"}
        self.created.append(raw)
        self.put(action.name, raw)
        return f"+{action.name}"

    def _delete(self, action: Delete) -> str:
        assert self.pods[action.name]["metadata"]["uid"] == action.uid
        self.delete(action.name)
        return f"-{action.name}"

    def _store(self, status: Status) -> None:
        meta = self.batch.metadata
        assert status.resource_version == meta.resource_version
        meta = meta.model_copy(update={"resource_version": str(int(meta.resource_version) + 1)})
        stored = BatchFooSetStatus.model_validate_json(status.status)
        assert stored != self.batch.status, "a write that says nothing"
        self.batch = self.batch.model_copy(update={"status": stored, "metadata": meta})

    def _names(self, indexes: Iterable[int]) -> list[str]:
        return [self.members.live[index].name for index in indexes]

    def _report(self, name: str, phase: str, **conditions: str) -> None:
        raw = json.loads(json.dumps(self.pods[name]))
        at = format_second(microseconds(self.now))
        kept = [one for one in raw["status"].get("conditions", []) if one["type"] not in conditions]
        new = [{"type": kind, "status": status, "lastTransitionTime": at} for kind, status in conditions.items()]
        raw["status"] |= {"phase": phase, "conditions": [*kept, *new]}
        self.put(name, raw)


def place_of(raw: Raw) -> tuple[int, int]:
    """Return index and attempt of a pod."""
    labels = raw["metadata"]["labels"]
    return int(labels[INDEX]), int(labels[ATTEMPT])


def started(completions: int = 1, parallelism: int | None = None, **how: Any) -> World:
    """A world at rest whose pods run and are Ready; `how` is more of the spec, or metadata of the set."""
    spec = {key: how.pop(key) for key in ("backoffLimit", "template") if key in how}
    spec |= {"completions": completions, "parallelism": completions if parallelism is None else parallelism}
    world = World(batchfooset(spec=spec, **how))
    world.rest()
    world.ready(*world.members.live)
    world.rest()
    return world


def _row(raw: Raw | None) -> Pod | None:
    return convert(raw, Pod) if raw is not None else None
