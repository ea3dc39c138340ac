"""The namespace that a run has to itself, and its removal with all that is in it."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
import msgspec

from foosets.api.meta import NAMESPACES, PODS, Resource
from foosets.kube.errors import NotFound
from foosets.kube.transport import Pool, Transport

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
DEFAULT: Final = "default"
"""The account of every pod that names none; without it the API server admits no pod."""
POLL_SECONDS: Final = 0.2
LONGEST_SECONDS: Final = 300.0


@asynccontextmanager
async def track(transport: Transport, prefix: str, owners: Resource) -> AsyncGenerator[str, None]:
    """Have a namespace while the block runs; then delete the owners in it, wait for their pods, and delete it.

    The owners first, and not the namespace alone: no controller shall meet refusals and try again, which would cost it
    something in the next run.
    """
    name = f"{prefix}-{time.monotonic_ns()}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await transport.request("POST", NAMESPACES.path(), msgspec.json.encode(namespace))
    await _until(lambda: _exists(transport, ACCOUNTS.path(name, DEFAULT)))
    yield name
    await transport.request("DELETE", f"{owners.path(name)}?propagationPolicy=Background")
    await _until(lambda: _is_empty(transport, name))
    await transport.request("DELETE", NAMESPACES.path("", name))
    await _until(lambda: _is_gone(transport, NAMESPACES.path("", name)))


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(LONGEST_SECONDS):
        while True:
            if await holds():
                return
            await anyio.sleep(POLL_SECONDS)


async def _exists(transport: Transport, path: str) -> bool:
    try:
        await transport.request("GET", path, pool=Pool.READS)
    except NotFound:
        return False
    return True


async def _is_gone(transport: Transport, path: str) -> bool:
    return not await _exists(transport, path)


async def _is_empty(transport: Transport, namespace: str) -> bool:
    path = f"{PODS.path(namespace)}?limit=1"
    return not _listed(await transport.request("GET", path, pool=Pool.READS)).items


class _Listed(msgspec.Struct):
    items: list[msgspec.Raw]


_listed: Final = msgspec.json.Decoder(_Listed).decode
