"""What is refused for ever is tried ten times a minute at most, and soon after it is allowed, whatever happens."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import msgspec
import pytest

from foosets.api.meta import BATCHFOOSETS, FOOSETS, NODES, PODS, SERVICEFOOSETS, Key
from foosets.api.names import Component
from foosets.kube.errors import (
    AdmissionDenied,
    ApiError,
    Forbidden,
    Invalid,
    NamespaceTerminating,
    NotFound,
    QuotaRefused,
    Unauthorized,
)
from tests.e2e import manifests
from tests.e2e.story import ends, is_true
from tests.fake import garbage
from tests.fake.transport import Hook, Sent
from tests.sequences.cell import APP, NAMESPACE, Cell
from tests.sequences.orders import FIXED, nobody
from tests.virtualtime import in_virtual_time

MINUTES: Final = 3
TRIES_A_MINUTE: Final = 10
MENDED_WITHIN: Final = 30.0
NOISE_SECONDS: Final = 5.0
ROLLED_OUT_WITHIN: Final = 30.0

FORBIDDEN: Final = Forbidden(403, "Forbidden", "pods is forbidden: no role allows it")
ERRORS: Final = (
    QuotaRefused(403, "Forbidden", "exceeded quota"),
    AdmissionDenied(422, "Invalid", "a policy denied the request"),
    NamespaceTerminating(403, "Forbidden", "the namespace is being terminated"),
    FORBIDDEN,
    Invalid(422, "Invalid", "is invalid"),
    Unauthorized(401, "Unauthorized", "who are you?"),
    NotFound(404, "NotFound", "no such namespace"),
)

Act = Callable[[Cell], None]


@dataclass(slots=True)
class Refuser:
    """The hook of one component: what it would do, and the refusal of some requests as long as it is `armed`."""

    inner: Hook
    method: str
    target: re.Pattern[str]
    error: ApiError
    armed: bool = False
    tried: list[float] = field(default_factory=list[float])

    async def before(self, sent: Sent) -> None:
        await self.inner.before(sent)
        if self.armed and sent.method == self.method and self.target.search(called(sent)):
            self.tried.append(anyio.current_time())
            raise self.error

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        await self.inner.after(sent, code, body)


class Named(msgspec.Struct):
    name: str = ""


class Body(msgspec.Struct):
    metadata: Named = msgspec.field(default_factory=Named)


def called(sent: Sent) -> str:
    """What a request is about, as a path that ends with the object's name."""
    path = sent.path.partition("?")[0]
    return f"{path}/{msgspec.json.decode(sent.body, type=Body).metadata.name}" if sent.method == "POST" else path


@dataclass(frozen=True, slots=True)
class Case:
    """Whom what is refused, and what happens that makes it ask."""

    component: Component
    method: str
    target: str
    error: ApiError
    act: Act
    from_the_start: bool = False
    """Whether it is refused before there is anything."""

    def __str__(self) -> str:
        return f"{self.component}: {type(self.error).__name__} for {self.method} {self.target}"


def roll_out(cell: Cell) -> None:
    cell.apply(app())


def app() -> manifests.Manifest:
    """Pods that stay."""
    return manifests.fooset(
        APP, batch={"workers": manifests.batch(3, run_seconds="6000")}, service={"server": manifests.service(3)}
    )


def scaled(part: str, field_name: str) -> Act:
    def act(cell: Cell) -> None:
        def change(spec: Any) -> None:
            (entry,) = spec[part]
            entry["template"]["spec"][field_name] = 1

        cell.edit(change)

    return act


def without_server(cell: Cell) -> None:
    cell.edit(lambda spec: spec.update(service=[]))


def cordon(cell: Cell) -> None:
    """Take all nodes away, and have another replica wait for one."""
    for node in cell.server.all(NODES):
        cell.server.change(NODES, Key("", node["metadata"]["name"]), {"spec": {"unschedulable": True}})

    def change(spec: Any) -> None:
        (entry,) = spec["service"]
        entry["template"]["spec"]["replicas"] = 4

    cell.edit(change)


SECOND_POD: Final = "/pods/.*-1$"
CASES: Final = [
    *(
        Case(component, "POST", SECOND_POD, error, roll_out, from_the_start=True)
        for component in (Component.BATCHFOOSET, Component.SERVICEFOOSET)
        for error in ERRORS
    ),
    *(Case(Component.FOOSET, "PATCH", "/batchfoosets/", error, roll_out, from_the_start=True) for error in ERRORS),
    Case(Component.SERVICEFOOSET, "DELETE", "/pods/", FORBIDDEN, scaled("service", "replicas")),
    Case(Component.BATCHFOOSET, "DELETE", "/pods/", FORBIDDEN, scaled("batch", "parallelism")),
    Case(Component.FOOSET, "DELETE", "/servicefoosets/", FORBIDDEN, without_server),
    *(
        Case(component, "PUT", "/status$", FORBIDDEN, roll_out, from_the_start=True)
        for component in (Component.FOOSET, Component.BATCHFOOSET, Component.SERVICEFOOSET)
    ),
    Case(Component.SCHEDULER, "POST", "/app-server-.*-1/binding", FORBIDDEN, roll_out, from_the_start=True),
    Case(Component.SCHEDULER, "PATCH", "/status$", FORBIDDEN, cordon),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_refused_for_ever_is_tried_seldom_and_goes_on_soon_after_it_is_allowed(case: Case) -> None:
    tried, mended_in = in_virtual_time(lambda: refused(case), alone=True)
    assert len(tried) >= MINUTES, "it has not given up"
    assert most_in_a_minute(tried) <= TRIES_A_MINUTE
    assert mended_in <= MENDED_WITHIN


async def refused(case: Case) -> tuple[list[float], float]:
    """Refuse for minutes; return when it was tried, and how long after it was allowed all was as it should be."""
    cell = Cell(FIXED, nobody)
    transport = cell.components[case.component].transport
    refuser = Refuser(transport.hook, case.method, re.compile(case.target), case.error, armed=case.from_the_start)
    transport.hook = refuser
    tried, mended_in = list[float](), 0.0
    async with anyio.create_task_group() as group:
        for run in (cell.kubelets.run, *(one.run for one in cell.components.values())):
            group.start_soon(run)
        group.start_soon(garbage.run, cell.server)
        if not case.from_the_start:
            roll_out(cell)
            await until(lambda: is_as_it_should(cell), ROLLED_OUT_WITHIN)
            refuser.armed = True
        case.act(cell)
        group.start_soon(make_noise, cell)
        await anyio.sleep(MINUTES * 60)
        tried, refuser.armed = list(refuser.tried), False
        for node in cell.server.all(NODES):
            cell.server.change(NODES, Key("", node["metadata"]["name"]), {"spec": {"unschedulable": None}})
        mended_in = await until(lambda: is_as_it_should(cell), 2 * MENDED_WITHIN)
        group.cancel_scope.cancel()
    return tried, mended_in


async def make_noise(cell: Cell) -> None:
    """Have something happen to every object, again and again, that changes nothing about it."""
    number = 0
    while True:
        number += 1
        patch = {"metadata": {"annotations": {"noise": str(number)}}}
        for resource in (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, PODS, NODES):
            for one in cell.server.all(resource):
                key = Key(one["metadata"].get("namespace", ""), one["metadata"]["name"])
                cell.server.change(resource, key, patch)
        await anyio.sleep(NOISE_SECONDS)


async def until(holds: Callable[[], object], seconds: float) -> float:
    """Return how long it took until something held."""
    start = anyio.current_time()
    while not holds():
        assert anyio.current_time() - start < seconds, f"does not hold after {seconds} s"
        await anyio.sleep(0.1)
    return anyio.current_time() - start


def is_as_it_should(cell: Cell) -> bool:
    """Whether the set says that it is ready and unblocked, and has the pods that it asks for."""
    fooset = cell.fooset
    status = fooset["status"]
    current = status["observedGeneration"] == fooset["metadata"]["generation"] and "blockedBy" not in status
    pods = [pod for pod in cell.server.all(PODS, NAMESPACE) if not ends(pod)]
    batch, service = (fooset["spec"].get(part, []) for part in ("batch", "service"))
    wanted = sum(entry["template"]["spec"]["parallelism"] for entry in batch)
    wanted += sum(entry["template"]["spec"]["replicas"] for entry in service)
    return current and is_true(fooset, "Ready") and len(pods) == wanted


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= time < start + 60 for time in times) for start in times)
