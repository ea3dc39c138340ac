import json
from typing import Any

import pytest

from foosets.api.meta import BATCHFOOSETS, PODS, Key
from foosets.api.names import Uid
from foosets.api.status import POD_REQUESTS_MAX
from foosets.placement.dryruns import Admitted, passed
from foosets.placement.requests import pod_class, template_class
from foosets.planning.actions import Delete, DryRun, Plan
from foosets.planning.children import Lineage, Owner
from foosets.runtime.apply import Written
from foosets.runtime.writers import Performed
from tests.builders import template
from tests.placement.cells import as_pod

OWNER = Owner(BATCHFOOSETS, "ns", "work", Uid("work-uid"), Lineage("work", Uid("work-uid")))
ASKED = template(tolerations=[{"key": "zone"}])["spec"]
SENT = json.dumps({"spec": ASKED}).encode()
DELETE = Delete(PODS, "ns", "old", Uid("old-uid"))


def answer(**spec: Any) -> bytes:
    return json.dumps({"metadata": {"name": "work-x-dry-run", "labels": {"a": "b"}}, "spec": ASKED | spec}).encode()


@pytest.mark.parametrize(
    ("added", "shown"),
    [
        pytest.param({}, {"pods": "1"}, id="nothing"),
        pytest.param(
            {"containers": [{"name": "main", "resources": {"requests": {"cpu": "0.1", "memory": "1Mi"}}}]},
            {"cpu": "100m", "memory": "1048576", "pods": "1"},
            id="a limit range",
        ),
        pytest.param({"overhead": {"cpu": "250m"}}, {"cpu": "250m", "pods": "1"}, id="a runtime class"),
    ],
)
def test_what_admission_adds_to_a_template_counts(added: Any, shown: dict[str, str]) -> None:
    admitted = Admitted.of(SENT, answer(**added))
    assert admitted.requests == shown
    assert admitted.pods == pod_class(as_pod({"spec": ASKED | added}))


def test_the_name_node_and_labels_of_the_trial_do_not_matter() -> None:
    assert Admitted.of(SENT, answer(nodeName="any")).pods == pod_class(as_pod({"spec": ASKED}))


def test_without_an_answer_the_template_says_what_is_known() -> None:
    limits = [{"name": "main", "resources": {"limits": {"cpu": "2"}}}]
    sent = json.dumps({"spec": {"nodeName": "any", "containers": limits}}).encode()
    admitted = Admitted.of(sent, b"")
    assert admitted.requests == {"cpu": "2000m", "pods": "1"}
    assert admitted.pods == template_class({"spec": {"containers": limits}})


def test_no_more_resources_are_shown_than_fit_into_status() -> None:
    many = {f"example.com/r{number:03}": "1" for number in range(POD_REQUESTS_MAX + 5)}
    admitted = Admitted.of(SENT, answer(containers=[{"name": "main", "resources": {"requests": many}}]))
    assert list(admitted.requests) == sorted(many)[:POD_REQUESTS_MAX]
    assert len(admitted.pods.size.amounts) == POD_REQUESTS_MAX + 6


def test_a_plans_dry_run_is_told_with_its_owner_if_it_passed() -> None:
    trial = DryRun(PODS, OWNER, "work-x-dry-run", SENT)
    plan = Plan(actions=(DELETE, trial))
    deleted = Written(PODS, Key("ns", "old"), Uid("old-uid"), 0, deleted=True)
    tried = Written(PODS, Key("ns", "work-x-dry-run"), Uid(""), 0, answer=answer())
    assert list(passed(plan, Performed([deleted]))) == []
    assert list(passed(plan, Performed([deleted, tried]))) == [(OWNER, Admitted.of(SENT, answer()))]
