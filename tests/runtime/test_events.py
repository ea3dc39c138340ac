"""Events on their way to the API server: once, beside the work, and not too many."""

import random
from collections.abc import Awaitable, Callable

import anyio
import pytest

from foosets.api.meta import BATCHFOOSETS, EVENTS, Key
from foosets.api.names import Uid
from foosets.kube.client import Client
from foosets.kube.errors import ApiError, Forbidden, ServerFault, Throttled, Unreachable
from foosets.planning.events import Event
from foosets.planning.trace import Context, SpanId, TraceId
from foosets.runtime.events import BURST, REFILL_SECONDS, WAITING_MAX, Events, Reporter
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.transport import FakeTransport, NothingHappens, Sent
from tests.virtualtime import in_virtual_time

WORK = Key("default", "work")
CONTEXT = Context(TraceId("ab" * 16), SpanId("cd" * 8))
AT = 1_772_366_400_250_000
FAILURES = [
    Forbidden(403, "Forbidden", "no role"),
    Throttled(429, "TooManyRequests", "later", 1.0),
    ServerFault(500, "InternalError", "broken"),
    Unreachable("no reply"),
]


def event(name: str = "work.abc", about: Key = WORK, context: Context | None = CONTEXT) -> Event:
    return Event(name, BATCHFOOSETS, about, Uid("uid-work"), "QuotaExceeded", "no pods left", context)


class Refusing(NothingHappens):
    """Refuses with an error, or lets a request pass."""

    def __init__(self) -> None:
        self.error: ApiError | None = None
        self.sent = 0

    async def before(self, sent: Sent) -> None:
        del sent
        self.sent += 1
        if self.error is not None:
            raise self.error


class Stage:
    """A fake API server with one that tells it Events."""

    def __init__(self) -> None:
        self.server = FakeApiServer(loop_clock(), random.Random(1))
        self.hook = Refusing()
        client = Client(FakeTransport(self.server, "me", hook=self.hook), "foosets-batchfooset")
        self.events = Events(client, Reporter("foosets-batchfooset", "pod-1"), anyio.current_time, lambda: AT)

    def figures(self) -> tuple[int, int, int]:
        found = self.events.statistics()
        return found["told"], found["lost"], found["spared"]

    def stored(self) -> list[str]:
        return [one["metadata"]["name"] for one in self.server.all(EVENTS)]


def on_stage(act: Callable[[Stage], Awaitable[None]]) -> Stage:
    """Act in virtual time, and wait until all that was told is sent."""

    async def main() -> Stage:
        stage = Stage()
        async with anyio.create_task_group() as group:
            group.start_soon(stage.events.run)
            await act(stage)
            await anyio.sleep(1)
            group.cancel_scope.cancel()
        return stage

    return in_virtual_time(main, alone=True)


def test_an_event_says_who_tells_what_about_whom_and_in_which_trace() -> None:
    async def act(stage: Stage) -> None:
        stage.events.tell(event())

    (stored,) = on_stage(act).server.all(EVENTS)
    metadata = stored.pop("metadata")
    assert (metadata["name"], metadata["annotations"]) == (
        "work.abc",
        {"tracing.k8s.io/traceparent": CONTEXT.traceparent},
    )
    assert stored == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "type": "Warning",
        "reason": "QuotaExceeded",
        "note": "no pods left",
        "action": "Reconcile",
        "eventTime": "2026-03-01T12:00:00.250000Z",
        "regarding": {
            "apiVersion": "foo.example.com/v1alpha1",
            "kind": "BatchFooSet",
            "namespace": "default",
            "name": "work",
            "uid": "uid-work",
        },
        "reportingController": "foosets-batchfooset",
        "reportingInstance": "pod-1",
    }


def test_what_is_told_again_is_one_event_and_no_failure() -> None:
    async def act(stage: Stage) -> None:
        stage.events.tell(event())
        stage.events.tell(event())

    stage = on_stage(act)
    assert (stage.stored(), stage.figures()) == (["work.abc"], (2, 0, 0))


@pytest.mark.parametrize("error", FAILURES, ids=[type(error).__name__ for error in FAILURES])
def test_one_that_fails_is_counted_and_never_sent_again(error: ApiError) -> None:
    async def act(stage: Stage) -> None:
        stage.hook.error = error
        stage.events.tell(event("work.first"))
        await anyio.sleep(60)
        stage.hook.error = None
        stage.events.tell(event("work.second"))

    stage = on_stage(act)
    assert (stage.stored(), stage.figures(), stage.hook.sent) == (["work.second"], (1, 1, 0), 2)


def test_an_object_tells_a_burst_and_then_one_every_five_minutes() -> None:
    async def act(stage: Stage) -> None:
        for number in range(BURST + 5):
            stage.events.tell(event(f"work.{number}"))
        await anyio.sleep(REFILL_SECONDS + 1)
        for number in range(BURST + 5, BURST + 10):
            stage.events.tell(event(f"work.{number}"))

    assert on_stage(act).figures() == (BURST + 1, 0, 9)


def test_one_that_tells_too_much_takes_nothing_from_another() -> None:
    async def act(stage: Stage) -> None:
        for number in range(BURST + 5):
            stage.events.tell(event(f"work.{number}"))
        stage.events.tell(event("other.0", Key("default", "other")))

    assert "other.0" in on_stage(act).stored()


def test_one_that_is_made_again_under_its_name_begins_anew() -> None:
    async def act(stage: Stage) -> None:
        for number in range(BURST):
            stage.events.tell(event(f"work.{number}"))
        stage.events.forget(WORK)
        stage.events.tell(event("work.again"))

    assert "work.again" in on_stage(act).stored()


def test_when_too_many_wait_the_last_are_lost_and_nobody_waits() -> None:
    async def act(stage: Stage) -> None:
        for number in range(WAITING_MAX + 10):
            stage.events.tell(event(f"work-{number}.0", Key("default", f"work-{number}")))

    assert on_stage(act).figures() == (WAITING_MAX, 10, 0)
