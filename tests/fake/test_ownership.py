import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.meta import BATCHFOOSETS, FOOSETS, PODS, Key
from foosets.kube.client import APPLY_PATCH
from tests.builders import batch_spec, entry, template
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.fields import NONE, difference, fields_in, merged, read, with_named_parents, without, written
from tests.fake.record import Object
from tests.fake.refusals import UnsupportedError
from tests.fake.schemas import schema_of

KEY = Key("default", "a")
SCHEMA = schema_of(BATCHFOOSETS.kind)["properties"]["spec"]


@pytest.fixture
def server() -> FakeApiServer:
    return FakeApiServer(loop_clock(), random.Random(1))


def apply(
    server: FakeApiServer, spec: Object, *, manager: str = "me", force: bool = False, **metadata: object
) -> tuple[int, Object]:
    envelope = {"apiVersion": BATCHFOOSETS.api_version, "kind": BATCHFOOSETS.kind}
    body = envelope | {"metadata": {"name": "a"} | metadata, "spec": spec}
    path = f"{BATCHFOOSETS.path('default', 'a')}?fieldManager={manager}" + ("&force=true" if force else "")
    code, reply = server.request("PATCH", path, json.dumps(body).encode(), content_type=APPLY_PATCH)
    return code, json.loads(reply)


def owners(found: Object) -> set[tuple[str, str]]:
    return {(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]}


def test_an_apply_creates_what_is_not_there(server: FakeApiServer) -> None:
    code, made = apply(server, batch_spec(parallelism=2), labels={"a": "b"})
    assert (code, made["spec"]["parallelism"], made["metadata"]["labels"]) == (201, 2, {"a": "b"})
    assert owners(made) == {("me", "Apply")}


def test_what_is_no_longer_applied_goes_back_to_its_default(server: FakeApiServer) -> None:
    apply(server, batch_spec(parallelism=2), labels={"a": "b", "c": "d"})
    _, changed = apply(server, batch_spec(), labels={"a": "b"})
    assert (changed["spec"]["parallelism"], changed["metadata"]["labels"]) == (1, {"a": "b"})


def test_what_another_owns_stays(server: FakeApiServer) -> None:
    apply(server, batch_spec(parallelism=2))
    apply(server, batch_spec(parallelism=2), manager="another")
    _, changed = apply(server, batch_spec())
    assert changed["spec"]["parallelism"] == 2


def test_what_another_owns_is_not_changed_but_by_force(server: FakeApiServer) -> None:
    apply(server, batch_spec(parallelism=2))
    code, status = apply(server, batch_spec(parallelism=3), manager="another")
    assert (code, [cause["field"] for cause in status["details"]["causes"]]) == (409, [".spec.parallelism"])
    code, forced = apply(server, batch_spec(parallelism=3), manager="another", force=True)
    assert (code, forced["spec"]["parallelism"]) == (200, 3)
    _, released = apply(server, batch_spec())
    assert released["spec"]["parallelism"] == 3


def test_who_writes_otherwise_owns_what_it_changed(server: FakeApiServer) -> None:
    apply(server, batch_spec(parallelism=2))
    server.change(BATCHFOOSETS, KEY, {"spec": {"parallelism": 5}}, user="somebody")
    code, _ = apply(server, batch_spec(parallelism=2))
    assert code == 409


def test_applying_the_same_again_stores_nothing(server: FakeApiServer) -> None:
    apply(server, batch_spec())
    server.change(BATCHFOOSETS, KEY, {"status": {"active": 1}}, subresource="status")
    versions = [apply(server, batch_spec())[1]["metadata"]["resourceVersion"] for _ in range(2)]
    assert versions[0] == versions[1] == str(server.storage.version)


def test_another_incarnation_is_a_conflict(server: FakeApiServer) -> None:
    code, status = apply(server, batch_spec(), uid="gone")
    assert (code, status["reason"]) == (409, "Conflict")


def test_a_version_that_was_overtaken_is_a_conflict(server: FakeApiServer) -> None:
    _, made = apply(server, batch_spec())
    apply(server, batch_spec(parallelism=2))
    assert apply(server, batch_spec(), resourceVersion=made["metadata"]["resourceVersion"])[0] == 409


def test_what_nobody_owns_any_more_is_taken_for_somebodys_at_the_next_apply(server: FakeApiServer) -> None:
    apply(server, batch_spec())
    untracked = server.get(BATCHFOOSETS, KEY)
    assert untracked is not None
    del untracked["metadata"]["managedFields"]
    server.storage.put(BATCHFOOSETS, untracked, "somebody")
    written = server.change(BATCHFOOSETS, KEY, {"spec": {"parallelism": 2}})
    assert "managedFields" not in written["metadata"]
    assert apply(server, batch_spec(parallelism=3))[0] == 409
    _, forced = apply(server, batch_spec(parallelism=3), force=True)
    assert owners(forced) == {("me", "Apply"), ("before-first-apply", "Update")}


def test_a_null_leaves_the_parts_of_others(server: FakeApiServer) -> None:
    apply(server, batch_spec(), manager="another", labels={"a": "b"})
    code, found = apply(server, batch_spec(), labels=None)
    assert (code, found["metadata"]["labels"]) == (200, {"a": "b"})


def apply_parts(server: FakeApiServer, names: str, manager: str = "me") -> str:
    """Apply a FooSet with these parts, one a letter; return the letters of what is stored."""
    parts = [entry(name, batch_spec()) for name in names]
    body = {
        "apiVersion": FOOSETS.api_version,
        "kind": FOOSETS.kind,
        "metadata": {"name": "a"},
        "spec": {"batch": parts},
    }
    path = f"{FOOSETS.path('default', 'a')}?fieldManager={manager}&force=true"
    _, reply = server.request("PATCH", path, json.dumps(body).encode(), content_type=APPLY_PATCH)
    return "".join(part["name"] for part in json.loads(reply)["spec"]["batch"])


def test_entries_are_merged_by_name(server: FakeApiServer) -> None:
    apply_parts(server, "xy")
    assert apply_parts(server, "z", "another") == "xyz"
    assert apply_parts(server, "y") == "yz"


@pytest.mark.parametrize(
    ("live", "applied", "merged_names"),
    [("xyz", "xyz", "xyz"), ("xyz", "zx", "yzx"), ("xyz", "w", "xyzw"), ("lms", "sm", "lsm"), ("mls", "sm", "lsm")],
)
def test_an_apply_changes_the_order_as_little_as_it_can(
    server: FakeApiServer, live: str, applied: str, merged_names: str
) -> None:
    """The orders are those that a real server gives."""
    apply_parts(server, live, "another")
    assert apply_parts(server, applied) == merged_names


def test_a_template_is_applied_as_one(server: FakeApiServer) -> None:
    def of(*names: str) -> Object:
        return batch_spec(template=template(containers=[{"name": name, "image": "i"} for name in names]))

    apply(server, of("x", "y"))
    _, found = apply(server, of("z"), manager="another", force=True)
    assert [one["name"] for one in found["spec"]["template"]["spec"]["containers"]] == ["z"]


def test_other_kinds_are_not_applied(server: FakeApiServer) -> None:
    with pytest.raises(UnsupportedError):
        server.request("PATCH", f"{PODS.path('default', 'a')}?fieldManager=me", b"{}", content_type=APPLY_PATCH)


# ---- the arithmetic

CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc"), "image": st.sampled_from("12")},
        optional={"args": st.lists(st.sampled_from("vw"), max_size=2), "workingDir": st.sampled_from("xy")},
    ),
    unique_by=lambda container: str(container["name"]),
    min_size=1,
)
SPECS = st.fixed_dictionaries(
    {"template": st.fixed_dictionaries({"spec": st.fixed_dictionaries({"containers": CONTAINERS})})},
    optional={
        "parallelism": st.integers(0, 2),
        "placement": st.just({"strategy": "Pack"}),
    },
)


@given(SPECS)
def test_sets_of_fields_survive_their_written_form(spec: Object) -> None:
    fields = fields_in(SCHEMA, spec)
    assert read(written(fields)) == fields


@given(SPECS, SPECS)
def test_what_was_applied_is_there_and_applying_it_again_changes_nothing(live: Object, applied: Object) -> None:
    once = merged(SCHEMA, live, applied)
    assert fields_in(SCHEMA, applied) <= fields_in(SCHEMA, once) | with_named_parents(SCHEMA, fields_in(SCHEMA, once))
    assert merged(SCHEMA, once, applied) == once


@given(SPECS, SPECS)
def test_a_difference_is_the_same_seen_from_the_other_side(old: Object, new: Object) -> None:
    there, back = difference(SCHEMA, old, new), difference(SCHEMA, new, old)
    assert there.removed <= back.changed
    assert there.changed - back.removed == back.changed - there.removed


@given(SPECS)
def test_an_object_differs_from_itself_in_nothing_and_from_nothing_in_everything(spec: Object) -> None:
    assert difference(SCHEMA, spec, spec) == (NONE, NONE)
    assert difference(SCHEMA, {}, spec).changed >= fields_in(SCHEMA, spec)


@given(SPECS)
def test_without_all_of_its_fields_nothing_is_left(spec: Object) -> None:
    fields = with_named_parents(SCHEMA, fields_in(SCHEMA, spec))
    assert without(SCHEMA, spec, fields) is None
    assert without(SCHEMA, spec, ()) == spec
