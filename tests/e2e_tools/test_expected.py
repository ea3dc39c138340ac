from typing import Any

import pytest

from e2e.expected import Family, misplaced, recorded_edges
from e2e.traces import RecordedSpan, TraceShape, shape


def owned(name: str, owner: str = "") -> dict[str, Any]:
    references = [{"uid": "bystander"}, {"uid": owner, "controller": True}] if owner else []
    return {"metadata": {"name": name, "uid": f"uid-{name}", "ownerReferences": references}}


class Objects:
    """An API server that has one FooSet, its parts and their pods, and some of another's."""

    def get(self, path: str) -> Any:
        kinds = {
            "batchfoosets": [owned("app-work", "uid-app"), owned("other-work", "uid-other")],
            "servicefoosets": [owned("app-serve", "uid-app")],
            "pods": [
                owned("work-0", "uid-app-work"),
                owned("serve-0", "uid-app-serve"),
                owned("serve-1", "uid-app-serve"),
                owned("other-0", "uid-other-work"),
                owned("free"),
            ],
        }
        kind = path.rpartition("/")[2]
        return {"items": kinds[kind]} if kind in kinds else owned("app")


@pytest.fixture
def family() -> Family:
    return Family.of(Objects(), "default", "app")  # pyright: ignore[reportArgumentType] - all that it asks is `get`


def span(name: str, number: str, parent: str = "", **attributes: str) -> RecordedSpan:
    known = {"fooset.name": "app", **{key.replace("__", "."): value for key, value in attributes.items()}}
    return RecordedSpan("t", number, parent, "s", name, 0, 1, known)


def test_what_is_expected_follows_owner_references(family: Family) -> None:
    assert family.edges == {
        ("app-work", "app"),
        ("app-serve", "app"),
        ("uid-work-0", "app-work"),
        ("uid-serve-0", "app-serve"),
        ("uid-serve-1", "app-serve"),
    }
    assert family.span_counts["pod"] == family.span_counts["create"] == 3
    assert family.span_counts["bind"] == family.span_counts["schedule"] == family.span_counts["admit"] == 2
    assert family.span_counts.total() == 3 + 5 + 2 + 1 + 2 * 5


def sound() -> list[RecordedSpan]:
    return [
        span("foosets.rollout", "1"),
        span("fooset.refine", "2", "1"),
        span("servicefooset.refine", "3", "2", fooset__child="serve"),
        span("pod", "4", "3", k8s__pod__uid="p"),
        span("bind", "5", "4", k8s__pod__uid="p"),
    ]


def tree(*changed: RecordedSpan) -> TraceShape:
    spans = {one.span_id: one for one in (*sound(), *changed)}
    return shape(spans.values())


def test_edges_are_read_from_what_hangs_under_what() -> None:
    assert recorded_edges(tree()) == {("app-serve", "app"), ("p", "app-serve")}
    assert misplaced(tree()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        span("pod", "4", "2", k8s__pod__uid="p"),
        span("bind", "5", "3", k8s__pod__uid="p"),
        span("bind", "5", "4", k8s__pod__uid="q"),
        span("surprise", "5", "4"),
    ],
    ids=["pod under the set's root", "bind beside its pod", "bind of another pod", "unknown span"],
)
def test_a_span_in_the_wrong_place_is_seen(wrong: RecordedSpan) -> None:
    assert len(misplaced(tree(wrong))) >= 1
