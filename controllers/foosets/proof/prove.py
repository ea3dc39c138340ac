"""Prove one complete trace: create a FooSet, wait until it has settled, ask Jaeger for its trace, remove it.

Every step tells what it saw in a line. A step that fails tells why, the set is removed all the same, and the exit
status is 1. A set of the same name that an interrupted proof has left is removed first.
"""

import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import msgspec

from foosets.api.fooset import FooSet
from foosets.api.meta import FOOSETS, PODS
from foosets.api.names import SET_UID, ConditionType, Uid
from foosets.api.pod import Pod
from foosets.kube.client import Client
from foosets.kube.codec import StructCodec
from foosets.kube.errors import ApiError, Garbled, NotConfigured, NotFound
from foosets.kube.lists import Source, list_all
from foosets.kube.transport import Transport, connect
from foosets.proof.trace import Span, faults, spans_in

FIELD_MANAGER: Final = "foosets-test"
REPLY_SECONDS: Final = 5.0
"""How long Jaeger may think about one question."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the steps may take, and how long to wait between two looks, in seconds; 230 at most in all."""

    settle: float = 120.0
    """A cause that blocks the set ends this wait sooner: it closes the trace within the minute."""
    store: float = 20.0
    """Until Jaeger shows what it was sent."""
    remove: float = 45.0
    """Until the set's pods have ended."""
    poll: float = 0.5


class NotProvenError(Exception):
    """What was expected and did not come, in a sentence."""


class _Metadata(msgspec.Struct):
    name: str
    namespace: str


class _Manifest(msgspec.Struct):
    metadata: _Metadata


def prove(manifest: str, jaeger: str) -> int:
    """Prove the FooSet of `manifest` (JSON, with its namespace) and return the exit status.

    `jaeger` is the query API's URL, such as http://jaeger.observability:16686.
    """
    if not jaeger:
        causes = ["there is no Jaeger to ask: set the chart's tracing.query to the URL of its query API"]
    else:
        causes = anyio.run(_connected, manifest.encode(), jaeger.rstrip("/"))
    for cause in causes:
        _say(f"FAILED: {cause}")
    return int(bool(causes))


async def _connected(manifest: bytes, jaeger: str) -> list[str]:
    try:
        async with connect(user_agent=FIELD_MANAGER) as transport:
            return await causes_of_failure(transport, manifest, jaeger)
    except NotConfigured as error:
        return [str(error)]


async def causes_of_failure(
    transport: Transport, manifest: bytes, jaeger: str, patience: Patience | None = None
) -> list[str]:
    """Take all steps; return why some failed, nothing after a proof."""
    target = msgspec.json.decode(manifest, type=_Manifest).metadata
    proof = _Proof(transport, target.namespace, target.name, patience or Patience())
    steps = (proof.remove, lambda: proof.run(manifest, jaeger), proof.remove)
    return [cause for step in steps if (cause := await _cause(step))]


async def _cause(step: Callable[[], Awaitable[None]]) -> str:
    """Take a step; return why it failed, or nothing."""
    try:
        await step()
    except (NotProvenError, ApiError, Garbled) as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Proof:
    transport: Transport
    namespace: str
    name: str
    patience: Patience

    @property
    def client(self) -> Client:
        return Client(self.transport, FIELD_MANAGER)

    @property
    def called(self) -> str:
        return f"FooSet {self.namespace}/{self.name}"

    async def run(self, manifest: bytes, jaeger: str) -> None:
        """Create the set and look at what becomes of it."""
        await self.client.create(FOOSETS, self.namespace, manifest)
        _say(f"{self.called} is created")
        settled = await self._until(self._settled, self.patience.settle)
        _require_ready(settled)
        status = settled.status
        _say(f"it has settled: batch parts {status.batch_ready}, service parts {status.service_ready} ready")
        url = f"{jaeger}/api/v3/traces/{status.trace_id}"
        spans = await self._until(lambda: anyio.to_thread.run_sync(_ask, url), self.patience.store)
        hops = ", ".join(sorted({span.name for span in spans}))
        _say(f"trace {status.trace_id} is complete: {len(spans)} spans under one root ({hops})")

    async def remove(self) -> None:
        """Delete the set, if it is there, and wait until its pods are gone too."""
        try:
            uid = (await self._fooset()).metadata.uid
            await self.client.delete(FOOSETS, self.namespace, self.name, uid=uid)
        except NotFound:
            return
        await self._until(lambda: self._gone(uid), self.patience.remove)
        _say(f"{self.called} and its pods are gone")

    async def _fooset(self) -> FooSet:
        return FooSet.model_validate_json(await self.client.get(FOOSETS, self.namespace, self.name))

    async def _settled(self) -> tuple[FooSet | None, str]:
        fooset = await self._fooset()
        trace = fooset.status.trace
        current = fooset.status.observed_generation == fooset.metadata.generation
        return fooset if current and trace is not None and trace.closed else None, _standing(fooset)

    async def _gone(self, uid: Uid) -> tuple[bool, str]:
        source = Source(PODS, StructCodec(Pod), self.namespace, label_selector=f"{SET_UID}={uid}")
        left = [pod.metadata.name for pod in (await list_all(self.transport, source)).rows]
        return not left, f"there is still {', '.join(left)}"

    async def _until(self, look: Callable[[], Awaitable[tuple[T | None, str]]], seconds: float) -> T:
        """Look again and again until there is something; raises NotProvenError with what was seen instead."""
        deadline = anyio.current_time() + seconds
        while True:
            found, instead = await look()
            if found:
                return found
            if anyio.current_time() > deadline:
                raise NotProvenError(f"{self.called}: after {seconds:g} s {instead}")
            await anyio.sleep(self.patience.poll)


def _standing(fooset: FooSet) -> str:
    """Where a set stands, and what is to blame."""
    ready, blame = fooset.status.condition(ConditionType.READY), fooset.status.blocked_by
    if ready is None:
        return "no controller has looked at it"
    stands = f"Ready is {ready.status} ({ready.reason}: {ready.message})"
    return f"{stands}; blocked by {blame.kind} {blame.name} ({blame.reason}: {blame.message})" if blame else stands


def _require_ready(settled: FooSet) -> None:
    ready = settled.status.condition(ConditionType.READY)
    if ready is None or ready.status != "True":
        raise NotProvenError(f"FooSet {settled.key} has settled without becoming ready: {_standing(settled)}")


def _ask(url: str) -> tuple[list[Span] | None, str]:
    """Return the trace as it is stored (unasked, Jaeger would mend it) if it is complete, else what it lacks."""
    try:
        # both spellings: the parameter's name changed in Jaeger 2.19
        with urllib.request.urlopen(f"{url}?raw_traces=true&rawTraces=true", timeout=REPLY_SECONDS) as reply:  # noqa: S310 - http or https, by the schema of the chart's value
            spans = spans_in(reply.read())
    except urllib.error.HTTPError as error:
        unknown = "does not know the trace: do the controllers send their spans there (tracing.endpoint)?"
        return None, f"{url} {unknown if error.code == 404 else f'answers {error.code}'}"
    except (OSError, http.client.HTTPException, ValueError, msgspec.ValidationError) as error:
        return None, f"{url} cannot be asked: {error}"
    lacks = faults(spans)
    return None if lacks else spans, f"{url} has {'; '.join(lacks)}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
