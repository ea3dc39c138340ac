import json
from typing import Any

import pytest

from foosets.api import names
from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import FooSet
from foosets.api.names import PARENT_REPLICAS, REVISION, TRACEPARENT
from foosets.fooset.children import apply, desired, differs
from foosets.fooset.state import Child, Observed
from foosets.planning.trace import Context, SpanId, TraceId
from tests.builders import PARENT_SPAN, PARENT_TRACE, Raw, batch_spec, entry, fooset, service_spec, template
from tests.builders import TRACEPARENT as CONTEXT_TEXT
from tests.fooset.world import World, refined

CONTEXT = Context(TraceId(PARENT_TRACE), SpanId(PARENT_SPAN))


def with_entry(entry: Raw, kind: str = "batch") -> FooSet:
    raw = json.loads(fooset().model_dump_json())
    raw["spec"][kind] = [entry]
    return FooSet.model_validate(raw)


def wanted(made: FooSet, *children: Child) -> Any:
    world = World(made, {child.metadata.name: child for child in children})
    return desired(world.seen(), made.spec.batch[0] if made.spec.batch else made.spec.service[0])


def revision(made: FooSet) -> str:
    return wanted(made).labels[REVISION]


def allowing_edits(made: FooSet) -> FooSet:
    meta = made.metadata.model_copy(update={"annotations": {names.ALLOW_CHILD_EDITS: "true"}})
    return made.model_copy(update={"metadata": meta})


# ---- what a child is made of


def test_a_child_says_whose_it_is_and_what_to_run() -> None:
    made = with_entry(entry("work", batch_spec(completions=3), labels={"app": "a"}, annotations={"note": "n"}))
    seen = Observed(made, {}, {})
    action = apply(seen, desired(seen, made.spec.batch[0]), None, CONTEXT)
    body = json.loads(action.body)
    assert (action.resource.kind, action.namespace, action.name, action.owner) == (
        "BatchFooSet",
        "ns",
        "demo-work",
        "uid-demo",
    )
    assert body == {
        "apiVersion": "foo.example.com/v1alpha1",
        "kind": "BatchFooSet",
        "metadata": {
            "name": "demo-work",
            "namespace": "ns",
            "labels": {
                "app": "a",
                "foo.example.com/set-name": "demo",
                "foo.example.com/set-uid": "uid-demo",
                "foo.example.com/child": "work",
                "foo.example.com/revision": body["metadata"]["labels"]["foo.example.com/revision"],
            },
            "annotations": {
                "note": "n",
                "foo.example.com/parent-replicas": "1",
                "tracing.k8s.io/traceparent": CONTEXT_TEXT,
            },
            "ownerReferences": [
                {
                    "apiVersion": "foo.example.com/v1alpha1",
                    "kind": "FooSet",
                    "name": "demo",
                    "uid": "uid-demo",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "parallelism": 1,
            "completions": 3,
            "backoffLimit": 6,
            "placement": {"strategy": "Pack"},
            "template": template(),
        },
    }


def test_a_child_that_is_there_is_changed_from_the_version_that_was_seen() -> None:
    world = refined({"work": {}})
    live = world.children["demo-work"]
    action = apply(world.seen(), desired(world.seen(), world.fooset.spec.batch[0]), live, CONTEXT)
    meta = json.loads(action.body)["metadata"]
    assert (meta["uid"], meta["resourceVersion"]) == (live.metadata.uid, live.metadata.resource_version)


def test_labels_and_annotations_of_ours_win_and_a_users_context_is_not_handed_on() -> None:
    theirs = {names.SET_UID: "x", names.REVISION: "y", "app": "a"}
    notes = {TRACEPARENT: "00-theirs", PARENT_REPLICAS: "99", "note": "n"}
    child = wanted(with_entry(entry("work", batch_spec(), labels=theirs, annotations=notes)))
    assert child.labels[names.SET_UID] == "uid-demo"
    assert child.labels[REVISION] != "y"
    assert child.labels["app"] == "a"
    assert child.annotations == {"note": "n", PARENT_REPLICAS: "1"}


# ---- its revision

PLAIN = with_entry(entry("work", batch_spec()))
CHANGED = {
    "the pods": entry("work", batch_spec(template=template(hostname="h"))),
    "how often": entry("work", batch_spec(completions=2)),
    "a label": entry("work", batch_spec(), labels={"app": "a"}),
    "an annotation": entry("work", batch_spec(), annotations={"note": "n"}),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
def test_what_a_user_changes_in_an_entry_changes_its_revision(changed: Raw) -> None:
    assert revision(with_entry(changed)) != revision(PLAIN)


UNCHANGED = {
    "how many at a time": entry("work", batch_spec(parallelism=9)),
    "defaults spelled out": entry("work", batch_spec(completions=1, backoffLimit=6, placement={"strategy": "Pack"})),
    "our annotations": entry("work", batch_spec(), annotations={names.STAMPS: "{}", TRACEPARENT: "x"}),
}


@pytest.mark.parametrize("unchanged", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_what_says_nothing_new_leaves_an_entrys_revision(unchanged: Raw) -> None:
    assert revision(with_entry(unchanged)) == revision(PLAIN)


def test_defaults_of_a_pod_template_are_left_out_too() -> None:
    def port(**fields: Any) -> FooSet:
        pods = template()
        pods["spec"]["containers"][0]["ports"] = [{"containerPort": 80, **fields}]
        return with_entry(entry("work", batch_spec(template=pods)))

    assert revision(port(protocol="TCP")) == revision(port())
    assert revision(port(protocol="UDP")) != revision(port())


def test_a_revision_does_not_change_with_the_suite() -> None:
    assert revision(PLAIN) == "a4hzx6j2bj"


# ---- how many

LISTS = {"batch": ("parallelism", batch_spec, "demo-x"), "service": ("replicas", service_spec, "demo-x")}


@pytest.mark.parametrize("kind", LISTS)
def test_somebody_elses_count_survives_until_the_parent_changes_its_own(kind: str) -> None:
    field, spec, name = LISTS[kind]

    def count(world: World) -> int:
        return getattr(world.children[name].spec, field)

    world = World(with_entry(entry("x", spec(**{field: 2})), kind))
    world.rest()
    assert count(world) == 2
    world.scale(name, **{field: 5})
    assert f"={name}" not in world.rest(), "an autoscaler is not contradicted"
    assert count(world) == 5
    world.change(with_entry(entry("x", spec(**{field: 2}, template=template(hostname="h"))), kind))
    assert f"={name}" in world.rest()
    assert count(world) == 5, "another change carries the live value along"
    world.change(with_entry(entry("x", spec(**{field: 3})), kind))
    world.rest()
    assert count(world) == 3, "the parent's own change wins"
    world.scale(name, **{field: 0})
    world.rest()
    assert count(world) == 0, "nobody is woken from zero"


# ---- whether it has to be written


def test_a_child_as_it_should_be_is_left_alone_whatever_others_add_to_it() -> None:
    world = refined({"work": {}})
    live = world.children["demo-work"]
    more = {"annotations": live.metadata.annotations | {"theirs": "x"}, "labels": live.metadata.labels | {"team": "y"}}
    world.children["demo-work"] = live.model_copy(update={"metadata": live.metadata.model_copy(update=more)})
    assert world.rest() == []


@pytest.mark.parametrize("key", [REVISION, names.SET_UID, names.CHILD])
def test_a_label_of_ours_that_is_gone_is_put_back(key: str) -> None:
    world = refined({"work": {}})
    live = world.children["demo-work"]
    labels = {name: value for name, value in live.metadata.labels.items() if name != key}
    changed = live.model_copy(update={"metadata": live.metadata.model_copy(update={"labels": labels})})
    assert differs(changed, desired(world.seen(), world.fooset.spec.batch[0]))


def test_a_label_that_leaves_the_entry_leaves_the_child() -> None:
    world = World(with_entry(entry("work", batch_spec(), labels={"app": "a"})))
    world.rest()
    world.change(with_entry(entry("work", batch_spec())))
    assert "=demo-work" in world.rest()
    assert "app" not in world.children["demo-work"].metadata.labels


# ---- one priority for the whole set


@pytest.mark.parametrize("kind", ["batch", "service"])
def test_the_sets_priority_class_is_that_of_all_its_pods(kind: str) -> None:
    spec = batch_spec() if kind == "batch" else service_spec()
    plain = with_entry(entry("work", spec), kind)
    urgent = plain.model_copy(update={"spec": plain.spec.model_copy(update={"priority_class_name": "high"})})
    assert wanted(urgent).spec == wanted(plain).spec | {
        "template": {"spec": spec["template"]["spec"] | {"priorityClassName": "high"}}
    }
    assert revision(urgent) != revision(plain)
    assert "priorityClassName" not in wanted(plain).spec["template"]["spec"]


# ---- children that users may edit


def edited(*, allowed: bool = True, **spec: Any) -> World:
    """A set at rest, whose child `demo-a` somebody has edited."""
    made = fooset({"a": {"parallelism": 2}})
    world = World(allowing_edits(made) if allowed else made)
    world.rest()
    world.scale("demo-a", **spec)
    return world


NEWER: Raw = template(containers=[{"name": "main", "image": "main:edited"}])


def test_the_opt_out_of_a_set_is_its_childrens() -> None:
    world = edited()
    assert world.children["demo-a"].metadata.annotations[names.ALLOW_CHILD_EDITS] == "true"
    assert names.ALLOW_CHILD_EDITS not in edited(allowed=False).children["demo-a"].metadata.annotations


def test_an_allowed_edit_stays_and_is_no_work() -> None:
    world = edited(template=NEWER, backoff_limit=1)
    assert "=demo-a" not in world.rest()
    assert world.children["demo-a"].spec.template == NEWER
    assert world.condition("Refined") == ("True", "Available")


def test_an_edit_that_is_not_allowed_is_undone() -> None:
    world = edited(allowed=False, template=NEWER)
    assert "=demo-a" in world.rest()
    assert world.children["demo-a"].spec.template == template()


def test_an_allowed_edit_gives_way_when_the_entry_changes() -> None:
    world = edited(template=NEWER)
    world.change(fooset({"a": {"parallelism": 2, "backoffLimit": 3}}))
    assert "=demo-a" in world.rest()
    assert world.children["demo-a"].spec.template == template()


def test_an_allowed_edit_stays_when_the_entry_changes_its_count_alone() -> None:
    world = edited(template=NEWER)
    world.change(fooset({"a": {"parallelism": 5}}))
    assert "=demo-a" in world.rest()
    live = world.children["demo-a"]
    assert isinstance(live, BatchFooSet)
    assert (live.spec.template, live.spec.parallelism) == (NEWER, 5)


def test_an_opt_out_that_is_taken_back_gives_the_child_back_to_its_entry() -> None:
    world = edited(template=NEWER)
    world.fooset = world.fooset.model_copy(
        update={"metadata": world.fooset.metadata.model_copy(update={"annotations": {}})}
    )
    assert "=demo-a" in world.rest()
    live = world.children["demo-a"]
    assert names.ALLOW_CHILD_EDITS not in live.metadata.annotations
    assert live.spec.template == template()


@pytest.mark.parametrize("value", ["", "false", "True", "yes"])
def test_only_true_is_an_opt_out(value: str) -> None:
    made = allowing_edits(fooset({"a": {}}))
    made.metadata.annotations[names.ALLOW_CHILD_EDITS] = value
    assert names.ALLOW_CHILD_EDITS not in wanted(made).annotations
