"""The load generator: `python -m e2e.bench.contest.generator --mode create|bind --namespace N --pods N --nodes N`.

What the requests alone take: workers that create pods, on nodes in turn, and nothing that decides anything. It keeps
open, and throws away, the watches that the suite's components have, since the API server writes every event to each.

It says `ready` when it has its lists, begins with the first line of its input, and stays, watches open, until it is
ended.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, Final

import anyio
import msgspec
from anyio import to_thread

from e2e.bench.contest.pods import pod
from e2e.cluster.nodes import name_of
from foosets.api.meta import PODS
from foosets.api.names import Component, NodeName, Uid
from foosets.kube.client import Client
from foosets.kube.codec import Row
from foosets.kube.lists import Source
from foosets.kube.transport import connect
from foosets.kube.watch import Reflector
from foosets.runtime.settings import Settings

IN_FLIGHT: Final = 32
READY: Final = "ready"
NOBODY: Final = "nobody"
"""A scheduler that does not exist: these pods are bound by who made them."""


class Mode(StrEnum):
    """What is done for a pod: one request, or two."""

    CREATE = "create"
    BIND = "bind"


@dataclass(frozen=True, slots=True)
class Load:
    """How many pods, where, and on how many simulated nodes."""

    mode: Mode
    namespace: str
    pods: int
    nodes: int


class _Metadata(msgspec.Struct):
    uid: str


class _Created(msgspec.Struct):
    metadata: _Metadata


_created: Final = msgspec.json.Decoder(_Created).decode


class _Nowhere:
    """A sink that keeps nothing."""

    def replace(self, rows: list[Row], resource_version: int) -> None: ...

    def upsert(self, row: Row) -> None: ...

    def remove(self, row: Row) -> None: ...

    def bookmark(self, resource_version: int) -> None: ...


def sources() -> list[Source[Any]]:
    """Return what all components of the suite watch in a cluster without FooQuota."""
    assembled = (
        import_module(f"foosets.{component}.controller").assemble(lambda *_: None, Settings(), lambda: 0)
        for component in Component
    )
    return [watch.source for assembly in assembled for watch in assembly.watches if watch.late is None]


async def generate(client: Client, load: Load) -> None:
    """Create the pods, each on its node when this returns."""
    turns = iter(range(load.pods))
    async with anyio.create_task_group() as group:
        for _ in range(IN_FLIGHT):
            group.start_soon(_work, client, load, turns)


async def _work(client: Client, load: Load, turns: Iterator[int]) -> None:
    template = pod("Never")
    for turn in turns:
        name, node = f"raw-{turn}", NodeName(name_of(turn % load.nodes))
        chosen = {"nodeName": node} if load.mode is Mode.CREATE else {"schedulerName": NOBODY}
        metadata, spec = {**template["metadata"], "name": name}, {**template["spec"], **chosen}
        body = msgspec.json.encode({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        created = await client.create(PODS, load.namespace, body)
        if load.mode is Mode.BIND:
            await client.bind(load.namespace, name, node, uid=Uid(_created(created).metadata.uid))


def _report(trouble: object) -> None:
    print(trouble, file=sys.stderr, flush=True)


async def _main(load: Load) -> None:
    async with connect() as transport, anyio.create_task_group() as group:
        for source in sources():
            reflector = Reflector(transport, source, _Nowhere(), report=_report)
            group.start_soon(reflector.run)
            await reflector.synced.wait()
        print(READY, flush=True)
        await to_thread.run_sync(sys.stdin.readline)
        await generate(Client(transport, "bench"), load)


def main() -> None:
    """Wait for the word, make the pods, wait for the end."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.contest.generator")
    parser.add_argument("--mode", type=Mode, choices=list(Mode), required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--nodes", type=int, required=True, help="simulated nodes, used in turn")
    anyio.run(_main, Load(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
