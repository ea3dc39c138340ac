from collections.abc import Callable

import pytest

from foosets.api.fooset import FooSetSpec
from foosets.planning import rules
from foosets.planning.rules import Fault
from tests.builders import Raw, template
from tests.faulty import CLAIMED, FAULTY, FINE_OBJECTS, OF_ANY, OF_OUR_PLACERS, Faulty, of_fooset


def judged(kind: str, spec: Raw) -> Fault | None:
    """What the controller of the kind says."""
    if kind == "FooSet":
        return rules.fooset(FooSetSpec.model_validate(spec))
    rule = rules.batch_template if kind == "BatchFooSet" else rules.service_template
    return rule(spec["template"])


@pytest.mark.parametrize(("kind", "spec"), FINE_OBJECTS.values(), ids=FINE_OBJECTS.keys())
def test_nothing_is_said_of_what_the_suite_can_run(kind: str, spec: Raw) -> None:
    assert judged(kind, spec) is None


@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY.keys())
def test_a_fault_is_named_by_the_path_of_its_field(faulty: Faulty) -> None:
    fault = judged(faulty.kind, faulty.spec)
    assert fault is not None
    assert fault.reason == faulty.reason
    assert fault.message.startswith(faulty.says)


@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY.keys())
def test_every_fault_names_a_way_out(faulty: Faulty) -> None:
    fault = judged(faulty.kind, faulty.spec)
    assert fault is not None
    _, _, way_out = fault.message.partition("; " if ";" in fault.message else ": ")
    assert way_out


def test_a_fault_names_its_field_however_long_a_name_in_it_is() -> None:
    fault = rules.batch_template(template(volumes=[CLAIMED | {"name": "x" * 6_000}]))
    assert fault is not None
    assert fault.message == f"spec.template.spec.volumes[name={'x' * 6_000}"[: rules.MESSAGE_MAX]


@pytest.mark.parametrize("case", OF_OUR_PLACERS)
def test_what_only_kube_scheduler_can_place_names_it(case: str) -> None:
    fault = rules.service_template(OF_OUR_PLACERS[case][0])
    assert fault is not None
    assert "schedulerName: default-scheduler" in fault.message


@pytest.mark.parametrize("case", OF_ANY)
def test_no_scheduler_is_a_way_around_the_suites_own_rules(case: str) -> None:
    pods, _, says = OF_ANY[case]
    chosen = rules.service_template(pods | {"spec": pods["spec"] | {"schedulerName": "default-scheduler"}})
    assert chosen is not None
    assert says in chosen.message


def test_of_several_faults_that_of_the_first_entry_is_named() -> None:
    bad = {"template": template(nodeName="n1")}
    two = of_fooset("ServiceFooSet", bad) | of_fooset("BatchFooSet", bad)
    fault = judged("FooSet", two)
    assert fault is not None
    assert fault.message.startswith("spec.batch[name=part]")


def test_a_pod_is_judged_by_its_own_path() -> None:
    fault = rules.unsupported_by_our_placers({"resourceClaims": [{"name": "gpu"}]})
    assert fault is not None
    assert fault.message.startswith("spec.resourceClaims need")


@pytest.mark.parametrize("rule", [rules.batch_template, rules.service_template])
def test_a_template_without_anything_has_no_fault_of_ours(rule: Callable[[Raw], Fault | None]) -> None:
    assert rule({}) is None
