"""One history on one server, and what of the replies two servers have in common.

Uids, versions and times differ between servers. They are replaced by what they say: which object, after how many known
writes, some time. Causes of refusals are compared by field, messages not at all.
"""

import json
import re
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

import aiohttp
import anyio

from foosets.api.meta import PODS, Resource
from foosets.kube.transport import JSON
from tests.fake.apiserver import FakeApiServer
from tests.fake.histories import Step, Watched
from tests.fake.realserver import TOKEN, RealServer
from tests.fake.record import Object
from tests.fake.writes import UNKNOWN_MANAGER

PATIENCE_SECONDS: Final = 30
"""How long to wait for an event that the other server sent; only a disagreement takes so long."""
SILENCE_SECONDS: Final = 5
"""How long to wait where the other server sent none."""
_NOBODY: Final = "00000000-0000-4000-8000-000000000000"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Server(Protocol):
    """Either of the two."""

    async def request(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        """Return status and body of the reply."""
        ...

    def lines(self, path: str, expected: int | None) -> AsyncGenerator[bytes, None]:
        """Yield that many lines of a watch, or those that are there."""
        ...


class Fake:
    """The fake one."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server

    async def request(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        """See `Server`."""
        return self._server.request(method, path, body, content_type=content_type)

    async def lines(self, path: str, expected: int | None) -> AsyncGenerator[bytes, None]:
        """See `Server`."""
        del expected  # all there is comes at once
        async with aclosing(self._server.open_watch(path).events()) as events:
            for one in await anext(events):
                yield one.line


class Real:
    """The real one."""

    def __init__(self, server: RealServer, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session

    async def request(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        """See `Server`."""
        headers = {"Content-Type": content_type}
        async with self._session.request(method, self._server.url + path, data=body or None, headers=headers) as reply:
            return reply.status, await reply.read()

    async def lines(self, path: str, expected: int | None) -> AsyncGenerator[bytes, None]:
        """See `Server`; it waits for what does not come, but not for long."""
        left = expected or 0
        with anyio.move_on_after(PATIENCE_SECONDS if left else SILENCE_SECONDS):
            async with self._session.get(self._server.url + path) as reply:
                async for line in reply.content:
                    yield line
                    left -= 1
                    if not left:
                        return


@asynccontextmanager
async def connected(server: RealServer) -> AsyncGenerator[Real, None]:
    """Give the real one, over connections that are kept."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": JSON, "User-Agent": UNKNOWN_MANAGER}
    connector = aiohttp.TCPConnector(ssl=server.tls)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield Real(server, session)


class Reply(NamedTuple):
    """Status and decoded body."""

    code: int
    body: Any


@dataclass(slots=True)
class Side:
    """One history as one server sees it. `prefix` tells objects without a namespace from those of other histories."""

    server: Server
    namespace: str
    replies: list[Reply] = field(default_factory=list[Reply])
    versions: dict[int, str] = field(default_factory=dict[int, str])
    _seen: dict[tuple[str, str], list[tuple[str, str]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[str, str]]]
    )

    async def follow(self, watched: Watched, expected: int | None = None) -> int:
        """Remember that many events of a watch, or all that there are by now; return how many."""
        since = self.versions.get(watched.since, "")
        chosen = {"watch": "true", **({"resourceVersion": since} if since else {}), **watched.query}
        path = f"{watched.resource.path(self.namespace)}?{urlencode(chosen)}"
        events = [json.loads(line) async for line in self.server.lines(path, expected)]
        self.replies += [Reply(0, event) for event in events]
        return len(events)

    async def take(self, step: Step) -> None:
        """Take a step, look at the object afterwards, and remember both replies."""
        continued = await self._send(step)
        while continued:
            continued = await self._send(step, **{"continue": continued})
        name = step.name or step.body.get("metadata", {}).get("name", "")
        if step.method != "GET" and name:
            await self._send(Step("GET", step.resource, name))

    async def mark(self, steps: int) -> None:
        """Remember the version of this moment, after so many steps."""
        _, listing = await self.server.request("GET", f"{PODS.path(self.namespace)}?limit=1", b"", JSON)
        self.versions[steps] = json.loads(listing)["metadata"]["resourceVersion"]

    async def _send(self, step: Step, **query: str) -> str:
        path, body = self.path(step, **query), self._body(step)
        code, reply = await self.server.request(step.method, path, body, step.content_type)
        found = json.loads(reply)
        self.replies.append(Reply(code, found))
        self._remember(step.resource, found)
        return found.get("metadata", {}).get("continue", "")

    def path(self, step: Step, **query: str) -> str:
        """Return the path of a step."""
        path = step.resource.path(self.namespace, self._named(step.resource, step.name), step.subresource)
        chosen = {**step.query, **query}
        return f"{path}?{urlencode(chosen)}" if chosen else path

    def _named(self, resource: Resource, name: str) -> str:
        """Return a name as it is sent: one without a namespace is told from those of other histories."""
        return name if resource.namespaced or not name else f"{self.namespace}.{name}"

    def _body(self, step: Step) -> bytes:
        body = self._filled(step, step.body)
        name = body.get("metadata", {}).get("name")
        if name:
            body["metadata"]["name"] = self._named(step.resource, name)
        return json.dumps(body).encode() if body else b""

    def _filled(self, step: Step, value: Any) -> Any:
        """Return a part of a body with what this server has said in the place of words."""
        if isinstance(value, dict):
            return {name: self._filled(step, part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._filled(step, part) for part in value]
        if value in {"{uid}", "{uid-1}", "{rv}", "{rv-1}"}:
            name = step.name or step.body["metadata"]["name"]
            return self._known(step.resource, name, value)
        return value

    def _known(self, resource: Resource, name: str, word: str) -> str:
        seen = self._seen.get((resource.plural, name), [])
        values = [uid for uid, _ in seen] if "uid" in word else [version for _, version in seen]
        distinct = list(dict.fromkeys(values))
        wanted = -2 if "-1" in word else -1
        missing = _NOBODY if "uid" in word else "1"
        return distinct[wanted] if len(distinct) >= -wanted else missing

    def _remember(self, resource: Resource, found: Object) -> None:
        meta = found.get("metadata", {})
        if found.get("kind") == resource.kind and meta.get("resourceVersion"):
            name = meta["name"].removeprefix(f"{self.namespace}.")
            self._seen.setdefault((resource.plural, name), []).append((meta["uid"], meta["resourceVersion"]))


# ---- what two servers have in common


def comparable(namespace: str, replies: list[Reply]) -> list[Reply]:
    """Return replies, and events among them, as another server should have given them."""
    meaning = _Meaning(namespace, sorted({int(version) for reply in replies for version in _versions(reply.body)}))
    return [Reply(reply.code, meaning.of(reply.body)) for reply in replies]


def _versions(found: Any) -> Iterator[str]:
    if isinstance(found, list):
        for item in found:
            yield from _versions(item)
    elif isinstance(found, dict):
        meta = found.get("metadata")
        if isinstance(meta, dict) and meta.get("uid") and meta.get("resourceVersion"):
            yield meta["resourceVersion"]
        for part in found.values():
            yield from _versions(part)


class _Meaning:
    def __init__(self, namespace: str, versions: list[int]) -> None:
        self._namespace = namespace
        self._versions = versions
        self._uids: dict[str, str] = {}

    def of(self, found: Any) -> Any:
        if isinstance(found, dict):
            if found.get("kind") == "Status":
                return self._status(found)
            return {
                name: self._member(name, part) for name, part in sorted(found.items()) if not _left_out(found, name)
            }
        if isinstance(found, list):
            return [self.of(item) for item in found]
        if isinstance(found, str):
            return "time" if _TIME.fullmatch(found) else found.replace(self._namespace, "here")
        return found

    def _member(self, name: str, part: Any) -> Any:
        if name == "resourceVersion" and isinstance(part, str):
            return f"after {bisect_right(self._versions, int(part))} writes" if part else part
        if name == "uid" and isinstance(part, str):
            return self._uids.setdefault(part, f"uid {len(self._uids)}")
        if name == "continue":
            return "more" if part else ""
        if name == "managedFields":
            return sorted((self.of(entry) for entry in part), key=_manager)
        return self.of(part)

    def _status(self, status: Object) -> Object:
        details = status.get("details") or {}
        causes = sorted({cause.get("field", "") for cause in details.get("causes", [])})
        told = {name: self._member(name, details[name]) for name in ("name", "group", "kind", "uid") if name in details}
        return {"reason": status.get("reason", ""), "code": status.get("code"), **told, "causes": causes}


def _manager(entry: Object) -> tuple[str, ...]:
    return entry["operation"], entry["manager"], entry.get("subresource", "")


def _left_out(found: Object, name: str) -> bool:
    """Whether a member is none of the comparison: a built-in kind's owners of fields, which only the real one keeps."""
    builtin = any(not entry["apiVersion"].startswith("foo.") for entry in found.get("managedFields", []))
    return (name == "managedFields" and builtin) or (name == "continue" and not found[name])
