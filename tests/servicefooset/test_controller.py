import json
from typing import Any

import pytest
from msgspec import convert

from foosets.api import names
from foosets.api.meta import FOOQUOTAS, NAMESPACES, PODS, SERVICEFOOSETS, Key
from foosets.api.namespace import Namespace
from foosets.api.pod import Pod
from foosets.placement.dryruns import Admitted
from foosets.planning.children import Mark
from foosets.planning.ownership import owner_of
from foosets.runtime.settings import Assignment, Settings
from foosets.servicefooset.controller import ServiceRoom, assemble
from tests.builders import fooquota
from tests.servicefooset.builders import PARENT_TRACE, UID, World, child_of_a_fooset, service, template

KEY = Key("ns", "web")


class Room:
    """The room with its caches, fed by hand as a watch would, and the keys that it asked to look at."""

    def __init__(self, assignment: Assignment = Assignment.POLICY) -> None:
        self.asked: list[Key] = []
        settings = Settings(scheduler_assignment=assignment, scheduler_name="ours")
        self.at = 1_000_000
        self.room = ServiceRoom(self._ask, settings, lambda: self.at)

    def _ask(self, key: Key, _after: float = 0.0, /) -> None:
        self.asked.append(key)

    def namespace(self, labels: dict[str, str], version: int = 1) -> None:
        metadata = {"name": "ns", "uid": "ns-uid", "resourceVersion": str(version), "labels": labels}
        self.room.namespaces.upsert(convert({"metadata": metadata}, Namespace))

    def scheduler(self) -> str:
        seen = self.room.observe(KEY, None)
        assert seen is not None
        body = json.loads(seen.stencil.body(Mark(0, 0, "", PARENT_TRACE, "{}")))
        return body["spec"]["schedulerName"]


def pod(**metadata: Any) -> Pod:
    world = World(service())
    world.rest()
    raw = world.created[0]
    raw["metadata"] |= {"resourceVersion": "5"} | metadata
    return convert(raw, Pod)


def test_a_set_and_each_pod_of_it_ask_for_a_look_at_the_set() -> None:
    room = Room()
    room.room.services.upsert(service())
    room.room.pods.upsert(pod())
    assert room.asked == [KEY, KEY]
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert list(seen.pods.live) == [0]


def test_pods_of_others_are_none_of_its_business() -> None:
    room = Room()
    stranger = [{"uid": "x", "kind": "ReplicaSet", "name": "web", "controller": True}]
    room.room.pods.upsert(pod(ownerReferences=stranger))
    room.room.pods.upsert(pod(name="loose", ownerReferences=[]))
    assert room.asked == []


def test_the_last_pod_leaves_its_attempt_behind() -> None:
    room = Room()
    room.room.services.upsert(service())
    only = pod()
    room.room.pods.upsert(only)
    room.room.pods.remove(only)
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert dict(seen.pods.retired) == {0: 0}


def test_what_another_of_its_name_has_left_takes_of_what_its_root_hands_down() -> None:
    room, child = Room(), child_of_a_fooset()
    room.room.pods.upsert(pod(labels=pod().metadata.labels | child["labels"]))
    room.room.services.upsert(service(uid="another", **child))
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert (len(seen.pods.live), seen.allowance.taken) == (0, 1)


def test_what_is_gone_is_not_observed() -> None:
    room = Room()
    room.room.services.upsert(service())
    assert room.room.generation(KEY) == 1
    room.room.services.remove(service(resourceVersion="2"))
    assert room.room.observe(KEY, None) is None
    assert room.room.generation(KEY) == 0


def test_a_changed_template_is_seen_as_another_revision() -> None:
    room = Room()
    room.room.services.upsert(service())
    before = room.room.observe(KEY, None)
    changed = service({"template": template("web:2")}, generation=2, resourceVersion="2")
    room.room.services.upsert(changed)
    after = room.room.observe(KEY, None)
    assert before is not None
    assert after is not None
    assert before.revision != after.revision


def test_a_set_asks_from_when_its_spec_its_pods_or_what_the_quotas_say_was_first_seen() -> None:
    room, asked = Room(), list[float]()
    admitted = Admitted.of(b'{"spec":{"containers":[]}}', b"")
    for change in (
        lambda: room.room.services.upsert(service()),
        lambda: room.room.services.upsert(service(resourceVersion="2")),
        lambda: room.room.services.upsert(service(resourceVersion="3", generation=2)),
        lambda: room.room.quotas.upsert(fooquota()),
        lambda: room.room._admit(owner_of(SERVICEFOOSETS, service()), admitted),
        lambda: room.room.services.remove(service(resourceVersion="4")),
        lambda: room.room.services.upsert(service(resourceVersion="5", generation=2)),
    ):
        room.at += 1_000_000
        change()
        seen = room.room.observe(KEY, None)
        if seen is not None:
            asked.append(seen.allowance.asked_since.timestamp())
    assert asked == [2, 2, 4, 5, 6, 8]


def test_admission_names_the_scheduler_where_it_can() -> None:
    room = Room(Assignment.POLICY)
    room.room.services.upsert(service())
    assert room.scheduler() == names.UNASSIGNED_SCHEDULER


def test_else_the_controller_does_and_follows_the_namespaces_label() -> None:
    room = Room(Assignment.CONTROLLER)
    room.room.services.upsert(service())
    assert room.scheduler() == "ours"
    room.namespace({names.SCHEDULER_NAME_LABEL: "theirs"})
    assert room.scheduler() == "theirs"
    room.namespace({names.SCHEDULER_NAME_LABEL: ""}, version=2)
    assert room.scheduler() == "ours"


@pytest.mark.parametrize(
    ("assignment", "asked", "names_schedulers"),
    [
        (Assignment.POLICY, {}, False),
        (Assignment.CONTROLLER, {}, True),
        (Assignment.CONTROLLER, {"schedulerName": names.UNASSIGNED_SCHEDULER}, False),
    ],
)
def test_it_names_schedulers_where_neither_admission_nor_the_user_does(
    assignment: Assignment, asked: dict[str, str], *, names_schedulers: bool
) -> None:
    room = Room(assignment)
    room.room.services.upsert(service({"template": template(**asked)}))
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert seen.names_scheduler == names_schedulers


def test_namespaces_are_watched_only_where_the_controller_names_schedulers() -> None:
    for assignment, watched in (
        (Assignment.POLICY, [SERVICEFOOSETS, PODS, FOOQUOTAS]),
        (Assignment.CONTROLLER, [SERVICEFOOSETS, PODS, FOOQUOTAS, NAMESPACES]),
    ):
        assembly = assemble(lambda _key, _after=0.0: None, Settings(scheduler_assignment=assignment), lambda: 0)
        assert [watch.source.resource for watch in assembly.watches] == watched


def test_the_pods_it_watches_are_those_that_wait_for_a_scheduler() -> None:
    assembly = assemble(lambda _key, _after=0.0: None, Settings(), lambda: 0)
    (source,) = [watch.source for watch in assembly.watches if watch.source.resource == PODS]
    key, _, value = source.label_selector.partition("=")
    assert pod().metadata.labels[key] == value
    assert pod().metadata.labels[names.OWNER_UID] == UID
