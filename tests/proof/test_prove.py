"""A proof against small servers that answer as the API server and Jaeger do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from foosets.kube.transport import connect
from foosets.proof.prove import Patience, causes_of_failure, prove
from foosets.proof.trace import HOPS
from tests.kube.loopback import kubeconfig, serve, status

FOOSETS = "/apis/foo.example.com/v1alpha1/namespaces/demo/foosets"
MANIFEST = b'{"metadata": {"name": "proof", "namespace": "demo"}, "spec": {}}'
READY = {"type": "Ready", "lastTransitionTime": "2026-11-23T02:00:00Z"}
AVAILABLE = {**READY, "status": "True", "reason": "Available"}
SILENT = {**READY, "status": "False", "reason": "SchedulerSilent", "message": "is it running?"}
Status = dict[str, Any]


def settled(condition: Status, **more: Any) -> Status:
    trace = {"startedAt": "2026-11-23T02:00:00Z", "closed": True}
    return {"observedGeneration": 1, "conditions": [condition], "traceID": "a" * 32, "trace": trace, **more}


def trace(*, without: str = "") -> Status:
    root, *below = HOPS
    spans = [{"name": root, "spanId": "1"}, *({"name": hop, "spanId": hop, "parentSpanId": "1"} for hop in below)]
    kept = [span for span in spans if span["name"] != without]
    return {"result": {"resourceSpans": [{"scopeSpans": [{"spans": kept}]}]}}


@dataclass
class World:
    """One FooSet at most; `status` is what becomes of it, `pods` how often its pods are seen after its deletion."""

    status: Status = field(default_factory=lambda: settled(AVAILABLE))
    exists: bool = False
    pods: int = 1
    told: list[str] = field(default_factory=list[str])

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.told.append(request.method)
        if request.path.endswith("/pods"):
            assert request.query["labelSelector"] == "foo.example.com/set-uid=u"
            items = [{"metadata": {"name": "proof-0", "namespace": "demo"}}] if self.pods else []
            self.pods = max(0, self.pods - 1)
            return web.json_response({"metadata": {"resourceVersion": "9"}, "items": items})
        return self._fooset(request.method)

    def _fooset(self, method: str) -> web.StreamResponse:
        if method == "POST":
            self.exists = True
        if not self.exists:
            return status(404, "NotFound", "there is none")
        if method == "DELETE":
            self.exists = False
        metadata = {"name": "proof", "namespace": "demo", "uid": "u", "resourceVersion": "1", "generation": 1}
        metadata["creationTimestamp"] = "2026-11-23T02:00:00Z"
        return web.json_response({"metadata": metadata, "spec": {}, "status": self.status})


HASTE = Patience(settle=0.05, store=0.05, remove=1, poll=0.01)


async def causes(folder: Path, world: World, told: Status | None) -> list[str]:
    """Why a proof failed in a world, with a Jaeger that tells of a trace."""
    async with (
        serve(world.answer) as server,
        jaeger(told) as url,
        connect(kubeconfig(folder, server)) as transport,
    ):
        return await causes_of_failure(transport, MANIFEST, url, HASTE)


@asynccontextmanager
async def jaeger(told: Status | None) -> AsyncIterator[str]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == f"/api/v3/traces/{'a' * 32}"
        return web.json_response(told) if told is not None else web.json_response({}, status=404)

    async with serve(answer) as url:
        yield url


async def test_a_complete_trace_is_proven_and_the_set_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(pods=1)
    assert await causes(tmp_path, world, trace()) == []
    assert (world.exists, world.pods) == (False, 0)
    assert "is complete: 10 spans under one root" in capsys.readouterr().out


async def test_a_set_that_an_earlier_proof_left_is_removed_first(tmp_path: Path) -> None:
    world = World(exists=True, pods=0)
    assert await causes(tmp_path, world, trace()) == []
    assert world.told[:4] == ["GET", "DELETE", "GET", "POST"]


async def test_a_set_that_settles_unready_fails_with_the_cause(tmp_path: Path) -> None:
    cause = {"condition": "PodScheduled", "reason": SILENT["reason"], "message": SILENT["message"]}
    blame = {"kind": "Pod", "name": "proof-service-0", "since": "2026-11-23T02:00:00Z", **cause}
    world = World(status=settled(SILENT, blockedBy=blame))
    (said,) = await causes(tmp_path, world, trace())
    assert not world.exists
    assert said.startswith("FooSet demo/proof has settled without becoming ready: Ready is False (SchedulerSilent")
    assert said.endswith("blocked by Pod proof-service-0 (SchedulerSilent: is it running?)")


async def test_a_set_that_nobody_looks_at_fails(tmp_path: Path) -> None:
    world = World(status={"observedGeneration": -1})
    assert await causes(tmp_path, world, trace()) == ["FooSet demo/proof: after 0.05 s no controller has looked at it"]


async def test_a_missing_hop_fails_and_the_set_is_removed(tmp_path: Path) -> None:
    world = World()
    (said,) = await causes(tmp_path, world, trace(without="bind"))
    assert said.endswith("has no span bind")
    assert not world.exists


async def test_an_unknown_trace_points_at_the_controllers(tmp_path: Path) -> None:
    (said,) = await causes(tmp_path, World(), None)
    assert "does not know the trace: do the controllers send their spans there" in said


async def test_pods_that_stay_are_named(tmp_path: Path) -> None:
    assert await causes(tmp_path, World(pods=1000), trace()) == ["FooSet demo/proof: after 1 s there is still proof-0"]


def test_without_a_jaeger_nothing_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert prove("{}", "") == 1
    assert "set the chart's tracing.query" in capsys.readouterr().out
