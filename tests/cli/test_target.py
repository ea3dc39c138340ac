"""Which object the words of a command line name."""

import pytest

from foosets.api import crd
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, SERVICEFOOSETS, Resource
from foosets.cli.target import SHORT_NAMES, NotUnderstoodError, Target, checked, target_of


@pytest.mark.parametrize(
    ("words", "resource", "name"),
    [
        (["demo"], None, "demo"),
        (["fs/demo"], FOOSETS, "demo"),
        (["fs", "demo"], FOOSETS, "demo"),
        (["FooSet/demo"], FOOSETS, "demo"),
        (["foosets.foo.example.com/demo"], FOOSETS, "demo"),
        (["foosets.v1alpha1.foo.example.com/demo"], FOOSETS, "demo"),
        (["bfs/demo-workers"], BATCHFOOSETS, "demo-workers"),
        (["batchfooset", "demo-workers"], BATCHFOOSETS, "demo-workers"),
        (["servicefoosets/demo-server"], SERVICEFOOSETS, "demo-server"),
        (["fooquota", "team"], FOOQUOTAS, "team"),
        (["po/demo-server-4ao3v-0"], PODS, "demo-server-4ao3v-0"),
        (["pods", "demo-server-4ao3v-0"], PODS, "demo-server-4ao3v-0"),
    ],
)
def test_an_object_is_named_as_kubectl_has_it(words: list[str], resource: Resource | None, name: str) -> None:
    assert target_of(words) == Target(resource, name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deployment/demo"], "'deployment' is none of the kinds fooset, batchfooset, servicefooset, fooquota, pod"),
        (["fs/demo", "other"], "'fs/demo other' names no object: say KIND/NAME, KIND NAME or NAME"),
        (["fs", "demo", "other"], "'fs demo other' names no object: say KIND/NAME, KIND NAME or NAME"),
        (["a/b/c"], "'a/b/c' names no object: say KIND/NAME, KIND NAME or NAME"),
        (["fs/"], "'' cannot be a name: lower case letters, digits, dashes and dots"),
        (["fs/../secrets"], "'fs/../secrets' names no object: say KIND/NAME, KIND NAME or NAME"),
        (["demo?watch=true"], "'demo?watch=true' cannot be a name: lower case letters, digits, dashes and dots"),
    ],
)
def test_what_names_no_object_is_refused_in_a_line(words: list[str], said: str) -> None:
    with pytest.raises(NotUnderstoodError) as refused:
        target_of(words)
    assert str(refused.value) == said


def test_a_name_is_checked_before_it_becomes_part_of_a_path() -> None:
    assert checked("a.b-c") == "a.b-c"
    for name in ("", "-a", "A", "a/b", "ä", "a b", "a\n"):
        with pytest.raises(NotUnderstoodError):
            checked(name)


def test_the_short_names_are_those_of_the_crds() -> None:
    defined = {definition.short_name: definition.resource for definition in crd.DEFINITIONS}
    assert {short: resource for short, resource in SHORT_NAMES.items() if resource is not PODS} == defined
