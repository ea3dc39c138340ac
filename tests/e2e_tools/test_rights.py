import json
from pathlib import Path
from typing import Any

import pytest

from e2e.audit import identity
from e2e.cluster.chart import NAMESPACE
from e2e.rights import Right, granted_by, not_granted, unused, used

SCHEDULER = identity("scheduler")
LEASES = "leases.coordination.k8s.io"


def role(name: str, *rules: Any, namespace: str = "") -> Any:
    kind = "Role" if namespace else "ClusterRole"
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": list(rules)}


def rule(group: str, resource: str, *verbs: str, **more: Any) -> Any:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


def binding(role: Any, *subjects: Any, namespace: str = "") -> Any:
    reference = {"kind": role["kind"], "name": role["metadata"]["name"]}
    metadata = {"name": "any", "namespace": namespace}
    return {"kind": "Binding", "metadata": metadata, "roleRef": reference, "subjects": list(subjects)}


def account(name: str, namespace: str = NAMESPACE) -> Any:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def group(name: str) -> Any:
    return {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


BINDS = role("scheduler", rule("", "pods/binding", "create"))


# --------------------------------------------------------------------------------------------------- granted
@pytest.mark.parametrize(
    "subject",
    [account("foosets-scheduler"), {"kind": "User", "name": SCHEDULER}, group(f"system:serviceaccounts:{NAMESPACE}")],
)
def test_granted_is_what_a_bound_role_says(subject: Any) -> None:
    assert granted_by([BINDS, binding(BINDS, subject)], SCHEDULER) == {Right("pods/binding", "create")}


@pytest.mark.parametrize(
    "subject",
    [
        account("foosets-fooset"),
        account("foosets-scheduler", "other"),
        {"kind": "User", "name": "foosets-scheduler"},
        group("system:authenticated"),
    ],
)
def test_what_is_bound_to_others_is_not_granted(subject: Any) -> None:
    assert granted_by([BINDS, binding(BINDS, subject)], SCHEDULER) == set()


def test_a_role_is_for_the_bindings_namespace_and_the_names_it_lists() -> None:
    lease = rule("coordination.k8s.io", "leases", "get", "update", resourceNames=["mine"])
    own = role("own", lease, namespace=NAMESPACE)
    found = granted_by(
        [own, BINDS, *(binding(one, account("foosets-scheduler"), namespace=NAMESPACE) for one in (own, BINDS))],
        SCHEDULER,
    )
    assert found == {
        Right(LEASES, "get", NAMESPACE, "mine"),
        Right(LEASES, "update", NAMESPACE, "mine"),
        Right("pods/binding", "create", NAMESPACE),
    }


def test_a_path_and_a_wildcard_are_granted_as_they_are_written() -> None:
    wide = role("wide", {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}, rule("apps", "*", "*"))
    found = granted_by([wide, binding(wide, account("foosets-scheduler"))], SCHEDULER)
    assert found == {Right("/metrics", "get"), Right("*.apps", "*")}


# ------------------------------------------------------------------------------------------------------ used
def line(verb: str, reference: Any, code: int = 200, **changes: Any) -> str:
    event = {
        "stage": "ResponseComplete",
        "verb": verb,
        "requestURI": "/version?timeout=1s",
        "user": {"username": SCHEDULER},
        "userAgent": "foosets-scheduler/0.1.0",
        "objectRef": reference,
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": "2026-01-01T12:00:00.123456Z",
        "stageTimestamp": "2026-01-01T12:00:00.234567Z",
    }
    return json.dumps(event | changes, separators=(",", ":")) + "\n"


BINDING = {"resource": "pods", "subresource": "binding", "namespace": "demo", "name": "demo-0"}
LEASE = {"apiGroup": "coordination.k8s.io", "resource": "leases", "namespace": NAMESPACE, "name": "mine"}


def asked(tmp_path: Path, *lines: str) -> set[Right]:
    log = tmp_path / "audit.log"
    log.write_text("".join(lines))
    return used(log, "scheduler")


def test_used_is_what_the_components_own_process_asked_for(tmp_path: Path) -> None:
    watch = line("watch", {"resource": "nodes"}, stage="ResponseStarted")
    found = asked(tmp_path, line("create", BINDING), line("create", BINDING), watch, line("get", {}))
    assert found == {
        Right("pods/binding", "create", "demo", "demo-0"),
        Right("nodes", "watch"),
        Right("/version", "get"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"userAgent": "kubectl/v1.37.2"},
        {"userAgent": ""},
        {"userAgent": "foosets-scheduler-of-another/1"},
        {"user": {"username": "system:admin"}},
        {"user": {"username": identity("fooset")}},
    ],
)
def test_what_somebody_else_asked_for_is_not_used(tmp_path: Path, changes: Any) -> None:
    assert asked(tmp_path, line("create", BINDING, **changes)) == set()


@pytest.mark.parametrize(
    ("verb", "code", "verbs"),
    [("update", 200, {"update"}), ("update", 201, {"update", "create"}), ("patch", 201, {"patch", "create"})],
)
def test_a_change_that_made_the_object_used_the_right_to_create_it(
    tmp_path: Path, verb: str, code: int, verbs: set[str]
) -> None:
    assert asked(tmp_path, line(verb, LEASE, code)) == {Right(LEASES, one, NAMESPACE, "mine") for one in verbs}


# -------------------------------------------------------------------------------------------------- compared
ONE = Right("pods", "create", "demo", "demo-0")


@pytest.mark.parametrize("names", [(), ("demo",), ("demo", "demo-0"), ("", "demo-0")])
def test_a_grant_covers_what_it_names_and_what_it_leaves_open(names: tuple[str, ...]) -> None:
    grant = Right("pods", "create", *names)
    assert (unused([grant], [ONE]), not_granted([ONE], [grant])) == (set(), set())


@pytest.mark.parametrize(
    "grant",
    [
        Right("pods", "create", "other"),
        Right("pods", "create", "", "demo-1"),
        Right("pods", "delete"),
        Right("pods/binding", "create"),
    ],
)
def test_what_a_grant_does_not_cover_is_too_much_on_both_sides(grant: Right) -> None:
    assert (unused([grant], [ONE]), not_granted([ONE], [grant])) == ({grant}, {ONE})


def test_a_right_reads_as_a_sentence() -> None:
    assert str(Right(LEASES, "get", NAMESPACE, "mine")) == f"get {LEASES} mine in {NAMESPACE}"
    assert str(Right("nodes", "watch")) == "watch nodes"
