"""A cluster without the policies is as safe: what they refuse is shown. And one that gets them later goes on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from e2e.cluster.chart import CHART, NAMESPACE, RELEASE
from e2e.cluster.errors import ClusterError
from foosets.api import names
from tests.builders import Raw, template
from tests.e2e import causes
from tests.e2e.story import PLURALS, Story
from tests.e2e.test_causes import SHOWN_WITHIN, mended, shown
from tests.faulty import FAULTY, of_fooset
from tests.planning.test_rules import judged

pytestmark = pytest.mark.cluster

FAULT: Raw = {"template": template(nodeName="n1")}
SERVED: Raw = {"template": template(nodeName="n1", restartPolicy="Always")}
KINDS = {"FooSet": of_fooset("BatchFooSet", FAULT), "BatchFooSet": FAULT, "ServiceFooSet": SERVED}
FINALIZER = "example.com/hold"


def manifest(kind: str, name: str, spec: Raw, **metadata: Any) -> Any:
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def cause(story: Story, kind: str, name: str) -> tuple[str, str]:
    """Reason and message of what blocks a set; nothing while it has not been looked at."""
    blocked = story.get(kind, name)["status"].get("blockedBy") or {}
    return blocked.get("reason", ""), blocked.get("message", "")


def test_every_fault_is_told_by_the_controllers_and_nothing_is_made_of_it(unguarded_story: Story) -> None:
    named = {f"faulty-{number}": faulty for number, faulty in enumerate(FAULTY.values())}
    unguarded_story.apply(*(manifest(faulty.kind, name, faulty.spec) for name, faulty in named.items()))
    expected = {name: judged(faulty.kind, faulty.spec) for name, faulty in named.items()}
    told: dict[str, tuple[str, str]] = {}

    def all_told() -> bool:
        told.update({name: cause(unguarded_story, faulty.kind, name) for name, faulty in named.items()})
        return all(reason for reason, _ in told.values())

    unguarded_story.until(all_told)
    assert told == {name: (fault.reason, fault.message) for name, fault in expected.items() if fault is not None}
    assert unguarded_story.pods() == []
    for plural in ("batchfoosets", "servicefoosets"):
        assert unguarded_story.kubectl("get", plural, "--selector", names.CHILD, "--output", "name") == ""


def test_a_template_that_our_placers_do_not_honour_is_a_cause_like_any_other(unguarded_story: Story) -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    unguarded_story.apply(causes.changed(causes.workers(), lambda template: template["spec"].update(volumes=[claim])))
    shown(unguarded_story, "UnsupportedTemplate", causes.TOP, SHOWN_WITHIN)
    assert unguarded_story.pods() == []
    unguarded_story.apply(causes.workers())
    mended(unguarded_story)


# ---- policies that come later


@pytest.fixture
def governed(unguarded_story: Story) -> Iterator[Story]:
    """A namespace with a faulty set of each kind, on which the policy is put in force afterwards."""
    for kind, spec in KINDS.items():
        unguarded_story.apply(manifest(kind, "old", spec, finalizers=[FINALIZER]))
        unguarded_story.until(lambda kind=kind: cause(unguarded_story, kind, "old")[0])
    shown = ("--show-only", "templates/policies/templates.yaml", "--namespace", NAMESPACE)
    policy, binding = yaml.safe_load_all(unguarded_story.suite.helm("template", RELEASE, str(CHART), *shown))
    here = {"matchLabels": {"kubernetes.io/metadata.name": unguarded_story.namespace}}
    binding["spec"]["matchResources"] = {"namespaceSelector": here}  # others share the cluster
    unguarded_story.suite.client.apply(policy, binding)
    try:
        unguarded_story.until(lambda: is_refused(unguarded_story, manifest("BatchFooSet", "new", FAULT)))
        yield unguarded_story
    finally:
        kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding"
        unguarded_story.suite.kubectl("delete", kinds, policy["metadata"]["name"])
        for kind in KINDS:
            if unguarded_story.exists(kind, "old"):
                patch(unguarded_story, kind, {"metadata": {"finalizers": None}})


def is_refused(story: Story, made: Any) -> bool:
    try:
        story.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(made))
    except ClusterError as refused:
        return "ValidatingAdmissionPolicy 'foosets-templates'" in refused.message
    return False


def patch(story: Story, kind: str, change: Any) -> None:
    story.kubectl("patch", PLURALS[kind], "old", "--type", "merge", "--patch", json.dumps(change))


def test_what_was_there_before_the_policy_is_still_labelled_scaled_and_deleted(governed: Story) -> None:
    for kind, plural in PLURALS.items():
        governed.kubectl("label", plural, "old", "team=blue")
        governed.kubectl("annotate", plural, "old", "note=mine")
        governed.kubectl("patch", plural, "old", "--subresource=status", "--type=merge", "--patch", '{"status":{}}')
        with pytest.raises(ClusterError, match="nodeName must be empty"):
            patch(governed, kind, {"spec": changed(governed.get(kind, "old")["spec"])})
    governed.kubectl("scale", "servicefoosets", "old", "--replicas=3")
    assert governed.get("ServiceFooSet", "old")["spec"]["replicas"] == 3
    for kind, plural in PLURALS.items():
        governed.kubectl("delete", plural, "old", "--wait=false")
        patch(governed, kind, {"metadata": {"finalizers": None}})
        governed.until(lambda kind=kind: not governed.exists(kind, "old"))


def changed(spec: Any) -> Any:
    """A spec with one more label on its pods, and the fault that it had."""
    if "batch" in spec:
        (part,) = spec["batch"]
        child = {**part["template"], "spec": changed(part["template"]["spec"])}
        return {"batch": [{**part, "template": child}]}
    return {"template": {**spec["template"], "metadata": {"labels": {"team": "blue"}}}}


def test_a_fault_that_was_there_before_is_mended(governed: Story) -> None:
    patch(governed, "BatchFooSet", {"spec": {"template": {"spec": {"nodeName": None}}}})
    governed.until(governed.pods)
