"""The room with its stores fed by hand as watches would, and the keys that it asked to look at."""

from datetime import timedelta
from typing import Any

import pytest

from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS, Key
from foosets.api.names import Component
from foosets.fooset.controller import FooSetRoom, assemble
from foosets.fooset.state import Child, Observed
from foosets.kube.errors import Conflict
from foosets.planning.actions import Confirm, Plan
from foosets.planning.setspans import microseconds
from foosets.runtime.apply import Written
from foosets.runtime.settings import Settings
from foosets.runtime.writers import Performed, Refused
from tests.builders import NOW, batchfooset, controlled_by, derived, fooquota, fooset, servicefooset

DEMO = Key("ns", "demo")


class Bench:
    def __init__(self, *children: Child) -> None:
        self.asked: list[Key] = []
        self.now = NOW
        self.room = FooSetRoom(self._ask, lambda: microseconds(self.now))
        self.room.foosets.upsert(fooset({"work": {}}, {"web": {}}))
        for child in children:
            self.put(child)
        self.asked.clear()

    def _ask(self, key: Key, _after: float = 0.0, /) -> None:
        self.asked.append(key)

    def put(self, child: Child) -> None:
        store = self.room.batches if child.metadata.name.endswith("work") else self.room.services
        store.upsert(child)  # pyright: ignore[reportArgumentType] - the name tells the kind

    def observe(self) -> Observed:
        seen = self.room.observe(DEMO, None)
        assert seen is not None
        return seen


def own(version: str = "1", **meta: Any) -> Child:
    return batchfooset("demo-work", resourceVersion=version, **(derived("demo", "work") | meta))


def looked_at(child: Child, generation: int) -> Child:
    return child.model_copy(update={"status": child.status.model_copy(update={"observed_generation": generation})})


def foreign(version: str = "1") -> Child:
    return batchfooset("demo-work", resourceVersion=version, uid="foreign")


def test_who_is_owned_by_a_namesake_of_another_group_or_namespace_is_no_child() -> None:
    stranger = own(ownerReferences=controlled_by("FooSet", "demo", group="example.org"))
    bench = Bench(stranger, own(namespace="elsewhere"))
    seen = bench.observe()
    assert len(seen.children) == 1
    assert not any(seen.owns(child) for child in seen.children)
    assert [child.key.namespace for child in seen.children] == ["ns"]


def test_a_set_asks_for_a_look_at_itself() -> None:
    bench = Bench()
    bench.room.foosets.upsert(fooset(resourceVersion="2"))
    bench.room.foosets.remove(fooset(resourceVersion="3"))
    assert bench.asked == [DEMO, DEMO]
    assert bench.room.observe(DEMO, None) is None
    assert bench.room.generation(DEMO) == 0


def test_a_child_asks_for_a_look_at_its_set_with_every_change() -> None:
    bench = Bench()
    bench.put(own())
    bench.put(own("2"))
    bench.room.batches.remove(batchfooset("demo-work", resourceVersion="3", **derived("demo", "work")))
    assert set(bench.asked) == {DEMO}
    assert len(bench.asked) >= 3


def test_a_set_sees_its_children_and_whatever_has_their_names() -> None:
    bench = Bench(foreign(), servicefooset("demo-web", **derived("demo", "web")))
    bench.put(servicefooset("demo-api", **derived("demo", "api")))
    bench.put(servicefooset("loose"))
    seen = bench.observe()
    assert sorted(seen.batches) == ["demo-work"]
    assert sorted(seen.services) == ["demo-api", "demo-web"], "also of an entry that is gone"
    assert not seen.owns(seen.batches["demo-work"])


def test_what_goes_is_seen_no_more() -> None:
    bench = Bench(own())
    bench.room.batches.remove(batchfooset("demo-work", resourceVersion="3", **derived("demo", "work")))
    assert bench.observe().batches == {}
    assert not bench.room._children


def test_a_set_is_bereaved_when_a_child_goes_until_it_was_read() -> None:
    bench = Bench(own())
    assert not bench.observe().bereaved
    bench.room.batches.remove(batchfooset("demo-work", resourceVersion="3", **derived("demo", "work")))
    assert bench.observe().bereaved

    asked = Confirm(FOOSETS, "ns", "demo", bench.observe().uid)
    bench.room.acted(Plan((asked,)), Performed(refused=[Refused(asked, Conflict(409, "Conflict", "gone"))]))
    assert bench.observe().bereaved
    bench.asked.clear()
    bench.room.acted(Plan((asked,)), Performed([Written(FOOSETS, DEMO, asked.uid, 7)]))
    assert not bench.observe().bereaved
    assert bench.asked == [DEMO]


def test_a_set_that_is_gone_is_not_bereaved_for_ever() -> None:
    bench = Bench(own())
    bench.room.batches.remove(own("3"))  # pyright: ignore[reportArgumentType] - the name tells the kind
    bench.room.forget(DEMO)
    assert not bench.room._bereaved


def test_a_child_waits_for_a_look_from_when_it_was_first_seen_to_until_its_controller_moves() -> None:
    bench = Bench(own())
    first = bench.now
    assert bench.observe().unread == {own().metadata.uid: first}
    bench.now += timedelta(seconds=9)
    bench.put(own("2", generation=2))
    assert bench.observe().unread == {own().metadata.uid: first}, "it has not even looked at the generation before"
    bench.put(looked_at(own("3", generation=2), 1))
    assert bench.observe().unread == {own().metadata.uid: bench.now}
    bench.put(looked_at(own("4", generation=2), 2))
    assert bench.observe().unread == {}


def test_a_child_that_is_made_again_has_waited_for_nothing_yet() -> None:
    bench = Bench(own())
    bench.observe()
    bench.room.batches.remove(own("2"))  # pyright: ignore[reportArgumentType] - the name tells the kind
    bench.now += timedelta(seconds=9)
    bench.put(own("3"))
    assert bench.observe().unread == {own().metadata.uid: bench.now}


def test_a_set_asks_from_when_its_spec_or_what_the_quotas_say_was_first_seen() -> None:
    bench = Bench()
    asked = [bench.observe().allowance.asked_since]
    for change in (
        lambda: bench.room.foosets.upsert(fooset(resourceVersion="2", generation=2)),
        lambda: bench.room.quotas.upsert(fooquota()),
        lambda: bench.room.foosets.upsert(fooset(resourceVersion="3", generation=2)),
        lambda: bench.room.foosets.remove(fooset(resourceVersion="4")),
        lambda: bench.room.foosets.upsert(fooset(resourceVersion="5", generation=2)),
    ):
        bench.now += timedelta(seconds=1)
        change()
        if bench.room.foosets.get(DEMO) is not None:
            asked.append(bench.observe().allowance.asked_since)
    assert [(at - NOW).total_seconds() for at in asked] == [0, 1, 2, 2, 5]


@pytest.mark.parametrize("uid", ["old-uid", "new-uid"])
def test_nobody_is_bereaved_of_a_child_of_another_or_of_nobody(uid: str) -> None:
    bench = Bench(child := own(ownerReferences=controlled_by("FooSet", "demo", "old-uid")))
    bench.room.foosets.remove(fooset(resourceVersion="2"))
    if uid == "new-uid":
        bench.room.foosets.upsert(fooset(resourceVersion="3", uid=uid))
    bench.room.batches.remove(child)  # pyright: ignore[reportArgumentType] - the name tells the kind
    assert not bench.room._bereaved


def test_a_name_that_becomes_free_wakes_the_set_that_wants_it() -> None:
    bench = Bench(foreign())
    bench.room.batches.remove(batchfooset("demo-work", resourceVersion="3", uid="foreign"))
    assert bench.asked == [DEMO]


def test_a_name_that_is_taken_wakes_the_set_that_wanted_it() -> None:
    bench = Bench()
    bench.put(foreign())
    assert bench.asked == [DEMO]


def test_two_sets_may_want_one_name() -> None:
    bench = Bench(own())
    bench.room.foosets.upsert(fooset(name="demo-a"))
    bench.room.foosets.upsert(fooset(name="demo-a-b"))
    bench.asked.clear()
    bench.put(servicefooset("demo-a-b-web", ownerReferences=controlled_by("FooSet", "demo-a")))
    assert set(bench.asked) == {DEMO, Key("ns", "demo-a"), Key("ns", "demo-a-b")}


@pytest.mark.parametrize("name", ["work", "other-work", "demos-work"])
def test_other_objects_wake_nobody(name: str) -> None:
    bench = Bench()
    bench.put(batchfooset(name))
    assert bench.asked == []


def test_a_set_made_again_under_its_name_does_not_own_the_old_ones_children() -> None:
    bench = Bench(own(ownerReferences=controlled_by("FooSet", "demo", "old-uid")))
    assert not bench.observe().owns(bench.observe().batches["demo-work"])


def test_the_room_reads_sets_and_quotas_and_nothing_else() -> None:
    assembly = assemble(Bench()._ask, Settings(), lambda: 0)
    assert assembly.room.component == Component.FOOSET
    assert {watch.source.resource for watch in assembly.watches} == {FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, FOOQUOTAS}
