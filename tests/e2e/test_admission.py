"""Defaulting, validation and quota at each hop, by the examples of docs/admission.md.

Each is shown in a cluster with the admission policies and in one without: what a set may contain is judged either way.
"""

import json
import time
from typing import Any

import pytest
import yaml

from e2e.cluster.errors import ClusterError
from e2e.cluster.supervision import REPOSITORY
from foosets.api import names
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster

EXAMPLES = REPOSITORY / "docs" / "examples" / "admission"
ANEW_AFTER = 10.0
POLL_SECONDS = 0.2
COUNTED_WITHIN = 60.0
"""Seconds until Kubernetes' quota controller has counted a kind of a CRD: it looks for new ones every 30."""


def example(name: str) -> list[Any]:
    """The objects of an example, in their order."""
    return list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))


def apply_example(story: Story, name: str) -> None:
    """Apply it as a user does; a quota first, until it counts."""
    for manifest in example(name):
        story.apply(manifest)
        if manifest["kind"] == "ResourceQuota":
            story.until(lambda quota=manifest: counted(story, quota), COUNTED_WITHIN)


def counted(story: Story, quota: Any) -> bool:
    """Whether a quota counts; one that was there before its kind was known is looked at again when it is made anew."""
    deadline = time.monotonic() + ANEW_AFTER
    while time.monotonic() < deadline:
        if counts(story, quota):
            return True
        time.sleep(POLL_SECONDS)
    story.kubectl("delete", "resourcequota", quota["metadata"]["name"])
    story.apply(quota)
    return False


def counts(story: Story, quota: Any) -> bool:
    path = f"/api/v1/namespaces/{story.namespace}/resourcequotas/{quota['metadata']['name']}"
    return story.server.get(path)["status"].get("used", {}).keys() == quota["spec"]["hard"].keys()


def refusal_of(story: Story, name: str) -> str:
    with pytest.raises(ClusterError) as refused:
        apply_example(story, name)
    return refused.value.message


def condition(found: Any, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition, or three times nothing."""
    by_type = {one["type"]: one for one in found.get("status", {}).get("conditions", ())}
    one = by_type.get(kind, {})
    return one.get("status", ""), one.get("reason", ""), one.get("message", "")


def stored(story: Story, kind: str, name: str) -> Any:
    story.until(lambda: story.exists(kind, name))
    return story.get(kind, name)


# ---- FooSet


def test_what_a_fooset_leaves_out_is_defaulted_by_the_schema(anywhere: Story) -> None:
    apply_example(anywhere, "fooset-defaulting")
    spec = stored(anywhere, "FooSet", "defaulted")["spec"]["batch"][0]["template"]["spec"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 6)
    assert spec["placement"] == {"strategy": "Pack"}


def test_a_name_that_is_used_twice_is_refused_by_the_schema(anywhere: Story) -> None:
    assert "a name may be used only once over batch and service" in refusal_of(anywhere, "fooset-names")


NODE = "spec.service[name=pinned].template.spec.template.spec.nodeName must be empty"


def test_a_fooset_that_names_a_node_is_refused_by_the_policy(story: Story) -> None:
    assert NODE in refusal_of(story, "fooset-validation")


def test_a_fooset_that_names_a_node_is_shown_by_its_condition_without_the_policy(unguarded_story: Story) -> None:
    apply_example(unguarded_story, "fooset-validation")
    unguarded_story.until(lambda: condition(unguarded_story.fooset("invalid"), "Stalled")[0] == "True")
    status, reason, message = condition(unguarded_story.fooset("invalid"), "Refined")
    assert (status, reason) == ("False", "InvalidPodTemplate")
    assert message.startswith(NODE)
    assert not unguarded_story.exists("BatchFooSet", "invalid-fine")


def test_foosets_are_counted_by_a_resource_quota(anywhere: Story) -> None:
    said = refusal_of(anywhere, "fooset-quota")
    assert "exceeded quota: no-foosets, requested: count/foosets.foo.example.com=1" in said


def test_a_whole_fooset_is_reserved_before_anything_is_made_of_it(anywhere: Story) -> None:
    apply_example(anywhere, "fooset-reservation")
    anywhere.until(lambda: condition(anywhere.fooset("three-pods"), "QuotaReserved")[1] == "QuotaExceeded")
    assert "requested: pods=3" in condition(anywhere.fooset("three-pods"), "QuotaReserved")[2]
    assert not anywhere.exists("ServiceFooSet", "three-pods-server")


# ---- BatchFooSet and ServiceFooSet


def test_what_a_child_takes_from_its_parent_is_written_by_the_controller(anywhere: Story) -> None:
    apply_example(anywhere, "child-defaulting")
    child = stored(anywhere, "ServiceFooSet", "urgent-server")
    assert child["spec"]["template"]["spec"]["priorityClassName"] == "admission-example"
    assert child["spec"]["replicas"] == 1
    anywhere.until(lambda: [pod["spec"]["priority"] for pod in anywhere.pods()] == [1000])


CLAIM = "spec.template.spec.volumes[name=data] needs a claim to be bound"


def test_a_set_that_only_kube_scheduler_can_place_is_refused_by_the_policy(story: Story) -> None:
    assert CLAIM in refusal_of(story, "child-validation")


def test_a_set_that_only_kube_scheduler_can_place_is_shown_by_its_condition_without_the_policy(
    unguarded_story: Story,
) -> None:
    apply_example(unguarded_story, "child-validation")
    unguarded_story.until(
        lambda: (
            condition(unguarded_story.get("ServiceFooSet", "claiming"), "Stalled")[:2]
            == ("True", "UnsupportedTemplate")
        )
    )
    assert CLAIM in json.dumps(unguarded_story.get("ServiceFooSet", "claiming")["status"])
    assert unguarded_story.pods() == []


def test_children_are_counted_by_a_resource_quota_and_the_fooset_says_so(anywhere: Story) -> None:
    apply_example(anywhere, "child-quota")
    anywhere.until(lambda: condition(anywhere.fooset("without-child"), "Refined")[1] == "QuotaExceeded")
    cause = anywhere.fooset("without-child")["status"]["blockedBy"]
    assert (cause["kind"], cause["name"], cause["reason"]) == ("FooSet", "without-child", "QuotaExceeded")
    assert "no-batch" in cause["message"]


def test_a_set_alone_is_reserved_for_as_far_as_there_is_room(anywhere: Story) -> None:
    apply_example(anywhere, "child-reservation")
    anywhere.until(lambda: len(anywhere.pods()) == 1)
    anywhere.kubectl("scale", "servicefooset", "alone", "--replicas=3")
    anywhere.until(lambda: condition(anywhere.get("ServiceFooSet", "alone"), "QuotaReserved")[1] == "QuotaExceeded")
    anywhere.until(lambda: len(anywhere.pods()) == 2)


# ---- pods


@pytest.mark.parametrize(
    ("anywhere", "by"),
    [("story", names.ASSIGNED_BY_POLICY), ("unguarded_story", names.ASSIGNED_BY_CONTROLLER)],
    indirect=["anywhere"],
)
def test_a_pod_whose_scheduler_was_left_open_is_given_one(anywhere: Story, by: str) -> None:
    apply_example(anywhere, "pod-defaulting")
    anywhere.until(anywhere.pods)
    (pod,) = anywhere.pods()
    assert pod["spec"]["schedulerName"] == names.DEFAULT_SCHEDULER
    assert pod["metadata"]["annotations"][names.SCHEDULER_ASSIGNED_BY] == by


def test_a_pod_that_pretends_to_be_of_a_set_is_refused_by_the_policy(story: Story) -> None:
    said = refusal_of(story, "pod-validation")
    assert "pods with labels of foo.example.com/ are created by the FooSet controllers alone" in said


def test_who_asks_is_judged_by_a_policy_alone(unguarded_story: Story) -> None:
    apply_example(unguarded_story, "pod-validation")
    assert [pod["metadata"]["name"] for pod in unguarded_story.pods()] == ["pretender"]


def test_pods_are_counted_by_a_resource_quota_and_every_set_above_says_so(anywhere: Story) -> None:
    apply_example(anywhere, "pod-quota")
    anywhere.until(lambda: (anywhere.fooset("half")["status"].get("blockedBy") or {}).get("reason") == "QuotaExceeded")
    cause = anywhere.fooset("half")["status"]["blockedBy"]
    assert (cause["kind"], cause["name"]) == ("ServiceFooSet", "half-server")
    assert "one-pod" in cause["message"]
    assert len(anywhere.pods()) == 1


def test_every_example_is_shown_here_and_on_the_page() -> None:
    here = {path.stem for path in EXAMPLES.iterdir()}
    page = (REPOSITORY / "docs" / "admission.md").read_text(encoding="utf-8")
    source = (REPOSITORY / "tests" / "e2e" / "test_admission.py").read_text(encoding="utf-8")
    assert here
    assert {
        name for name in here if f"examples/admission/{name}.yaml" not in page or f'"{name}"' not in source
    } == set()
