"""A toy world for the service room: one set, its pods, and what happens to them; the plan alone looks at it."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import convert

from foosets.api.pod import TERMINAL_PHASES, Pod
from foosets.api.servicefooset import ServiceFooSet, ServiceFooSetStatus
from foosets.planning.actions import Create, Delete, DryRun, Plan, Status
from foosets.planning.allowance import Allowance
from foosets.planning.member import Member
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle
from foosets.planning.reservations import NOT_LIMITED
from foosets.planning.revision import template_revision
from foosets.planning.setspans import microseconds
from foosets.planning.stamps import format_second
from foosets.servicefooset.children import names_scheduler, stencil_of
from foosets.servicefooset.plan import plan
from foosets.servicefooset.state import Observed
from tests.builders import controlled_by

Raw = dict[str, Any]
START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
UID = "5e000000-0000-4000-8000-000000000001"
REQUESTS = {"cpu": "250m", "pods": "1"}
PARENT_TRACE = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def template(image: str = "web:1", **spec: Any) -> Raw:
    return {"spec": {"containers": [{"name": "web", "image": image}], **spec}}


def service(spec: Raw | None = None, **metadata: Any) -> ServiceFooSet:
    meta = {
        "name": "web",
        "namespace": "ns",
        "uid": UID,
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2026-03-01T12:00:00Z",
    }
    full = {"replicas": 3, "template": template()} | (spec or {})
    return ServiceFooSet.model_validate({"metadata": meta | metadata, "spec": full})


def child_of_a_fooset() -> Raw:
    """Metadata of a service that a FooSet's controller made."""
    (owner,) = controlled_by("FooSet", "demo", "root-uid")
    labels = {"set-name": "demo", "set-uid": "root-uid", "child": "web"}
    return {
        "ownerReferences": [owner],
        "labels": {f"foo.example.com/{key}": value for key, value in labels.items()},
        "annotations": {"tracing.k8s.io/traceparent": PARENT_TRACE},
    }


SIGNS: dict[type, str] = {Create: "+", Delete: "-", DryRun: "?"}


class World:
    """The objects, and the plan's actions carried out on them. Deleted pods are gone at once unless `lingers`.

    The first template has passed its dry run before the test begins, unless `untried`; others pass theirs, or count as
    tried where it is `crowded`.
    """

    def __init__(
        self, seen: ServiceFooSet, *, scheduler: str = "", lingers: bool = False, untried: bool = False
    ) -> None:
        self.service = seen
        self.scheduler = scheduler
        self.lingers = lingers
        self.now = START
        self.obstacle: Obstacle | None = None
        self.share = NOT_LIMITED
        self.pods: dict[str, Raw] = {}
        self.members = Members()
        self.created: list[Raw] = []
        self.rejected: list[Raw] = []
        self.passed: set[str] = set() if untried else {self.revision}
        self.crowded = False

    # ---- the controller

    def seen(self) -> Observed:
        revision = self.revision
        stencil = stencil_of(self.service, revision, self.scheduler)
        requests = REQUESTS if revision in self.passed else None
        allowance = Allowance.of(self.share, self.service)
        return Observed(
            self.service,
            self.members,
            revision,
            stencil,
            self.obstacle,
            allowance,
            requests,
            crowded=self.crowded,
            names_scheduler=bool(self.scheduler) and not names_scheduler(self.service.spec.template),
        )

    def plan(self) -> Plan:
        return plan(self.seen(), self.now)

    def look(self) -> Plan:
        """Plan and carry the plan out."""
        made = self.plan()
        for action in made.actions:
            self._carry_out(action)
        if made.status is not None:
            self._store(made.status)
        return made

    def rest(self, looks: int = 10) -> list[Plan]:
        """Look until there is nothing to do; return the plans that did something."""
        plans: list[Plan] = []
        for _ in range(looks):
            made = self.look()
            if not made.actions and made.status is None:
                return plans
            plans.append(made)
        raise AssertionError(f"no rest after {looks} looks: {plans[-1]}")

    def restart(self) -> None:
        """Forget what only memory holds, as a new process does."""
        self.passed.clear()
        self.members = Members()
        for raw in self.pods.values():
            self.members.observe(None, convert(raw, Pod), None)

    # ---- the user and the cluster

    def change(self, **spec: Any) -> None:
        changed = self.service.spec.model_copy(update=spec)
        meta = self.service.metadata
        meta = meta.model_copy(update={"generation": meta.generation + 1})
        self.service = self.service.model_copy(update={"spec": changed, "metadata": meta})

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def bind(self, name: str) -> None:
        raw = deepcopy(self.pods[name])
        raw["spec"]["nodeName"] = "n1"
        self._tell(name, raw, "PodScheduled", "True")

    def refuse(self, name: str, message: str = "3 nodes: cpu") -> None:
        raw = deepcopy(self.pods[name])
        self._tell(name, raw, "PodScheduled", "False", reason="Unschedulable", message=message)

    def ready(self, name: str) -> None:
        raw = deepcopy(self.pods[name])
        raw["status"]["phase"] = "Running"
        self._tell(name, raw, "Ready", "True")

    def tell(self, name: str, raw: Raw) -> None:
        """Report the whole pod as its kubelet sees it."""
        self._put(name, raw)

    def run_all(self) -> None:
        """Bind every pod and let it become Ready."""
        for name in [name for name, raw in self.pods.items() if raw["status"]["phase"] == "Pending"]:
            self.bind(name)
            self.ready(name)

    def end(self, name: str, phase: str = "Failed") -> None:
        raw = deepcopy(self.pods[name])
        raw["status"]["phase"] = phase
        self._tell(name, raw, "Ready", "False")

    def reject(self, name: str) -> None:
        """Bind a pod that waits, and let its kubelet refuse it; nothing else is rejected."""
        raw = deepcopy(self.pods[name])
        if raw["status"]["phase"] != "Pending" or raw["metadata"].get("deletionTimestamp"):
            return
        self.rejected.append(raw)
        raw["spec"]["nodeName"] = "n1"
        raw["status"] |= {"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected: no cpu"}
        self._tell(name, raw, "PodScheduled", "True")

    def vanish(self, name: str) -> None:
        self._put(name, None)

    def finish_deletions(self) -> None:
        for name in [name for name, raw in self.pods.items() if raw["metadata"].get("deletionTimestamp")]:
            self.vanish(name)

    # ---- what a test looks at

    def live(self) -> list[Member]:
        return [member for _, member in sorted(self.members.live.items())]

    @property
    def revision(self) -> str:
        return template_revision(self.service.spec.template)

    def status(self) -> ServiceFooSetStatus:
        return self.service.status

    def condition(self, kind: str) -> tuple[str, str]:
        found = self.service.status.condition(kind)
        assert found is not None
        return found.status, found.reason

    # ---- inside

    def _carry_out(self, action: object) -> None:
        if isinstance(action, Create):
            raw = json.loads(action.body)
            assert self.revision in self.passed, "a pod of a template that was not tried"
            assert action.name not in self.pods, "the API server would say AlreadyExists"
            raw["metadata"] |= {
                "uid": f"uid-{len(self.created)}",
                "creationTimestamp": format_second(microseconds(self.now)),
            }
            raw["status"] = {"phase": "Pending"}
            self.created.append(raw)
            self._put(action.name, raw)
            return
        if isinstance(action, DryRun):
            self.passed.add(self.revision)
            return
        assert isinstance(action, Delete)
        raw = deepcopy(self.pods[action.name])
        assert raw["metadata"]["uid"] == action.uid
        raw["metadata"]["deletionTimestamp"] = format_second(microseconds(self.now))
        self._put(action.name, raw if self.lingers else None)

    def _store(self, status: Status) -> None:
        meta = self.service.metadata
        assert status.resource_version == meta.resource_version
        meta = meta.model_copy(update={"resource_version": str(int(meta.resource_version) + 1)})
        stored = ServiceFooSetStatus.model_validate_json(status.status)
        self.service = self.service.model_copy(update={"status": stored, "metadata": meta})

    def _put(self, name: str, raw: Raw | None) -> None:
        before = self.pods.pop(name, None)
        if raw is not None:
            self.pods[name] = raw
        self.members.observe(_row(before), _row(raw), microseconds(self.now))

    def _tell(self, name: str, raw: Raw, kind: str, status: str, **why: str) -> None:
        """Report a condition of the pod; the end of a pod is final, whatever is said of it later."""
        if self.pods[name]["status"]["phase"] in TERMINAL_PHASES:
            return
        others = [one for one in raw["status"].get("conditions", []) if one["type"] != kind]
        at = format_second(microseconds(self.now))
        raw["status"]["conditions"] = [*others, {"type": kind, "status": status, "lastTransitionTime": at, **why}]
        self._put(name, raw)


def _row(raw: Raw | None) -> Pod | None:
    return convert(raw, Pod) if raw is not None else None


def running(seen: ServiceFooSet | None = None, **how: Any) -> World:
    """A world at rest whose replicas are all available and whose first trace is closed."""
    world = World(seen or service(), **how)
    world.rest()
    world.run_all()
    world.rest()
    world.after(60)
    return world


def held_up(world: World, obstacle: Obstacle | None, seconds: float = 0.0) -> None:
    """Let the set's last actions have run into an obstacle, to be tried again in so many seconds."""
    retry_at = world.now.timestamp() + seconds
    world.obstacle = replace(obstacle, retry_at=retry_at) if obstacle is not None else None


def acts(plan: Plan) -> list[str]:
    """Return a plan's actions in short: `+name`, `-name`, and `?name` for a dry run."""
    return [SIGNS[type(action)] + getattr(action, "name", "") for action in plan.actions]
