"""The chart grants what docs/contract.md says, and nothing else."""

import pytest
from chart.manifests import MUTATING_POLICIES, NAMESPACE, Manifest, Render, is_hook, of_kind

from e2e.contract import ONLY_WITHOUT_POLICY, Permission, promised, qualified
from foosets.api.names import Component

COMPONENTS = [str(component) for component in Component]
ON_LEASES = {("leases.coordination.k8s.io", verb) for verb in ("get", "create", "update")}


def granted(role: Manifest) -> set[Permission]:
    return {
        (qualified(resource, group), verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_granted_is_what_the_contract_says(render: Render, component: str) -> None:
    manifests = [one for one in render("--set", "policies.schedulerName=Controller") if not is_hook(one)]
    role, own = (of_kind(manifests, kind)[f"foosets-{component}"] for kind in ("ClusterRole", "Role"))
    assert promised(component) >= ON_LEASES
    assert granted(role) == promised(component) - ON_LEASES
    assert granted(own) == ON_LEASES


def test_with_the_policy_nobody_reads_namespaces(render: Render) -> None:
    roles = of_kind(render("--api-versions", MUTATING_POLICIES), "ClusterRole")
    assert granted(roles["foosets-servicefooset"]) == promised("servicefooset") - ONLY_WITHOUT_POLICY - ON_LEASES


def test_each_component_is_bound_to_its_own_role_alone(render: Render) -> None:
    manifests = [one for one in render() if not is_hook(one)]
    for kind in ("ClusterRole", "Role"):
        bindings = of_kind(manifests, f"{kind}Binding")
        assert bindings.keys() == {f"foosets-{component}" for component in COMPONENTS}
        for name, binding in bindings.items():
            assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (kind, name)
            assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]


def test_a_components_own_lease_is_all_that_it_has_a_right_to_in_its_namespace(render: Render) -> None:
    manifests = [one for one in render() if not is_hook(one)]
    roles = of_kind(manifests, "Role")
    assert roles.keys() == of_kind(manifests, "Lease").keys() == {f"foosets-{component}" for component in COMPONENTS}
    for name, role in roles.items():
        (rule,) = role["rules"]
        assert (role["metadata"]["namespace"], rule["resourceNames"]) == (NAMESPACE, [name])


def test_the_test_may_what_the_contract_says_in_the_releases_namespace_alone(render: Render) -> None:
    hooks = [one for one in render() if is_hook(one)]
    (role,) = of_kind(hooks, "Role").values()
    (binding,) = of_kind(hooks, "RoleBinding").values()
    name = "foosets-test"
    assert granted(role) == promised("test")
    assert (role["metadata"]["name"], role["metadata"]["namespace"]) == (name, NAMESPACE)
    assert binding["metadata"]["namespace"] == NAMESPACE
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", name)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
    assert of_kind(hooks, "ClusterRoleBinding") == {}


def test_no_role_has_a_wildcard_a_secret_or_an_escalation(render: Render) -> None:
    roles = [one for one in render() if one["kind"] in {"Role", "ClusterRole"}]
    permissions = {permission for role in roles for permission in granted(role)}
    assert not any("*" in resource or "*" in verb for resource, verb in permissions)
    assert not any(
        resource.startswith(("secrets", "serviceaccounts", "roles", "clusterroles")) for resource, _ in permissions
    )
    assert {verb for _, verb in permissions}.isdisjoint({"bind", "escalate", "impersonate", "approve", "sign"})


def test_people_get_our_kinds_through_the_clusters_own_roles(render: Render) -> None:
    roles = of_kind(render(), "ClusterRole")
    viewed, edited = (granted(roles[f"foosets-{role}"]) for role in ("view", "edit"))
    assert roles["foosets-view"]["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert roles["foosets-edit"]["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert {verb for _, verb in viewed} == {"get", "list", "watch"}
    assert not any(resource.endswith("/status") for resource, _ in edited)
    assert ("foosets.foo.example.com", "create") in edited
    assert ("servicefoosets.foo.example.com/scale", "patch") in edited
