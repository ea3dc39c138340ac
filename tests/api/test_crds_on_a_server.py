"""The CRDs as a real API server takes them: what it fills in, what it refuses and in which words."""

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.errors import ClusterError
from foosets.api.fooset import ChildStatus, FooSet, FooSetStatus
from foosets.api.names import API_VERSION, Kind
from foosets.api.podtemplate import FILE, extract
from foosets.api.servicefooset import ServiceFooSet, ServiceFooSetStatus
from foosets.api.status import AttemptRange, BlockedBy, Condition, Trace
from tests.api.schemas import CRDS, committed
from tests.cluster.waiting import Cluster, until_served

pytestmark = pytest.mark.cluster

Manifest = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUBLISHED_SECONDS = 20


class User:
    """Somebody who works with FooSets in a namespace of his own."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self._cluster = cluster
        self._manifest = directory / "manifest.json"
        self.namespace = f"crds-{secrets.token_hex(4)}"

    def kubectl(self, *args: str, manifest: Manifest | None = None) -> str:
        if manifest is not None:
            self._manifest.write_text(json.dumps(manifest))
            args = (*args, "-f", str(self._manifest))
        return self._cluster.kubectl("-n", self.namespace, *args)

    def tried(self, manifest: Manifest) -> Manifest:
        """The object as it would be stored."""
        return json.loads(self.kubectl("create", "--dry-run=server", "-o", "json", manifest=manifest))

    def refusal(self, *args: str, manifest: Manifest) -> str:
        """What kubectl prints when the server refuses the object."""
        with pytest.raises(ClusterError) as refused:
            self.kubectl(*(args or ("create", "--dry-run=server")), manifest=manifest)
        return str(refused.value)


@pytest.fixture(scope="module")
def user(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    applied = ("apply", "--server-side", "--force-conflicts", "--field-manager=foosets-crd-tests", "-f", str(CRDS))
    cluster.kubectl(*applied)
    until_served(cluster)
    somebody = User(cluster, tmp_path_factory.mktemp("user"))
    cluster.kubectl("create", "namespace", somebody.namespace)
    yield somebody
    cluster.kubectl("delete", "namespace", somebody.namespace, "--wait=false")


def pod(**spec: Any) -> Manifest:
    return {"spec": {"containers": [{"name": "main", "image": "example"}]} | spec}


def once() -> Manifest:
    return pod(restartPolicy="Never")


def sized(**requests: Any) -> Manifest:
    return pod(containers=[{"name": "main", "image": "example", "resources": {"requests": requests}}])


def a(kind: str, name: str = "demo", /, **spec: Any) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def batch(name: str = "workers", **spec: Any) -> Manifest:
    return {"name": name, "template": {"spec": {"template": once()} | spec}}


def service(name: str = "server", **spec: Any) -> Manifest:
    return {"name": name, "template": {"spec": {"template": pod()} | spec}}


# ---- the definitions


@pytest.mark.parametrize("kind", list(Kind))
def test_the_server_has_nothing_to_say_against_them(user: User, kind: str) -> None:
    name = committed()[kind]["metadata"]["name"]
    conditions = json.loads(user.kubectl("get", "crd", name, "-o", "json"))["status"]["conditions"]
    assert {condition["type"]: condition["status"] for condition in conditions} == {
        "NamesAccepted": "True",
        "Established": "True",
    }


def test_the_pod_template_is_this_servers(user: User) -> None:
    document = json.loads(user.kubectl("get", "--raw", "/openapi/v3/api/v1"))
    committed_schema = json.loads(FILE.read_text())
    extracted = extract(document)
    if extracted["$comment"] != committed_schema["$comment"]:
        pytest.skip(f"the server is {document['info']['version']}, the schema: {committed_schema['$comment']}")
    assert extracted == committed_schema


# ---- what is filled in


def test_defaults_of_a_fooset(user: User) -> None:
    template = once() | {"metadata": {"labels": {"app": "x"}, "annotations": {"restarted": "today"}}}
    stored = user.tried(a("FooSet", batch=[batch(template=template)], service=[service()]))["spec"]
    assert stored["batch"][0]["template"]["spec"] == {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "placement": {"strategy": "Pack"},
        "template": template,
    }
    assert stored["service"][0]["template"]["spec"] == {"replicas": 1, "minReadySeconds": 0, "template": pod()}


def test_a_pod_template_stays_as_it_was_written(user: User) -> None:
    containers = [
        {
            "name": "main",
            "image": "example",
            "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "1500m", "memory": "2Gi", "example.com/chip": 1}},
            "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 5},
            "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        }
    ]
    template = pod(containers=containers, imagePullSecrets=[{}], tolerations=[{"operator": "Exists"}])
    stored = user.tried(a("ServiceFooSet", template=template))["spec"]["template"]

    containers[0]["ports"] = [{"containerPort": 80, "protocol": "TCP"}]  # a key of the list, as in Kubernetes
    template["spec"]["imagePullSecrets"] = [{"name": ""}]  # likewise
    assert stored == template


def test_an_object_that_nobody_has_looked_at_says_so(user: User) -> None:
    created = user.kubectl("create", "-o", "json", manifest=a("FooSet", "unseen"))
    assert json.loads(created)["status"] == {"observedGeneration": -1}
    seen = FooSet.model_validate_json(created)
    assert (seen.key.namespace, seen.key.name, seen.metadata.generation) == (user.namespace, "unseen", 1)


# ---- what is refused


REFUSALS = {
    "a dot in the name": (a("FooSet", "a.b"), "metadata.name may have no dots"),
    "a name too long": (a("BatchFooSet", "n" * 44, template=once()), "metadata.name may have at most 43 characters"),
    "a service's name too long": (a("ServiceFooSet", "n" * 44, template=pod()), "metadata.name may have at most 43"),
    "names too long together": (
        a("FooSet", "n" * 40, batch=[batch("abc")]),
        "the name of each entry of spec.batch, joined by a dash, may have at most 43 characters",
    ),
    "names too long together, service": (a("FooSet", "n" * 40, service=[service("abc")]), "each entry of spec.service"),
    "a name in both lists": (
        a("FooSet", batch=[batch("x")], service=[service("x")]),
        "a name may be used only once over batch and service",
    ),
    "a name twice in one list": (a("FooSet", batch=[batch("x"), batch("x")]), 'Duplicate value: {"name":"x"}'),
    "an entry's name in capitals": (a("FooSet", batch=[batch("X")]), "spec.batch[0].name in body should match"),
    "an entry without a name": (a("FooSet", batch=[batch("")]), "spec.batch[0].name in body should match"),
    "too many entries": (a("FooSet", batch=[batch(f"x{i}") for i in range(9)]), "must have at most 8 items"),
    "batch pods that restart for ever": (
        a("FooSet", batch=[batch(template=pod(restartPolicy="Always"))]),
        "template.spec.restartPolicy must be Never or OnFailure",
    ),
    "batch pods with the default restartPolicy": (
        a("BatchFooSet", template=pod()),
        "template.spec.restartPolicy must be Never or OnFailure",
    ),
    "service pods that end": (
        a("FooSet", service=[service(template=once())]),
        "template.spec.restartPolicy must be Always",
    ),
    "no template": (a("BatchFooSet", parallelism=1), "spec.template: Required value"),
    "no pod spec": (a("BatchFooSet", template={}), "spec.template.spec: Required value"),
    "no containers": (a("ServiceFooSet", template={"spec": {}}), "spec.template.spec.containers: Required value"),
    "parallelism below": (a("BatchFooSet", parallelism=-1, template=once()), "greater than or equal to 0"),
    "parallelism above": (a("BatchFooSet", parallelism=100_001, template=once()), "less than or equal to 100000"),
    "completions below": (a("BatchFooSet", completions=-1, template=once()), "greater than or equal to 0"),
    "completions above": (a("BatchFooSet", completions=100_001, template=once()), "less than or equal to 100000"),
    "backoffLimit below": (a("BatchFooSet", backoffLimit=-1, template=once()), "greater than or equal to 0"),
    "backoffLimit above": (a("BatchFooSet", backoffLimit=2**31, template=once()), "backoffLimit"),
    "replicas below": (a("ServiceFooSet", replicas=-1, template=pod()), "greater than or equal to 0"),
    "replicas above": (a("ServiceFooSet", replicas=10_001, template=pod()), "less than or equal to 10000"),
    "minReadySeconds below": (a("ServiceFooSet", minReadySeconds=-1, template=pod()), "greater than or equal to 0"),
    "an unknown strategy": (
        a("BatchFooSet", placement={"strategy": "Random"}, template=once()),
        'supported values: "Pack", "Spread"',
    ),
    "a unit that does not exist": (a("ServiceFooSet", template=sized(memory="1GB")), "requests.memory in body"),
    "a fraction that is not quoted": (a("ServiceFooSet", template=sized(cpu=0.5)), "must be of type integer,string"),
    "an unknown restartPolicy": (a("ServiceFooSet", template=pod(restartPolicy="Often")), '"Always", "Never"'),
    "no limit": (a("FooQuota", hard={}), "spec.hard in body should have at least 1 properties"),
    "no limits at all": (a("FooQuota"), "spec.hard: Required value"),
    "a limit below nothing": (a("FooQuota", hard={"cpu": "-1"}), "spec.hard.cpu in body should match"),
    "a limit below nothing, not quoted": (a("FooQuota", hard={"pods": -1}), "should be greater than or equal to 0"),
    "a limit that is no quantity": (a("FooQuota", hard={"cpu": "lots"}), "spec.hard.cpu in body should match"),
    "a limit with a prefix": (a("FooQuota", hard={"requests.cpu": "1"}), "cpu, not requests.cpu"),
    "a limit on objects": (a("FooQuota", hard={"count/pods": "1"}), "a ResourceQuota's business"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(user: User, case: str) -> None:
    manifest, words = REFUSALS[case]
    assert words in user.refusal(manifest=manifest)


ACCEPTED = {
    "an empty set": a("FooSet"),
    "the longest name": a("BatchFooSet", "n" * 43, template=once()),
    "the longest names together": a("FooSet", "n" * 40, batch=[batch("ab")], service=[service("cd")]),
    "full lists": a("FooSet", batch=[batch(f"b{i}") for i in range(8)], service=[service(f"s{i}") for i in range(8)]),
    "nothing to do": a("BatchFooSet", parallelism=0, completions=0, backoffLimit=0, template=once()),
    "the most to do": a("BatchFooSet", parallelism=100_000, completions=100_000, template=once()),
    "fewer completions than parallelism": a("BatchFooSet", parallelism=5, completions=2, template=once()),
    "restart in place": a("BatchFooSet", template=pod(restartPolicy="OnFailure")),
    "Always in words": a("ServiceFooSet", replicas=10_000, template=pod(restartPolicy="Always")),
    "limits": a("FooQuota", hard={"cpu": "1.5", "memory": "20Gi", "pods": 7, "example.com/gpu": "1e3"}),
    "quantities": a("ServiceFooSet", template=sized(cpu=1, memory="1e9", **{"example.com/chip": "2"})),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_acceptances(user: User, case: str) -> None:
    assert user.tried(ACCEPTED[case])["metadata"]["name"] == ACCEPTED[case]["metadata"]["name"]


TYPOS = {
    "spec.bacth": a("FooSet", bacth=[batch()]),
    "spec.batch[0].template.spec.paralelism": a("FooSet", batch=[batch(paralelism=3)]),
    "spec.service[0].template.spec.template.spec.containers[0].imgae": a(
        "FooSet", service=[service(template=pod(containers=[{"name": "main", "imgae": "example"}]))]
    ),
    "spec.template.spec.restartpolicy": a("ServiceFooSet", template=pod(restartpolicy="Always")),
    "spec.template.metadata.finalizers": a("BatchFooSet", template=once() | {"metadata": {"finalizers": ["a/b"]}}),
}


@pytest.mark.parametrize("path", TYPOS)
def test_kubectl_apply_refuses_a_typo(user: User, path: str) -> None:
    assert f'unknown field "{path}"' in user.refusal("apply", "--dry-run=server", manifest=TYPOS[path])


def test_server_side_apply_refuses_a_typo(user: User) -> None:
    typo = a("ServiceFooSet", template=pod(schedulrName="x"))
    assert "schedulrName: field not declared in schema" in user.refusal("apply", "--server-side", manifest=typo)


# ---- how people use them


def volume(empty_dir: Manifest) -> Manifest:
    return {"spec": {"volumes": [{"name": "scratch", "emptyDir": empty_dir}]}}


EMPTIED: dict[str, tuple[Manifest, Manifest]] = {
    "annotations": ({"metadata": {"annotations": {"a": "b"}}}, {"metadata": {"annotations": {}}}),
    "metadata": ({"metadata": {"annotations": {"a": "b"}}}, {}),
    "a volume": (volume({"sizeLimit": "1Gi"}), volume({})),
}


@pytest.mark.parametrize(("before", "after"), EMPTIED.values(), ids=EMPTIED.keys())
def test_an_apply_may_leave_a_part_of_a_template_empty(user: User, before: Manifest, after: Manifest) -> None:
    name = f"emptied-{secrets.token_hex(3)}"
    stored: Manifest = {}
    for change in (before, after):
        pod = {"containers": [{"name": "main", "image": "main:1"}]} | change.get("spec", {})
        spec = {"replicas": 0, "template": change | {"spec": pod}}
        manifest = {"apiVersion": API_VERSION, "kind": "ServiceFooSet", "metadata": {"name": name}, "spec": spec}
        user.kubectl("apply", "--server-side", manifest=manifest)
        stored = json.loads(user.kubectl("get", "servicefooset", name, "-o", "json"))["spec"]["template"]
    assert stored.get("metadata", {}).get("annotations", {}) == {}
    assert stored["spec"].get("volumes", []) == after.get("spec", {}).get("volumes", [])


def test_every_part_of_a_status_is_stored(user: User) -> None:
    user.kubectl("create", manifest=a("FooSet", "full"))
    status = FooSetStatus(
        observed_generation=1,
        conditions=(Condition(type="Ready", status="True", reason="Available", last_transition_time=NOW),),
        blocked_by=BlockedBy(kind="Pod", name="p", condition="Ready", reason="CrashLoop", since=NOW),
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        trace=Trace(
            generation=1, episode=2, started_at=NOW, joined=True, parent="00-a-b-01", previous="c", closed=True
        ),
        batch_ready="1/2",
        service_ready="0/1",
        children=(ChildStatus(name="workers", kind=Kind.BATCHFOOSET, desired=20, placed=3),),
    )
    written = a("FooSet", "full") | {"status": json.loads(status.to_json())}
    replace = ("replace", "--subresource=status", "--dry-run=server", "-o", "json")
    assert FooSet.model_validate_json(user.kubectl(*replace, manifest=written)).status == status


def test_a_status_with_attempts_is_stored(user: User) -> None:
    user.kubectl("create", manifest=a("ServiceFooSet", "retried", replicas=0, template=pod()))
    status = ServiceFooSetStatus(attempts=(AttemptRange(indexes="0,3-7", attempt=2),), selector="a=b", replicas=6)
    written = a("ServiceFooSet", "retried", template=pod()) | {"status": json.loads(status.to_json())}
    replace = ("replace", "--subresource=status", "--dry-run=server", "-o", "json")
    assert ServiceFooSet.model_validate_json(user.kubectl(*replace, manifest=written)).status == status


def test_kubectl_scale(user: User) -> None:
    user.kubectl("create", manifest=a("ServiceFooSet", "scaled", replicas=0, template=pod()))
    user.kubectl("scale", "servicefooset/scaled", "--replicas=3")
    seen = ServiceFooSet.model_validate_json(user.kubectl("get", "sfs", "scaled", "-o", "json"))
    assert seen.spec.replicas == 3
    assert seen.metadata.generation == 2
    path = f"/apis/{API_VERSION}/namespaces/{user.namespace}/servicefoosets/scaled/scale"
    assert json.loads(user.kubectl("get", "--raw", path))["spec"] == {"replicas": 3}


@pytest.mark.parametrize(
    ("kind", "spec", "columns"),
    [
        ("FooSet", {}, "NAME READY BATCH SERVICE REASON TRACE AGE"),
        ("BatchFooSet", {"completions": 0, "template": once()}, "NAME READY ACTIVE SUCCEEDED FAILED REASON AGE"),
        ("ServiceFooSet", {"replicas": 0, "template": pod()}, "NAME READY REPLICAS UPDATED REASON AGE"),
        ("FooQuota", {"hard": {"cpu": "1"}}, "NAME HARD RESERVED USED WAITING AGE"),
    ],
)
def test_kubectl_get(user: User, kind: str, spec: Manifest, columns: str) -> None:
    user.kubectl("create", manifest=a(kind, "listed", **spec))
    assert user.kubectl("get", kind.lower(), "listed").splitlines()[0].split() == columns.split()
    assert f"{kind.lower()}.foo.example.com/listed" in user.kubectl("get", "foo", "-o", "name")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("fooset.spec", "The finite parts; a BatchFooSet is made for each."),
        ("batchfooset.spec.placement.strategy", "Pack fills nodes one after the other"),
        ("servicefooset.status.observedGeneration", "-1 before it has seen the object"),
        ("batchfooset.spec.template", "`kubectl explain pod.spec` describes its fields"),
    ],
)
def test_kubectl_explain(user: User, path: str, words: str) -> None:
    assert words in " ".join(published(user, path).split())


def published(user: User, path: str) -> str:
    """The explanation; a server publishes a new CRD's schema a moment after it is Established."""
    deadline = time.monotonic() + PUBLISHED_SECONDS
    while True:
        try:
            return user.kubectl("explain", path)
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
