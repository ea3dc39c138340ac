"""When which pod was bound: one watch of the run's namespace, the same for every rival.

A pod enters the watch with the event by which it has a node, since the selector lets through no other, and is heard of
again when its simulated kubelet runs it. Moments are those of reading, on the monotonic clock. The API server cuts off
whoever reads too slowly for a moment, as on a machine that has too much to do: the watch then goes on where it was, and
the run says how often that happened.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from foosets.api.meta import PODS
from foosets.api.pod import Pod
from foosets.kube.codec import StructCodec
from foosets.kube.lists import Source
from foosets.kube.transport import Transport
from foosets.kube.watch import Reflector, Timing

BOUND: Final = "spec.nodeName!="
AT_ONCE: Final = Timing(watch=3600.0, settled=0.0)
"""One watch for all of a run; if it is cut all the same, another without a pause."""


class Recorder:
    """The sink of that watch: all pods with a node, when each was first seen so, and when first seen running."""

    def __init__(self, pods: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pods: dict[str, Pod] = {}
        self.began = clock()
        self.bound_at: dict[str, float] = {}
        self.running_at: dict[str, float] = {}
        self.all_running = anyio.Event()
        self.watches = 0
        """How many were opened: more than one if the recorder was cut off."""
        self._expected = pods
        self._clock = clock

    def begin(self) -> None:
        """Count time from now on."""
        self.began = self._clock()

    def replace(self, rows: list[Pod], resource_version: int) -> None:  # noqa: ARG002 - as a sink is told
        """Take a whole list."""
        for pod in rows:
            self.upsert(pod)

    def upsert(self, row: Pod) -> None:
        """Take one event."""
        at, name = self._clock(), row.metadata.name
        self.pods[name] = row
        self.bound_at.setdefault(name, at)
        if row.status.phase == "Running":
            self.running_at.setdefault(name, at)
        if len(self.running_at) >= self._expected:
            self.all_running.set()

    def remove(self, row: Pod) -> None:
        """A pod that was bound stays so."""

    def bookmark(self, resource_version: int) -> None:
        """Nothing is bound by it."""


@asynccontextmanager
async def recording(transport: Transport, namespace: str, pods: int) -> AsyncGenerator[Recorder, None]:
    """Record as long as the block runs, nothing of it being missed."""
    recorder = Recorder(pods)
    source = Source(PODS, StructCodec(Pod), namespace, field_selector=BOUND)
    reflector = Reflector(transport, source, recorder, report=print, timing=AT_ONCE)
    async with anyio.create_task_group() as group:
        group.start_soon(reflector.run)
        await reflector.synced.wait()
        yield recorder
        recorder.watches = reflector.statistics().watches
        group.cancel_scope.cancel()
