"""Writes are read off the API server's own counters."""

from e2e.bench.contest.requests import between, written

PAGE = b"""\
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"} 40
apiserver_request_total{code="409",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"} 2
apiserver_request_total{code="201",group="",resource="pods",scope="resource",subresource="binding",verb="POST"} 1.2e+01
apiserver_request_total{code="201",dry_run="All",group="",resource="pods",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="200",group="",resource="pods",scope="cluster",subresource="",verb="LIST",version="v1"} 7
apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",subresource="",verb="PUT"} 900
apiserver_request_duration_seconds_count{resource="pods",subresource="",verb="POST"} 42
"""


def test_writes_count_by_verb_and_resource_whatever_the_answer() -> None:
    assert written(PAGE) == {"POST pods": 42, "POST pods/binding": 12}


def test_only_what_was_written_meanwhile_counts() -> None:
    before = {"POST pods": 40, "DELETE pods": 5}
    assert between(before, {"POST pods": 42, "DELETE pods": 5, "POST events": 1}) == {"POST pods": 2, "POST events": 1}
