from collections.abc import Callable

import pytest

from foosets.planning import rules
from tests.builders import Raw, template

Rule = Callable[[Raw], str]


def with_metadata(**metadata: dict[str, str]) -> Raw:
    return {"metadata": metadata} | template()


FINE = {
    "a plain template": template(),
    "users' labels": with_metadata(labels={"app": "a", "foo.example.com": "x", "foo.example.comet/x": "y"}),
    "simulated nodes' annotations": with_metadata(annotations={"e2e.foo.example.com/fate": "exit"}),
    "volumes that need no claim": template(volumes=[{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {}}]),
    "node affinity": template(affinity={"nodeAffinity": {}}),
    "empty relations": template(affinity={"podAffinity": {}}, topologySpreadConstraints=[], resourceClaims=[]),
}


@pytest.mark.parametrize("fine", FINE.values(), ids=FINE.keys())
@pytest.mark.parametrize("rule", [rules.batch_template, rules.service_template])
def test_nothing_is_said_of_what_the_suite_can_run(rule: Rule, fine: Raw) -> None:
    assert rule(fine) == ""


AT_FAULT = {
    "a label of ours": (with_metadata(labels={"foo.example.com/index": "1"}), "foo.example.com/index"),
    "an annotation of ours": (with_metadata(annotations={"foo.example.com/stamps": ""}), "foo.example.com"),
    "a node": (template(nodeName="n1"), "nodeName must be empty"),
    "a claim": (template(volumes=[{"name": "data", "persistentVolumeClaim": {}}]), "volume data"),
    "an ephemeral volume": (template(volumes=[{"name": "data", "ephemeral": {}}]), "volume data"),
    "resource claims": (template(resourceClaims=[{"name": "gpu"}]), "resourceClaims"),
    "spread": (template(topologySpreadConstraints=[{"maxSkew": 1}]), "topologySpreadConstraints"),
    "affinity": (template(affinity={"podAffinity": {"x": []}}), "podAffinity"),
    "anti-affinity": (template(affinity={"podAntiAffinity": {"x": []}}), "podAntiAffinity"),
}


@pytest.mark.parametrize(("fault", "says"), AT_FAULT.values(), ids=AT_FAULT.keys())
@pytest.mark.parametrize("rule", [rules.batch_template, rules.service_template])
def test_a_fault_is_named(rule: Rule, fault: Raw, says: str) -> None:
    assert says in rule(fault)


NEEDS_KUBE_SCHEDULER = ["a claim", "an ephemeral volume", "resource claims", "spread", "affinity", "anti-affinity"]


@pytest.mark.parametrize("case", NEEDS_KUBE_SCHEDULER)
def test_what_only_kube_scheduler_can_place_names_the_way_out_and_the_way_out_works(case: str) -> None:
    fault, _ = AT_FAULT[case]
    assert "schedulerName: default-scheduler" in rules.service_template(fault)
    assert rules.service_template({"spec": fault["spec"] | {"schedulerName": "default-scheduler"}}) == ""


@pytest.mark.parametrize("case", ["a label of ours", "an annotation of ours", "a node"])
def test_no_scheduler_is_a_way_around_the_suites_own_rules(case: str) -> None:
    fault, says = AT_FAULT[case]
    assert says in rules.service_template(fault | {"spec": fault["spec"] | {"schedulerName": "default-scheduler"}})


def test_the_batch_controller_places_its_pods_itself() -> None:
    assert "schedulerName must be empty" in rules.batch_template(template(schedulerName="default-scheduler"))


@pytest.mark.parametrize("rule", [rules.batch_template, rules.service_template])
def test_a_template_without_anything_has_no_fault_of_ours(rule: Rule) -> None:
    assert rule({}) == ""
