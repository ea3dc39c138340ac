import json
import random
from urllib.parse import urlencode

import pytest

from foosets.api.meta import PODS, Key
from foosets.kube.errors import Expired
from tests.builders import template
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.record import Object
from tests.fake.transport import FakeTransport
from tests.virtualtime import in_virtual_time


@pytest.fixture
def server() -> FakeApiServer:
    return FakeApiServer(loop_clock(), random.Random(1))


def pod(server: FakeApiServer, name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return server.create(PODS, {"metadata": metadata, "spec": template()["spec"]})


def path(**query: str) -> str:
    return f"{PODS.path()}?{urlencode({'watch': 'true', **query})}"


async def seen(server: FakeApiServer, **query: str) -> list[tuple[str, str]]:
    """What a watch tells at once: type and name."""
    stream = server.watch(path(**query))
    events = [json.loads(line) for line in await anext(stream)]
    await stream.aclose()
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def test_a_watch_tells_what_came_after_a_version(server: FakeApiServer) -> None:
    first = pod(server, "a")
    pod(server, "b")
    server.delete(PODS, Key("default", "a"))
    since = first["metadata"]["resourceVersion"]
    assert await seen(server, resourceVersion=since) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_without_a_version_begins_with_what_is_there(server: FakeApiServer) -> None:
    pod(server, "b")
    pod(server, "a")
    assert await seen(server) == [("ADDED", "a"), ("ADDED", "b")]


async def test_what_is_no_longer_selected_goes_as_it_last_was(server: FakeApiServer) -> None:
    since = pod(server, "a")["metadata"]["resourceVersion"]
    changed = [{"x": "1"}, {"x": "1", "y": "2"}, {"x": "2"}]
    versions = [server.change(PODS, Key("default", "a"), {"metadata": {"labels": labels}}) for labels in changed]
    stream = server.watch(path(resourceVersion=since, labelSelector="x=1"))
    events = [json.loads(line) for line in await anext(stream)]
    await stream.aclose()
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    gone = events[-1]["object"]["metadata"]
    assert (gone["labels"], gone["resourceVersion"]) == (
        {"x": "1", "y": "2"},
        versions[2]["metadata"]["resourceVersion"],
    )


async def test_a_binding_moves_a_pod_from_one_watch_to_the_other(server: FakeApiServer) -> None:
    made = pod(server, "a")["metadata"]
    binding = {"metadata": {"name": "a", "uid": made["uid"]}, "target": {"name": "n1"}}
    server.request("POST", PODS.path("default", "a", "binding"), json.dumps(binding).encode())
    since = made["resourceVersion"]
    assert await seen(server, resourceVersion=since, fieldSelector="spec.nodeName!=") == [("ADDED", "a")]
    assert await seen(server, resourceVersion=since, fieldSelector="spec.nodeName=") == [("DELETED", "a")]


async def test_a_forgotten_version_is_an_error_in_the_stream(server: FakeApiServer) -> None:
    since = pod(server, "a")["metadata"]["resourceVersion"]
    pod(server, "b")
    server.compact()
    stream = server.watch(path(resourceVersion=since))
    (line,) = await anext(stream)
    event = json.loads(line)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def followed(server: FakeApiServer, **query: str) -> list[tuple[str, str]]:
    """All that a watch tells until its end: type and version."""
    events = [json.loads(line) async for lines in server.watch(path(**query)) for line in lines]
    return [(event["type"], event["object"]["metadata"]["resourceVersion"]) for event in events]


def test_bookmarks_come_once_a_minute_and_before_the_end_if_there_is_something_newer(server: FakeApiServer) -> None:
    since = pod(server, "a")["metadata"]["resourceVersion"]
    newest = pod(server, "b", y="2")["metadata"]["resourceVersion"]
    query = {"allowWatchBookmarks": "true", "timeoutSeconds": "100", "labelSelector": "x=1"}

    async def follow() -> tuple[list[tuple[str, str]], ...]:
        return tuple([await followed(server, resourceVersion=version, **query) for version in (since, newest)])

    assert in_virtual_time(follow) == ([("BOOKMARK", newest)] * 2, [])


async def test_pages_are_of_one_version(server: FakeApiServer) -> None:
    transport = FakeTransport(server, "me")
    for name in ("a", "b", "c"):
        pod(server, name)
    first = json.loads(await transport.request("GET", f"{PODS.path()}?limit=2"))
    pod(server, "d")
    server.delete(PODS, Key("default", "c"))
    rest = f"{PODS.path()}?{urlencode({'limit': '2', 'continue': first['metadata']['continue']})}"
    second = json.loads(await transport.request("GET", rest))
    assert [item["metadata"]["name"] for page in (first, second) for item in page["items"]] == ["a", "b", "c"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    server.compact()
    with pytest.raises(Expired):
        await transport.request("GET", rest)


@pytest.mark.parametrize(
    ("selector", "names"),
    [("x", "ab"), ("!x", "c"), ("x=1", "a"), ("x!=1", "bc"), ("x in (1,2),y", "b"), ("x notin (1)", "bc"), ("", "abc")],
)
async def test_label_selectors(server: FakeApiServer, selector: str, names: str) -> None:
    pod(server, "a", x="1")
    pod(server, "b", x="2", y="1")
    pod(server, "c")
    code, listing = server.request("GET", f"{PODS.path()}?{urlencode({'labelSelector': selector})}")
    assert code == 200
    assert "".join(item["metadata"]["name"] for item in json.loads(listing)["items"]) == names


def test_an_unknown_field_cannot_be_selected_by(server: FakeApiServer) -> None:
    assert server.request("GET", f"{PODS.path()}?fieldSelector=spec.colour=red")[0] == 400
