import json

import pytest

from foosets.api import names
from foosets.planning.children import Mark
from foosets.servicefooset.children import assigned, stencil_of
from tests.servicefooset.builders import PARENT_TRACE, Raw, child_of_a_fooset, service, template


def body(scheduler: str = "", spec: Raw | None = None, **metadata: object) -> Raw:
    stencil = stencil_of(service(spec, **metadata), "rev1", scheduler)
    return json.loads(stencil.body(Mark(2, 1, "", PARENT_TRACE, "{}")))


@pytest.mark.parametrize(
    ("asked", "scheduler", "named", "by"),
    [
        ("", "", "foo-unassigned", None),
        ("", "foo-scheduler", "foo-scheduler", "controller"),
        ("default-scheduler", "", "default-scheduler", None),
        ("default-scheduler", "foo-scheduler", "default-scheduler", None),
    ],
)
def test_the_scheduler_is_the_users_else_this_controllers_else_left_to_admission(
    asked: str, scheduler: str, named: str, by: str | None
) -> None:
    pod = body(scheduler, {"template": template(schedulerName=asked) if asked else template()})
    assert pod["spec"]["schedulerName"] == named
    assert pod["metadata"]["annotations"].get(names.SCHEDULER_ASSIGNED_BY) == by


def test_a_users_annotations_stay_when_the_controller_adds_its_own() -> None:
    users = {"metadata": {"annotations": {"team": "a"}, "labels": {"app": "web"}}, **template()}
    made = assigned(users, "foo-scheduler")
    assert made["metadata"] == {
        "labels": {"app": "web"},
        "annotations": {"team": "a", names.SCHEDULER_ASSIGNED_BY: "controller"},
    }
    assert names.SCHEDULER_ASSIGNED_BY not in users["metadata"]["annotations"]


def test_a_pod_waits_for_a_scheduler_and_says_where_it_comes_from() -> None:
    pod = body(**child_of_a_fooset())
    assert "nodeName" not in pod["spec"]
    assert pod["metadata"]["name"].endswith("-2-1")
    labels = pod["metadata"]["labels"]
    assert labels[names.PLACEMENT] == "scheduler"
    assert (labels[names.SET_NAME], labels[names.SET_UID], labels[names.CHILD]) == ("demo", "root-uid", "web")
    assert (labels[names.INDEX], labels[names.ATTEMPT], labels[names.REVISION]) == ("2", "1", "rev1")
    owner = pod["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ServiceFooSet", "web", True)
