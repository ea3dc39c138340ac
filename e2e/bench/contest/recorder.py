"""When which pod was bound: one watch of the run's namespace, the same for every rival.

A pod enters the watch with the event by which it has a node, since the selector lets through no other, and is heard of
again when its simulated kubelet runs it. Moments are those of reading, on the monotonic clock.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from foosets.api.meta import PODS
from foosets.api.pod import Pod
from foosets.kube.codec import Event, StructCodec
from foosets.kube.lists import Source, list_all
from foosets.kube.transport import Transport

BOUND: Final = "spec.nodeName!="
LONGEST_SECONDS: Final = 3600


class Recorder:
    """The pods of one namespace that have a node, and when each was first seen with it and first seen running."""

    def __init__(self, pods: int, clock: Callable[[], float]) -> None:
        self.pods: dict[str, Pod] = {}
        self.began = clock()
        self.bound_at: dict[str, float] = {}
        self.running_at: dict[str, float] = {}
        self.all_running = anyio.Event()
        self._expected = pods
        self._clock = clock

    def begin(self) -> None:
        """Count time from now on."""
        self.began = self._clock()

    def note(self, pods: Iterable[Pod]) -> None:
        """Take what came together."""
        at = self._clock()
        for pod in pods:
            name = pod.metadata.name
            self.pods[name] = pod
            self.bound_at.setdefault(name, at)
            if pod.status.phase == "Running":
                self.running_at.setdefault(name, at)
        if len(self.running_at) >= self._expected:
            self.all_running.set()


@asynccontextmanager
async def recording(
    transport: Transport, namespace: str, pods: int, clock: Callable[[], float] = time.monotonic
) -> AsyncGenerator[Recorder, None]:
    """Record as long as the block runs; the watch is open when it begins. A watch that is cut ends the run."""
    source = Source(PODS, StructCodec(Pod), namespace, field_selector=BOUND)
    recorder = Recorder(pods, clock)
    version = (await list_all(transport, source)).resource_version
    path = source.watch_path(version, LONGEST_SECONDS)
    async with transport.watch(path, inactivity=LONGEST_SECONDS) as stream, anyio.create_task_group() as group:

        async def read() -> None:
            async for lines in stream:
                said = map(source.codec.decode_event, lines)
                recorder.note(event.object for event in said if isinstance(event, Event))
            raise EOFError(f"the watch of {namespace} ended before the run")

        group.start_soon(read)
        yield recorder
        group.cancel_scope.cancel()
