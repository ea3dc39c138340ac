"""What sets ask for, part by part."""

from typing import Any

import pytest

from foosets.api import names
from foosets.api.names import Kind
from foosets.fooquota.children import Child, demand_alone, demand_left, demand_of
from foosets.fooquota.state import Demand, Part
from tests.builders import Raw, batchfooset, condition, derived, fooset, servicefooset, template

CURRENT = {"observedGeneration": 1}
ONE_CPU = {"cpu": 1000, "pods": 1}


def sized(cpu: str = "1", **spec: Any) -> Raw:
    """A pod template of one container that requests so much."""
    containers = [{"name": "main", "image": "main:1", "resources": {"requests": {"cpu": cpu}}}]
    return template(containers=containers, **spec)


def batch(status: Raw | None = None, spec: Raw | None = None, told: int = 4, **meta: Any) -> Child:
    """The child of the entry `work`, which was told so many pods."""
    meta = derived("demo", "work") | meta
    meta["annotations"] = {**meta["annotations"], names.PARENT_REPLICAS: str(told)}
    spec = {"template": sized(), "parallelism": 4, "completions": 10} | (spec or {})
    return batchfooset("demo-work", spec, CURRENT | (status or {}), **meta)


def demo(*children: Child, status: Raw | None = None, cpu: str = "1", **meta: Any) -> Demand:
    """The demand of a FooSet of 4 at a time of 10, and two replicas."""
    work = {"template": sized(cpu), "parallelism": 4, "completions": 10}
    web = {"template": sized("500m", restartPolicy="Always"), "replicas": 2}
    return demand_of(
        fooset({"work": work}, {"web": web}, status=CURRENT if status is None else status, **meta), children
    )


def work(demand: Demand) -> Part:
    return next(part for part in demand.parts if part.name == "demo-work")


# ---- a FooSet


def test_a_fooset_asks_for_its_entries_before_anything_is_made() -> None:
    assert demo().parts == (
        Part("demo-work", 4, ONE_CPU, waits=True),
        Part("demo-web", 2, {"cpu": 500, "pods": 1}, waits=True),
    )


@pytest.mark.parametrize(
    ("status", "want"),
    [
        ({"succeeded": 5}, 4),
        ({"succeeded": 8}, 2),
        ({"succeeded": 12}, 0),
        ({"succeeded": 10, "conditions": [condition("Complete")]}, 0),
        ({"succeeded": 3, "conditions": [condition("Failed")]}, 0),
    ],
)
def test_a_batch_asks_for_no_more_than_is_left_to_complete(status: Raw, want: int) -> None:
    assert work(demo(batch(status))) == Part("demo-work", want, ONE_CPU)


def test_what_somebody_scaled_counts_until_the_parents_own_value_changes() -> None:
    assert work(demo(batch(spec={"parallelism": 6}))).want == 6
    assert work(demo(batch(spec={"parallelism": 6}, told=5))).want == 4


@pytest.mark.parametrize(
    "child",
    [
        batch({"observedGeneration": 0}),  # its controller has not seen its spec
        batch(spec={"parallelism": 6}, told=6),
        batch(spec={"completions": 20}),
        batch(spec={"template": sized("2")}),
    ],
    ids=["unseen", "another count", "other completions", "another size"],
)
def test_a_child_that_acts_on_an_older_wish_has_not_acknowledged(child: Child) -> None:
    assert not work(demo(child)).acknowledged


def test_a_change_that_costs_nothing_needs_no_acknowledgement_of_its_own() -> None:
    assert work(demo(batch(spec={"template": sized(hostname="other")}))).acknowledged


def test_nothing_is_acknowledged_before_the_set_itself_has_been_seen() -> None:
    demand = demo(batch(), status={})
    assert not demand.current
    assert [part.acknowledged for part in demand.parts] == [False, False]


def test_a_child_tells_how_many_pods_it_has_seen() -> None:
    web = servicefooset("demo-web", {"replicas": 2}, {"replicas": 2}, **derived("demo", "web"))
    assert [part.reported for part in demo(batch({"active": 3}), web).parts] == [3, 2]


def test_a_child_that_only_its_parents_controller_has_seen_has_not_acknowledged() -> None:
    told = [{"name": "work", "kind": "BatchFooSet", "desired": 10}, {"name": "web", "kind": "ServiceFooSet"}]
    demand = demo(status=CURRENT | {"children": told})
    assert [part.acknowledged for part in demand.parts] == [False, True]


def test_a_removed_part_that_only_its_parents_controller_has_seen_may_have_pods() -> None:
    told = [{"name": "old", "kind": "BatchFooSet", "created": 3}, {"name": "web", "kind": "ServiceFooSet"}]
    assert demo(status=CURRENT | {"children": told}).parts[2:] == (Part("demo-old", acknowledged=False, reported=3),)


def test_a_removed_part_that_is_seen_to_go_says_so_itself() -> None:
    told = [{"name": "old", "kind": "BatchFooSet", "created": 3}]
    old = batchfooset(
        "demo-old", {"template": sized()}, deletionTimestamp="2027-01-01T00:00:00Z", **derived("demo", "old")
    )
    assert demo(old, status=CURRENT | {"children": told}).parts[2:] == (Part("demo-old", acknowledged=True),)


@pytest.mark.parametrize("end", ["Complete", "Failed"])
def test_a_batch_that_has_ended_acts_on_no_wish_whatever_is_written_into_it(end: str) -> None:
    over = batch({"observedGeneration": 0, "conditions": [condition(end)]}, spec={"completions": 20})
    assert work(demo(over, status={})) == Part("demo-work", 0, ONE_CPU)
    other = fooset({"other": {"template": sized()}}, status={})
    assert demand_of(other, [over]).parts[1:] == (Part("demo-work"),)


OVER = batch({"conditions": [condition("Complete")]})
DONE: Raw = CURRENT | {"conditions": [condition("Complete"), condition("Refined")]}


@pytest.mark.parametrize(
    ("status", "children", "ended"),
    [
        (DONE, (OVER,), True),
        (CURRENT | {"conditions": [condition("Failed"), condition("Refined")]}, (OVER,), True),
        (DONE | {"observedGeneration": 0}, (OVER,), False),
        (CURRENT | {"conditions": [condition("Complete")]}, (OVER,), False),  # something is left to be made
        (CURRENT | {"conditions": [condition("Refined")]}, (OVER,), False),
        (DONE, (batch(),), False),
        (DONE, (OVER, servicefooset("demo-web", status=CURRENT, **derived("demo", "web"))), False),
    ],
    ids=["complete", "failed", "changed", "unrefined", "running", "a batch that runs", "a service"],
)
def test_a_fooset_has_ended_when_all_of_it_has(status: Raw, children: tuple[Child, ...], *, ended: bool) -> None:
    assert demo(*children, status=status).ended is ended


def test_a_set_without_parent_has_ended_with_its_last_pod() -> None:
    assert demand_alone(batchfooset("work", {"template": sized()}, {"conditions": [condition("Failed")]})).ended
    assert not demand_alone(batchfooset("work", {"template": sized()}, CURRENT)).ended


def test_a_child_on_its_way_out_will_be_made_again() -> None:
    leaving = batch({"succeeded": 9}, deletionTimestamp="2026-03-01T12:00:00Z")
    assert work(demo(leaving)) == Part("demo-work", 4, ONE_CPU, waits=True)


def test_nothing_is_wanted_of_an_entry_that_was_taken_out_and_it_may_go_on_until_it_leaves() -> None:
    old = servicefooset("demo-old", **derived("demo", "old"))
    leaving = servicefooset("demo-old", deletionTimestamp="2026-03-01T12:00:00Z", **derived("demo", "old"))

    assert demo(old).parts[2:] == (Part("demo-old", acknowledged=False),)
    assert demo(leaving).parts[2:] == (Part("demo-old"),)


def test_a_set_on_its_way_out_wants_nothing() -> None:
    demand = demo(batch(), deletionTimestamp="2026-03-01T12:00:00Z")
    assert (demand.parts, demand.staying) == ((Part("demo-work", acknowledged=False),), False)


def test_what_admission_adds_counts_once_it_is_known() -> None:
    more = {"podRequests": {"cpu": "1500m", "memory": "1024", "pods": "1"}}
    assert work(demo(batch(more))).size == {"cpu": 1500, "memory": 1024, "pods": 1}
    assert work(demo(batch(more | {"observedGeneration": 0}))).size == ONE_CPU


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({"parallelism": 6, "template": sized("2")}, Part("demo-work", 6, {"cpu": 2000, "pods": 1})),
        ({"completions": 2, "template": sized("100m")}, Part("demo-work", 4, ONE_CPU)),
    ],
    ids=["more", "less"],
)
def test_of_a_child_that_its_users_edit_the_larger_of_its_entry_and_itself_counts(spec: Raw, part: Part) -> None:
    allowed = {names.ALLOW_CHILD_EDITS: names.EDITS_ALLOWED}
    child = batch(spec=spec)
    child = child.model_copy(
        update={"metadata": child.metadata.model_copy(update={"annotations": child.metadata.annotations | allowed})}
    )
    assert work(demo(child, annotations=allowed)) == part
    assert work(demo(child)).acknowledged is False


def test_a_size_that_cannot_be_told_is_said_with_the_entry() -> None:
    demand = demo(batch(), cpu="lots")
    assert demand.invalid == "entry work: 'lots' is not a Kubernetes quantity, such as 250m, 2, 1.5Gi or 1e3"
    assert demand.parts == (Part("demo-work", acknowledged=False),)
    assert demo(cpu="lots", deletionTimestamp="2026-03-01T12:00:00Z").invalid == ""


def test_a_set_has_the_priority_classes_of_its_templates() -> None:
    entries = {"a": {"template": template(priorityClassName="high")}, "b": {"template": template()}}
    assert demand_of(fooset(entries, {"c": {}}), ()).classes == ("high", "")


def test_the_priority_class_of_the_whole_set_stands_above_those_of_its_templates() -> None:
    whole = fooset({"a": {"template": template(priorityClassName="high")}})
    whole = whole.model_copy(update={"spec": whole.spec.model_copy(update={"priority_class_name": "low"})})
    assert demand_of(whole, ()).classes == ("low",)


# ---- other roots


def test_a_set_without_parent_is_its_own_part() -> None:
    service = servicefooset("web", {"template": sized(priorityClassName="high"), "replicas": 3}, CURRENT, generation=1)
    demand = demand_alone(service)

    assert (demand.kind, demand.name) == (Kind.SERVICEFOOSET, "web")
    assert demand.parts == (Part("web", 3, ONE_CPU, waits=True),)
    assert demand.classes == ("high",)


def test_a_batch_without_parent_asks_for_what_is_left() -> None:
    spec = {"template": sized(), "parallelism": 4, "completions": 10}
    assert demand_alone(batchfooset("work", spec, {"succeeded": 9})).parts == (
        Part("work", 1, ONE_CPU, acknowledged=False, waits=True),
    )


def test_a_set_without_parent_on_its_way_out_wants_nothing() -> None:
    leaving = servicefooset("web", {"template": sized()}, CURRENT, deletionTimestamp="2026-03-01T12:00:00Z")
    demand = demand_alone(leaving)
    assert (demand.parts, demand.staying) == ((Part("web", 0, ONE_CPU, waits=True),), False)


def test_a_set_without_parent_whose_size_cannot_be_told_says_so() -> None:
    demand = demand_alone(servicefooset("web", {"template": sized("-1")}, CURRENT))
    assert (demand.invalid, demand.parts) == ("'-1' is negative", (Part("web", waits=True),))


def test_of_a_root_that_is_gone_its_children_are_left() -> None:
    demand = demand_left((names.Uid("uid-demo"), Kind.FOOSET, "demo"), [batch()])
    assert (demand.uid, demand.kind, demand.name) == ("uid-demo", "FooSet", "demo")
    assert (demand.parts, demand.staying) == ((Part("demo-work", acknowledged=False),), False)
