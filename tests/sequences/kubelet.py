"""The rest of the cluster, as far as sequences need it: kubelets that play pods, and the taint manager.

    a pod with a node ── starts ──▶ Running and Ready ── its time is over ──▶ Succeeded, or Failed by its fate
    a pod on its way out ── ends ──▶ gone

Only a BatchFooSet's pods end by themselves. A node with a NoExecute taint has the pods evicted that do not tolerate it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from e2e.invariants.fitting import tolerated
from e2e.invariants.history import controller, has_ended, is_leaving, phase_of
from foosets.api import names
from foosets.api.meta import NODES, PODS, Key
from tests.fake.apiserver import FakeApiServer
from tests.fake.pods import moment

KUBELET: Final = "kubelet"
TAINT_MANAGER: Final = "taint-manager"

Object = dict[str, Any]
Act = Callable[[Key, Object], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long kubelets take, in seconds; each time between half of it and half as much again if there is chance."""

    start: float = 0.2
    end: float = 0.5
    rng: random.Random | None = None

    def of(self, seconds: float) -> float:
        """Return how long something takes this time."""
        return seconds if self.rng is None else seconds * self.rng.uniform(0.5, 1.5)


@dataclass(slots=True)
class Kubelets:
    """All kubelets of a cell. `run` them in a task group."""

    server: FakeApiServer
    pace: Pace
    _begun: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    async def run(self) -> None:
        """Look at the pods whenever something was written, until cancelled."""
        async with anyio.create_task_group() as group:
            while True:
                news = self.server.storage.news
                for pod in self.server.all(PODS):
                    self._look(pod, group)
                self._evict()
                if news is self.server.storage.news:
                    await news.wait()

    def _look(self, pod: Object, group: TaskGroup) -> None:
        """Begin what is next for a pod, once."""
        step = self._next(pod)
        if step is None:
            return
        what, after, act = step
        uid = pod["metadata"]["uid"]
        if (uid, what) not in self._begun:
            self._begun.add((uid, what))
            group.start_soon(self._later, self.pace.of(after), act, pod)

    def _next(self, pod: Object) -> tuple[str, float, Act] | None:
        if not pod["spec"].get("nodeName"):
            return None
        if is_leaving(pod):
            return "end", self.pace.end, self._remove
        if phase_of(pod) == "Pending":
            return "start", self.pace.start, partial(self._report, phase="Running", ready="True")
        if phase_of(pod) == "Running" and controller(pod).get("kind") == names.Kind.BATCHFOOSET:
            told = pod["metadata"].get("annotations", {})
            phase = "Failed" if told.get(names.FATE) == "exit" else "Succeeded"
            seconds = float(told.get(names.RUN_SECONDS, "1"))
            return "finish", seconds, partial(self._report, phase=phase, ready="False")
        return None

    async def _later(self, after: float, act: Act, pod: Object) -> None:
        await anyio.sleep(after)
        key = Key(pod["metadata"]["namespace"], pod["metadata"]["name"])
        found = self.server.get(PODS, key)
        if found is not None and found["metadata"]["uid"] == pod["metadata"]["uid"] and not has_ended(found):
            act(key, found)

    def _report(self, key: Key, pod: Object, *, phase: str, ready: str) -> None:
        if is_leaving(pod):
            return
        at = moment(self.server.storage.clock())
        kept = [one for one in pod["status"].get("conditions", []) if one["type"] != "Ready"]
        conditions = [*kept, {"type": "Ready", "status": ready, "lastTransitionTime": at}]
        status = {"phase": phase, "conditions": conditions, "startTime": pod["status"].get("startTime", at)}
        self.server.change(PODS, key, {"status": status}, subresource="status", user=KUBELET)

    def _remove(self, key: Key, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self.server.delete(PODS, key, user=KUBELET, gracePeriodSeconds=0, preconditions={"uid": uid})

    def _evict(self) -> None:
        taints = {node["metadata"]["name"]: node["spec"].get("taints", []) for node in self.server.all(NODES)}
        for pod in self.server.all(PODS):
            chasing = [one for one in taints.get(pod["spec"].get("nodeName", ""), []) if one["effect"] == "NoExecute"]
            if is_leaving(pod) or has_ended(pod) or tolerated(chasing, pod):
                continue
            key = Key(pod["metadata"]["namespace"], pod["metadata"]["name"])
            at = moment(self.server.storage.clock())
            why = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
            told = [*pod["status"].get("conditions", []), {**why, "lastTransitionTime": at}]
            self.server.change(PODS, key, {"status": {"conditions": told}}, subresource="status", user=TAINT_MANAGER)
            self.server.delete(PODS, key, user=TAINT_MANAGER)
