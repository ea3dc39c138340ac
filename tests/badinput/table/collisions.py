"""Collisions: two of one name, in one object or in one namespace."""

from typing import Final

from foosets.api.names import API_VERSION, ENV_INDEX, SET_NAME, SET_UID, Reason
from tests.badinput.objects import a, batch, batches, container, once, pods, service, services
from tests.badinput.rows import (
    Await,
    By,
    Change,
    Create,
    Manifest,
    Remove,
    Row,
    Squat,
    borne,
    by_condition,
    by_schema,
    by_template_policy,
)
from tests.badinput.showing import children, each_pod, own_labels, strangers_pod, strangers_set

TAKEN: Final = Reason.NAME_COLLISION
INVALID: Final = Reason.INVALID_POD_TEMPLATE
BATCH: Final = ("BatchFooSet", "demo")


def owned(uid: str) -> dict[str, object]:
    """Metadata that claims a FooSet as controller."""
    reference = {"apiVersion": API_VERSION, "kind": "FooSet", "name": "demo", "uid": uid, "controller": True}
    return {"ownerReferences": [reference]}


def _values(pod: Manifest, name: str) -> list[str]:
    """The values that a variable of a pod's is given."""
    return [one["value"] for one in pod["spec"]["containers"][0]["env"] if one["name"] == name]


COLLISIONS: Final[tuple[Row, ...]] = (
    by_schema("a name in both lists", a("FooSet", batch=[batch("x")], service=[service("x")]), "only once"),
    by_schema("a name twice in batch", a("FooSet", batch=[batch("x"), batch("x")]), 'Duplicate value: {"name":"x"}'),
    by_schema("a name twice in service", a("FooSet", service=[service("x")] * 2), 'Duplicate value: {"name":"x"}'),
    by_condition(
        "two sets whose children have one name",
        a("FooSet", "a-b", batch=[batch("c")]),
        TAKEN,
        "entry c",
        before=(Create(a("FooSet", "a", batch=[batch("b-c", parallelism=0)])), Await("BatchFooSet", "a-b-c")),
        shows=children("BatchFooSet/a-b-c"),
    ),
    by_condition(
        "a stranger's batch under a child's name",
        batches(),
        TAKEN,
        "entry workers",
        before=(Create(a("BatchFooSet", "demo-workers", parallelism=0, template=once())),),
        shows=strangers_set,
    ),
    by_condition(
        "a stranger's service under a child's name",
        services(),
        TAKEN,
        "entry server",
        before=(Create(a("ServiceFooSet", "demo-server", replicas=0, template=pods())),),
        shows=strangers_set,
    ),
    Row(
        name="a stranger's pod under the name of a batch's pod",
        by=By.CONDITION,
        about=BATCH,
        steps=(
            Create(a("BatchFooSet", parallelism=0, template=once())),
            Squat("BatchFooSet", "demo"),
            Change("BatchFooSet", "demo", {"spec": {"parallelism": 1}}),
        ),
        reason=TAKEN,
        words=("belongs to another owner",),
        has_pods=True,
        shows=strangers_pod,
    ),
    Row(
        name="a stranger's pod under the name of a service's pod",
        by=By.CONDITION,
        about=("ServiceFooSet", "demo"),
        steps=(
            Create(a("ServiceFooSet", replicas=0, template=pods())),
            Squat("ServiceFooSet", "demo"),
            Change("ServiceFooSet", "demo", {"spec": {"replicas": 1}}),
        ),
        reason=TAKEN,
        words=("belongs to another owner",),
        has_pods=True,
        shows=strangers_pod,
    ),
    by_schema(
        "two containers of one name",
        a("BatchFooSet", template=once(containers=[container(), container()])),
        "spec.containers[1]",
        'Duplicate value: {"name":"main"}',
    ),
    by_schema(
        "two volumes of one name",
        a("BatchFooSet", template=once(volumes=[{"name": "v", "emptyDir": {}}] * 2)),
        "spec.volumes[1]",
        "Duplicate value",
    ),
    by_schema(
        "two ports of one number",
        a("ServiceFooSet", template=pods(containers=[container(ports=[{"containerPort": 80}] * 2)])),
        "ports[1]",
        "Duplicate value",
    ),
    by_schema(
        "two variables of one name",
        batches(template=once(containers=[container(env=[{"name": "A", "value": "x"}] * 2)])),
        "env[1]",
        "Duplicate value",
    ),
    by_condition(
        "two ports on one port of the node",
        a(
            "ServiceFooSet",
            template=pods(containers=[container(ports=[{"containerPort": at, "hostPort": 80} for at in (80, 81)])]),
        ),
        INVALID,
        "ports[1].hostPort",
        "Duplicate value",
    ),
    by_template_policy(
        "a pod's label of ours", a("BatchFooSet", template=once(metadata={"labels": {SET_UID: "1"}})), "labels", SET_UID
    ),
    by_template_policy(
        "a pod's label that we may want some day",
        services(template=pods(metadata={"labels": {"foo.example.com/new": "1"}})),
        "labels",
        "foo.example.com/new",
    ),
    by_template_policy(
        "a child's label of ours",
        a("FooSet", batch=[batch(metadata={"labels": {SET_NAME: "other"}})]),
        "spec.batch[name=workers].template.metadata.labels",
        SET_NAME,
    ),
    borne(
        "a variable of ours, which the user's wins over",
        Create(batches(template=once(containers=[container(env=[{"name": ENV_INDEX, "value": "mine"}])]))),
        shows=each_pod(lambda pod: _values(pod, ENV_INDEX) == ["mine"]),
    ),
    borne(
        "a set and a batch of one name",
        Create(a("BatchFooSet", template=once())),
        Create(batches()),
        shows=children("BatchFooSet/demo", "BatchFooSet/demo-workers"),
    ),
    borne(
        "deleted and made again at once",
        Create(batches()),
        Remove("FooSet", "demo"),
        Create(batches()),
        shows=own_labels,
    ),
    Row(
        name="a child that somebody else makes",
        by=By.POLICY,
        policy="derived-children",
        steps=(Create(a("BatchFooSet", "demo-x", metadata=owned("no-such-uid"), parallelism=0, template=once())),),
        words=("only the fooset controller makes a child of a FooSet",),
        about=("BatchFooSet", "demo-x"),
    ),
)
