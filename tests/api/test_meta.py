import pytest

from foosets.api.meta import FOOSETS, NODES, PODS, Key, Resource
from foosets.api.names import Component, field_manager


@pytest.mark.parametrize(
    ("resource", "where", "expected"),
    [
        (PODS, (), "/api/v1/pods"),
        (PODS, ("team",), "/api/v1/namespaces/team/pods"),
        (PODS, ("team", "a"), "/api/v1/namespaces/team/pods/a"),
        (PODS, ("team", "a", "binding"), "/api/v1/namespaces/team/pods/a/binding"),
        (NODES, ("", "n1"), "/api/v1/nodes/n1"),
        (NODES, ("team", "n1"), "/api/v1/nodes/n1"),
        (FOOSETS, (), "/apis/foo.example.com/v1alpha1/foosets"),
        (FOOSETS, ("team", "demo", "status"), "/apis/foo.example.com/v1alpha1/namespaces/team/foosets/demo/status"),
    ],
)
def test_a_resource_has_the_paths_of_the_api_server(resource: Resource, where: tuple[str, ...], expected: str) -> None:
    assert resource.path(*where) == expected


def test_the_core_group_has_no_name() -> None:
    assert (PODS.api_version, FOOSETS.api_version) == ("v1", "foo.example.com/v1alpha1")


@pytest.mark.parametrize(("key", "text"), [(Key("team", "demo"), "team/demo"), (Key("", "n1"), "n1")])
def test_a_key_is_written_as_kubectl_does(key: Key, text: str) -> None:
    assert str(key) == text


def test_a_components_writes_are_named_after_it() -> None:
    assert [field_manager(component) for component in Component] == [
        "foosets-fooset",
        "foosets-batchfooset",
        "foosets-servicefooset",
        "foosets-scheduler",
        "foosets-fooquota",
    ]
