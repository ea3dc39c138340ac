import pytest

from e2e.faults.faults import DropLine, KillAfter
from e2e.faults.points import EACH, Point, Request, Verb, request_of
from e2e.faults.traffic import Armed

GROUP = "/apis/foo.example.com/v1alpha1"


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/api/v1/pods?limit=500", (Verb.LIST, "pods", "", "")),
        ("GET", "/api/v1/pods?watch=true&resourceVersion=4", (Verb.WATCH, "pods", "", "")),
        ("GET", "/api/v1/nodes/n1", (Verb.GET, "nodes", "", "n1")),
        ("GET", "/api/v1/namespaces", (Verb.LIST, "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/here", (Verb.GET, "namespaces", "", "here")),
        ("GET", "/api/v1/namespaces/here/pods/a", (Verb.GET, "pods", "here", "a")),
        ("POST", "/api/v1/namespaces/here/pods?fieldManager=x", (Verb.CREATE, "pods", "here", "")),
        ("POST", "/api/v1/namespaces/here/pods?dryRun=All", (Verb.GET, "pods", "here", "")),
        ("POST", "/api/v1/namespaces/here/pods/a/binding", (Verb.CREATE, "pods/binding", "here", "a")),
        ("PATCH", f"{GROUP}/namespaces/here/batchfoosets/a?force=true", (Verb.PATCH, "batchfoosets", "here", "a")),
        ("PUT", f"{GROUP}/namespaces/here/foosets/a/status", (Verb.UPDATE, "foosets/status", "here", "a")),
        ("DELETE", "/api/v1/namespaces/here/pods/a", (Verb.DELETE, "pods", "here", "a")),
    ],
)
def test_a_request_is_told_by_its_method_and_path(
    method: str, target: str, expected: tuple[Verb, str, str, str]
) -> None:
    assert request_of("scheduler", method, target) == Request("scheduler", *expected)


def request(namespace: str = "here", name: str = "a") -> Request:
    return Request("scheduler", Verb.CREATE, "pods/binding", namespace, name)


def test_a_point_covers_what_it_names_and_leaves_open_what_it_does_not() -> None:
    point = Point("scheduler", Verb.CREATE, "pods/binding")
    assert point.covers(request("here", "a"))
    assert point.covers(request("there", "b"))
    assert not Point("fooset", Verb.CREATE, "pods/binding").covers(request())
    assert not Point("scheduler", Verb.CREATE, "pods").covers(request())
    assert not Point("scheduler", Verb.CREATE, "pods/binding", "there").covers(request())
    assert not Point("scheduler", Verb.CREATE, "pods/binding", name="b").covers(request())


def test_a_fault_is_due_once_at_its_ordinal_of_like_requests() -> None:
    armed = Armed(KillAfter(Point("scheduler", Verb.CREATE, "pods/binding", "here", ordinal=2)))
    asked = [request(), request("there"), request(name="b"), request(name="c")]
    assert [armed.is_due(one) for one in asked] == [False, False, True, False]


def test_a_fault_can_be_due_at_each_request() -> None:
    armed = Armed(DropLine(Point("scheduler", Verb.CREATE, "pods/binding", ordinal=EACH)))
    assert [armed.is_due(request()) for _ in range(3)] == [True, True, True]
