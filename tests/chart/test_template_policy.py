"""What a set may not ask for: the API server's policy says the controllers' rules in the controllers' words."""

import json

import pytest
from chart.asking import DEPLOYER, PLAIN, created, refusal, send
from chart.manifests import Manifest

from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.builders import Raw, entry, template
from tests.faulty import FAULTY, FINE_OBJECTS, Faulty
from tests.planning.test_rules import judged

pytestmark = pytest.mark.cluster


def written(kind: str, spec: Raw, name: str = "asked") -> Manifest:
    metadata = {"name": name, "namespace": PLAIN}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY.keys())
def test_a_fault_is_refused_in_the_words_of_the_controllers(policies: LocalCluster, faulty: Faulty) -> None:
    fault = judged(faulty.kind, faulty.spec)
    assert fault is not None
    assert fault.message in refusal(policies, written(faulty.kind, faulty.spec), DEPLOYER)


@pytest.mark.parametrize(("kind", "spec"), FINE_OBJECTS.values(), ids=FINE_OBJECTS.keys())
def test_what_the_suite_can_run_is_stored(policies: LocalCluster, kind: str, spec: Raw) -> None:
    assert created(policies, written(kind, spec), DEPLOYER)["kind"] == kind


def test_a_fault_is_not_brought_in_by_an_edit(policies: LocalCluster) -> None:
    stored = send(policies, written("BatchFooSet", {"template": template()}, "edited"), DEPLOYER, "create")
    stored["spec"]["template"]["spec"]["nodeName"] = "n1"
    assert "spec.template.spec.nodeName must be empty" in refusal(policies, stored, DEPLOYER, "replace")


# ----------------------------------------------------------------------------------------- what judging costs
def largest() -> Manifest:
    """A FooSet of all entries there may be, each with ten containers, ten volumes and fifty long labels: 1.1 MB."""
    labels = {f"k{number}.{'a' * 200}/{'b' * 60}": "v" * 63 for number in range(50)}
    environment = [{"name": f"E{number}", "value": "v" * 50} for number in range(20)]
    mounts = [{"name": f"v{number}", "mountPath": f"/m{number}"} for number in range(10)]
    container = {"image": "i" * 100, "env": environment, "volumeMounts": mounts}
    pods = template(
        containers=[{"name": f"c{number}", **container} for number in range(10)],
        volumes=[{"name": f"v{number}", "emptyDir": {}} for number in range(10)],
    ) | {"metadata": {"labels": labels, "annotations": labels}}
    served = pods | {"spec": pods["spec"] | {"restartPolicy": "Always"}}
    batch = [entry(f"b{number}", {"template": pods}, labels=labels) for number in range(8)]
    service = [entry(f"s{number}", {"template": served}, labels=labels) for number in range(8)]
    return json.loads(json.dumps(written("FooSet", {"batch": batch, "service": service}, "largest")))


def test_the_largest_set_is_judged_within_the_budget(policies: LocalCluster) -> None:
    assert created(policies, largest(), DEPLOYER)["kind"] == "FooSet"


def test_the_last_fault_of_the_largest_set_is_found(policies: LocalCluster) -> None:
    faulty = largest()
    claim = {"name": "v9", "persistentVolumeClaim": {"claimName": "c"}}
    faulty["spec"]["service"][7]["template"]["spec"]["template"]["spec"]["volumes"][9] = claim
    said = "spec.service[name=s7].template.spec.template.spec.volumes[name=v9] needs a claim"
    assert said in refusal(policies, faulty, DEPLOYER)


def test_an_edit_of_the_largest_set_is_judged_within_the_budget(policies: LocalCluster) -> None:
    stored = send(policies, largest(), DEPLOYER, "create")
    stored["spec"]["batch"][0]["template"]["spec"]["parallelism"] = 2
    assert send(policies, stored, DEPLOYER, "replace")["spec"]["batch"][0]["template"]["spec"]["parallelism"] == 2
    policies.kubectl("delete", "fooset", "largest", "--namespace", PLAIN)
