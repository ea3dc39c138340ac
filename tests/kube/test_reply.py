"""Replies, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.kube.reply import GarbledReplyError, Reply, ReplyReader

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def chunked(parts: list[bytes], trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailer + b"\r\n"


REPLIES = {
    "length": (OK, Reply(200, b"ok", None)),
    "no body": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Reply(200, b"", None)),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", Reply(204, b"", None)),
    "chunks": (chunked([b"a\r\n", b"bc"]), Reply(201, b"a\r\nbc", None)),
    "no chunks": (chunked([]), Reply(201, b"", None)),
    "trailer": (chunked([b"a"], b"X-Sum: 1\r\n"), Reply(201, b"a", None)),
    "after a 100": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Reply(200, b"ok", None)),
    "retry after": (
        b"HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 1\r\n\r\nx",
        Reply(429, b"x", "7"),
    ),
}


@pytest.mark.parametrize(("sent", "meant"), REPLIES.values(), ids=REPLIES.keys())
def test_a_reply_means_the_same_when_it_comes_byte_by_byte(sent: bytes, meant: Reply) -> None:
    reader = ReplyReader()
    for number in range(len(sent)):
        assert not reader.complete
        reader.feed(sent[number : number + 1])

    assert reader.complete
    assert reader.reply() == meant
    assert reader.keeps_alive


@given(parts=st.lists(st.binary(max_size=40), max_size=5), cuts=st.lists(st.integers(1, 60), max_size=8))
def test_chunks_are_put_together_however_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    sent, reader = chunked(parts), ReplyReader()
    while sent:
        size = cuts.pop() if cuts else len(sent)
        reader.feed(sent[:size])
        sent = sent[size:]

    assert reader.complete
    assert reader.reply() == Reply(201, b"".join(parts), None)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-x\r\n\r\n",
        chunked([b"a"]).replace(b"\r\n1\r\n", b"\r\nzz\r\n"),
        chunked([b"a"]).replace(b"a\r\n0\r\n", b"aa\r\n0\r\n"),
        OK.replace(b"Length: 2", b"Length: -2"),
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2**16,
    ],
    ids=["another protocol", "no size", "a chunk longer than its size", "less than nothing", "a head without end"],
)
def test_what_is_no_reply_is_refused(sent: bytes) -> None:
    with pytest.raises(GarbledReplyError):
        ReplyReader().feed(sent)


def test_no_other_request_may_follow_where_more_came_than_the_reply() -> None:
    reader = ReplyReader()
    reader.feed(OK + b"HTTP/1.1")

    assert reader.complete
    assert not reader.keeps_alive


def test_a_body_can_be_taken_while_it_comes() -> None:
    reader, sent = ReplyReader(), chunked([b"one", b"two"])
    middle = sent.index(b"two") + 1
    reader.feed(sent[:middle])
    first = reader.take()
    reader.feed(sent[middle:])

    assert (first, reader.take(), reader.take()) == (b"onet", b"wo", b"")


@pytest.mark.parametrize(("sent", "complete"), [(b"HTTP/1.1 200 OK\r\n\r\nall", True), (OK[:-1], False), (b"", False)])
def test_the_end_of_the_connection_completes_only_a_reply_of_unstated_length(sent: bytes, *, complete: bool) -> None:
    reader = ReplyReader()
    reader.feed(sent)
    reader.end()

    assert reader.complete == complete
