"""What commands are filled in with."""

import pytest

from foosets.api.pod import Pod
from foosets.cli.advice import Step
from foosets.cli.descent import Descent, Object
from foosets.cli.steps import Place, facts_of, filled
from tests.builders import Raw
from tests.cli.world import batch, blocked, fooset, of_container, pod, quota, service

REJECTED = {**blocked("BatchFooSet", "demo-workers", "KubeletRejected", by="Placed")}
REJECTED["lastRejection"] = {"pod": "p", "node": "n7", "reason": "OutOfcpu"}


def test_a_pod_is_called_with_its_set_and_its_root() -> None:
    facts = facts_of(Descent((fooset(), service(), pod(node="n3"))), "Pod", "work-x-0-0", "because")
    assert facts == {
        "object": "pod/work-x-0-0",
        "root": "fooset/demo",
        "set": "servicefooset/demo-server",
        "pods": "foo.example.com/set-name=demo",
        "template": "the template of part server",
        "container": "--all-containers",
        "node": "n3",
        "quota": "",
        "component": "scheduler",
    }


def test_the_container_is_the_one_that_stands_out() -> None:
    ended: list[Raw] = [{"terminated": {"exitCode": 0}}, {"terminated": {"exitCode": 3}}]
    for states in (of_container("CrashLoopBackOff"), ended[1:]):
        assert _facts(pod(containers=states))["container"] == "-c main"
    assert _facts(pod(containers=ended[:1]))["container"] == "--all-containers"


def test_between_two_crashes_the_container_is_the_one_that_was_started_again() -> None:
    runs = {"name": "other", "state": {"running": {}}}
    assert _facts(pod(statuses=[runs, {**runs, "name": "main", "restartCount": 3}]))["container"] == "-c main"


def _facts(one: Pod) -> dict[str, str]:
    return dict(facts_of(Descent((fooset(), service(), one)), "Pod", one.metadata.name, ""))


def test_the_node_is_the_one_that_refused_a_pod_last() -> None:
    assert facts_of(Descent((batch(stored=REJECTED),)), "BatchFooSet", "demo-workers", "")["node"] == "n7"
    assert facts_of(Descent((batch(),)), "BatchFooSet", "demo-workers", "")["node"] == ""


@pytest.mark.parametrize(
    ("objects", "template"),
    [
        ((fooset(),), "the template of a part"),
        ((fooset(), batch()), "the template of part workers"),
        ((batch(labels={}),), "its template"),
    ],
)
def test_the_template_is_where_the_root_has_it(objects: tuple[Object, ...], template: str) -> None:
    assert facts_of(Descent(objects), "FooSet", "demo", "")["template"] == template


def test_the_quota_is_named_by_the_api_server_or_known_from_the_way() -> None:
    said = 'pods "x" is forbidden: exceeded quota: compute.small, requested: pods=1, used: pods=2, limited: pods=2'
    assert facts_of(Descent((fooset(),)), "FooSet", "demo", said)["quota"] == "compute.small"
    assert facts_of(Descent((fooset(),), quota="team"), "FooSet", "demo", "")["quota"] == "team"


def test_a_quota_alone_stands_for_all_sets() -> None:
    facts = facts_of(Descent((quota(),), quota="team"), "FooQuota", "team", "")
    assert (facts["root"], facts["pods"], facts["component"]) == (
        "fooquota/team",
        "foo.example.com/set-name",
        "fooquota",
    )


def test_a_field_that_is_empty_leaves_no_gap() -> None:
    step = Step("see it", "kubectl describe node {node} {there}")
    assert filled([step], {"node": ""}, Place("ns")) == (Step("see it", "kubectl describe node"),)


def test_the_options_that_were_given_are_given_on() -> None:
    step = Step("see it", "kubectl get pods {here}")
    place = Place("ns", "east coast", "/k")
    (done,) = filled([step], {}, place)
    assert done.command == "kubectl get pods -n ns --context 'east coast' --kubeconfig /k"
