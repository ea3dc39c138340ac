"""Measures how soon the system tells us that a peer is gone.

    our namespace ── veth ── another: a server, which loses its address in the middle of all conversations

Nothing answers for that address any more, not even with a reset: so it is when a machine loses its power. Our own
time-outs are so long here that only the system can end what waits. To be run in a network namespace that may be
changed; the argument is a folder for files. Prints seconds by what waited, as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio

from foosets.kube.errors import Unreachable
from foosets.kube.transport import Pool, Transport, connect
from tests.kube.loopback import kubeconfig

OURS: Final = "10.9.0.1"
THEIRS: Final = "10.9.0.2"
PORT: Final = 8080
LONG: Final = 1000.0
WHOLE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BEGUN: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nup\n\r\n"

Talk = Callable[[Transport, anyio.Event], Awaitable[None]]


async def serve() -> None:
    """Answer whole to whoever asks for `/once`; begin a stream for the others, and then say nothing more."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readline()
        writer.write(WHOLE if b"/once" in asked else BEGUN)
        await asyncio.sleep(LONG)

    async with await asyncio.start_server(handle, THEIRS, PORT):
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        await asyncio.sleep(LONG)


@contextmanager
def peer() -> Iterator[Callable[[], None]]:
    """Start the server in a namespace of its own; give what takes its address away."""
    program = [
        "unshare",
        "--net",
        "sh",
        "-c",
        'read go && exec "$@"',
        "sh",
        sys.executable,
        "-m",
        __spec__.name,
        "serve",
    ]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        within = ("nsenter", f"--net=/proc/{process.pid}/ns/net")
        try:
            settled(process.pid)
            run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(process.pid))
            for inside, end, address in ((), "here", OURS), (within, "there", THEIRS):
                run(*inside, "ip", "address", "add", f"{address}/24", "dev", end)
                run(*inside, "ip", "link", "set", end, "up")
            process.stdin.write(b"go\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"serving\n"
            yield lambda: run(*within, "ip", "address", "delete", f"{THEIRS}/24", "dev", "there")
        finally:
            process.kill()


def settled(pid: int) -> None:
    """Wait until the process has left our namespace."""
    ours = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == ours:
        time.sleep(0.01)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


async def watch(transport: Transport, ready: anyio.Event) -> None:
    async with transport.watch("/stream", inactivity=LONG) as stream:
        async for _ in stream:
            ready.set()


async def write(transport: Transport, ready: anyio.Event) -> None:
    """Write on a connection that was good until a moment ago."""
    await transport.request("GET", "/once", pool=Pool.WRITES)
    ready.set()
    await anyio.sleep(1)
    await transport.request("POST", "/once", b"{}", timeout=LONG)


async def measure(folder: Path, die: Callable[[], None]) -> dict[str, float]:
    """Return after how many seconds each was told."""
    by_proxy = {"proxy-url": f"http://{THEIRS}:{PORT}"}
    found: dict[str, float] = {}

    async def wait(name: str, way: Transport, talk: Talk, ready: anyio.Event) -> None:
        try:
            await talk(way, ready)
        except Unreachable:
            found[name] = anyio.current_time() - began

    async with (
        connect(kubeconfig(folder, f"http://{THEIRS}:{PORT}")) as direct,
        connect(kubeconfig(folder, "http://server", cluster=by_proxy)) as proxied,
        anyio.create_task_group() as tasks,
    ):
        began = anyio.current_time()
        for name, way, talk in ("watch", direct, watch), ("write", direct, write), ("watch by a proxy", proxied, watch):
            ready = anyio.Event()
            tasks.start_soon(wait, name, way, talk, ready)
            await ready.wait()
        began = anyio.current_time()
        die()
    return found


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        with peer() as die:
            sys.stdout.write(json.dumps(asyncio.run(measure(Path(sys.argv[1]), die))))
