import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from e2e.traces import SEARCH_DEPTH, Jaeger, JaegerError, RecordedSpan, shape

RECORDED = Path(__file__).with_name("jaeger_trace.json").read_bytes()
"""What Jaeger 2.13 answered: one FooSet with a batch pod that failed and a service pod; the root was sent twice."""
TRACE = "da072bcfee1dc592894094d93877ede4"
LINKED = "7de0572b8c05c559187de05bc24e2b43"
UID = "8f14e45f-ceea-467f-a9d5-000000000002"
SINCE = datetime(2026, 11, 23, 2, tzinfo=UTC)
WINDOW = (SINCE, SINCE + timedelta(hours=2))

Query = dict[str, list[str]]


@contextmanager
def answering(answer: Callable[[str, Query], tuple[int, bytes]]) -> Iterator[Jaeger]:
    """A server that answers like a Jaeger does; `answer` gets path and parameters."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            status, body = answer(asked.path, parse_qs(asked.query))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Jaeger(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def always(body: bytes, status: int = 200) -> Callable[[str, Query], tuple[int, bytes]]:
    return lambda _path, _query: (status, body)


def test_it_is_known_whether_anybody_answers() -> None:
    with answering(always(b"")) as jaeger:
        assert jaeger.answers()
    assert not jaeger.answers()


# ---- reading


def test_a_trace_is_read_as_it_was_recorded() -> None:
    with answering(always(RECORDED)) as jaeger:
        spans = jaeger.trace(TRACE)
    by_name = {span.name: span for span in spans}
    root, schedule, failed = by_name["foosets.rollout"], by_name["schedule"], spans[9]
    assert len(spans) == 17
    assert {span.trace_id for span in spans} == {TRACE}
    assert (root.parent_id, root.service, root.links) == ("", "foosets-fooset", (LINKED,))
    assert root.attributes["fooset.generation"] == 1
    assert (root.start, root.failed) == (1_795_402_565_000_000_000, False)
    assert schedule.attributes["fooset.decision"] == "node-0"
    assert schedule.end - schedule.start == 5_000_000
    assert (failed.name, failed.failed, failed.error) == ("pod", True, "Error: exit code 3")
    assert [name for name, _ in failed.events] == ["PodScheduled"]


def test_a_stream_of_chunks_is_one_trace() -> None:
    with answering(always(RECORDED.strip() + b"\n" + RECORDED)) as jaeger:
        assert len(jaeger.trace(TRACE)) == 34


def test_a_trace_that_jaeger_does_not_have_is_empty() -> None:
    with answering(always(b'{"error":{"httpCode":404,"message":"No traces found"}}', 404)) as jaeger:
        assert jaeger.trace(TRACE) == []
        assert jaeger.find_trace_ids("fooset.uid", UID, *WINDOW) == set()


def test_what_is_not_a_trace_is_an_error() -> None:
    with (
        answering(always(b"search depth must be greater than 0", 500)) as jaeger,
        pytest.raises(JaegerError, match="depth"),
    ):
        jaeger.trace(TRACE)
    with pytest.raises(JaegerError, match="refused"):
        jaeger.services()


def test_a_search_goes_over_all_services_in_the_spelling_of_every_version() -> None:
    asked: Query = {}

    def answer(path: str, query: Query) -> tuple[int, bytes]:
        assert path == "/api/v3/traces"
        asked.update(query)
        return 200, RECORDED

    with answering(answer) as jaeger:
        assert jaeger.find_trace_ids("fooset.uid", UID, *WINDOW) == {TRACE}
        assert jaeger.find_trace_ids("fooset.uid", "another", *WINDOW) == set()
    assert asked["query.start_time_min"] == asked["query.startTimeMin"] == ["2026-11-23T02:00:00Z"]
    assert asked["query.start_time_max"] == asked["query.startTimeMax"] == ["2026-11-23T04:00:00Z"]
    assert asked["query.num_traces"] == asked["query.searchDepth"] == [str(SEARCH_DEPTH)]
    assert not {"query.service_name", "query.serviceName"} & set(asked)


def test_a_search_that_found_as_much_as_it_may_is_an_error() -> None:
    span = {"spanId": "01", "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    spans = [span | {"traceId": f"{number:032x}"} for number in range(SEARCH_DEPTH)]
    body = json.dumps({"result": {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}})
    with answering(always(body.encode())) as jaeger, pytest.raises(JaegerError, match="narrow the window"):
        jaeger.find_trace_ids("fooset.uid", UID, *WINDOW)


def test_services_are_listed() -> None:
    with answering(always(b'{"services":["b","a"]}')) as jaeger:
        assert jaeger.services() == ["a", "b"]
    with answering(always(b"{}")) as jaeger:
        assert jaeger.services() == []


@pytest.mark.parametrize(
    ("page", "available"), [(b'<div id="jaeger-ui-root"></div>', True), (b"This is not the Jaeger UI", False)]
)
def test_a_placeholder_is_no_ui(page: bytes, *, available: bool) -> None:
    with answering(always(page)) as jaeger:
        assert jaeger.ui_available() is available


# ---- soundness


def a_span(span_id: str, parent_id: str, start: int, end: int) -> RecordedSpan:
    return RecordedSpan(TRACE, span_id, parent_id, "s", "pod", start, end)


ROOT = a_span("r", "", 0, 100)
CHILD = a_span("c", "r", 10, 90)


def test_a_recorded_trace_is_sound() -> None:
    with answering(always(RECORDED)) as jaeger:
        tree = shape(jaeger.trace(TRACE))
    assert [root.name for root in tree.roots] == ["foosets.rollout"]
    assert (len(tree.spans), tree.orphans, tree.outside) == (16, [], [])
    assert (tree.count["pod"], tree.count["bind"]) == (2, 1)
    assert [span.name for span in tree.children(tree.roots[0])] == ["fooset.admit", "fooset.refine"]


def test_what_was_sent_twice_counts_once() -> None:
    longer = replace(CHILD, end=95)
    assert shape([longer, CHILD, ROOT, CHILD]).spans == [ROOT, longer]


def test_a_missing_parent_and_a_second_root_are_seen() -> None:
    orphan, second = a_span("o", "gone", 0, 1), a_span("r2", "", 5, 6)
    tree = shape([ROOT, CHILD, orphan, second])
    assert (tree.roots, tree.orphans) == ([ROOT, second], [orphan])


@pytest.mark.parametrize(("start", "end"), [(-1, 50), (50, 101), (200, 201)])
def test_a_child_beyond_its_parent_is_seen(start: int, end: int) -> None:
    child = a_span("c", "r", start, end)
    assert shape([ROOT, child]).outside == [(child, ROOT)]
