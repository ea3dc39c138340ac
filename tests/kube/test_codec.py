import json
from typing import Any

import pydantic
import pytest

from foosets.api.meta import Key
from foosets.api.pod import Pod
from foosets.kube.codec import Bookmark, Codec, Event, ModelCodec, StructCodec, Undecodable
from foosets.kube.errors import Expired, Garbled
from tests.kube.loopback import EXPIRED, bookmark, event, pod


class PodMetadata(pydantic.BaseModel):
    name: str
    namespace: str
    uid: str
    resource_version: str = pydantic.Field(alias="resourceVersion")


class Spec(pydantic.BaseModel):
    containers: list[dict[str, Any]] = []


class PodModel(pydantic.BaseModel):
    metadata: PodMetadata
    spec: Spec = Spec()

    @property
    def key(self) -> Key:
        return Key(self.metadata.namespace, self.metadata.name)


CODECS: list[Codec[Any]] = [StructCodec(Pod), ModelCodec(PodModel)]
both = pytest.mark.parametrize("codec", CODECS, ids=["struct", "model"])


@both
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_a_change_is_an_event_with_its_row(codec: Codec[Any], kind: str) -> None:
    said = codec.decode_event(event(kind, pod("a", 7, containers=[{"name": "c"}])))
    assert isinstance(said, Event)
    assert (said.type, said.object.key, said.object.metadata.resource_version) == (kind, Key("default", "a"), "7")
    assert len(said.object.spec.containers) == 1


@both
def test_a_bookmark_need_not_fit_the_row(codec: Codec[Any]) -> None:
    assert codec.decode_event(bookmark(9)) == Bookmark(9)


@both
def test_an_error_event_is_raised(codec: Codec[Any]) -> None:
    with pytest.raises(Expired, match="too old"):
        codec.decode_event(event("ERROR", EXPIRED))


@both
@pytest.mark.parametrize(("kind", "deleted"), [("MODIFIED", False), ("DELETED", True)])
def test_an_object_that_does_not_fit_has_a_key_and_a_version(codec: Codec[Any], kind: str, *, deleted: bool) -> None:
    said = codec.decode_event(event(kind, pod("a", 7, containers="three")))
    assert isinstance(said, Undecodable)
    assert (said.key, said.resource_version, said.deleted) == (Key("default", "a"), 7, deleted)
    assert "containers" in said.error


@both
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"<html>",
        b"[]",
        b'"ADDED"',
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":{"metadata"',
        b'{"type":"ADDED","object":7}',
        b'{"type":"RENAMED","object":{"metadata":{"name":"a","namespace":"d","uid":"u","resourceVersion":"5"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"new"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"\xff"}}}',
        b'{"kind":"Status","code":500}',
    ],
)
def test_what_no_watch_ever_says_is_garbled(codec: Codec[Any], line: bytes) -> None:
    with pytest.raises(Garbled):
        codec.decode_event(line)


def listed(*items: Any, **metadata: str) -> bytes:
    return json.dumps({"metadata": {"resourceVersion": "12"} | metadata, "items": items}).encode()


@both
def test_a_page_has_rows_a_version_and_the_way_on(codec: Codec[Any]) -> None:
    page = codec.decode_list(listed(pod("a", 7), pod("b", 3), **{"continue": "more"}))
    assert [row.key.name for row in page.rows] == ["a", "b"]
    assert (page.resource_version, page.continue_token, page.undecodable) == (12, "more", [])


@both
def test_one_bad_object_does_not_keep_the_others_out(codec: Codec[Any]) -> None:
    page = codec.decode_list(listed(pod("a", 7), pod("b", 3, containers=5), pod("c", 4)))
    assert [row.key.name for row in page.rows] == ["a", "c"]
    assert [(bad.key.name, bad.resource_version) for bad in page.undecodable] == [("b", 3)]


@both
@pytest.mark.parametrize("page", [b"", b"{}", b'{"items":[]}', b"<html>", listed(resourceVersion=""), listed(7)])
def test_what_is_no_list_is_garbled(codec: Codec[Any], page: bytes) -> None:
    with pytest.raises(Garbled):
        codec.decode_list(page)
