import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from foosets.api.meta import BATCHFOOSETS, FOOSETS, PODS, Key
from foosets.api.names import OWNER_UID, STAMPS, NodeName, Uid
from foosets.kube.client import Client
from foosets.kube.errors import (
    AdmissionDenied,
    AlreadyExists,
    ApiError,
    Conflict,
    Invalid,
    NotFound,
    QuotaRefused,
    ServerFault,
    Throttled,
    Unreachable,
)
from foosets.planning.actions import Apply, Bind, Confirm, Create, Delete, DryRun, Status
from foosets.planning.children import Lineage, Mark, Owner, PodStencil
from foosets.planning.stamps import Stamps
from foosets.runtime.apply import Applier, NameTaken, Written

OWNER, STRANGER = Uid("owner"), Uid("stranger")
POD = Key("ns", "pod")
NOW = 1_800_000_000_000_001
CREATE = Create(PODS, "ns", "pod", b"{}", OWNER)
TRIAL = DryRun(PODS, Owner(BATCHFOOSETS, "ns", "set", OWNER, Lineage("set", OWNER)), "set-x-dry-run", b"{}")
BIND = Bind("ns", "pod", Uid("pod-uid"), NodeName("n1"))


def stored(
    owner: Uid = OWNER, node: str = "", uid: str = "pod-uid", *, label: str = OWNER, leaving: bool = False
) -> bytes:
    references = [{"uid": owner, "kind": "BatchFooSet", "name": "set", "controller": True}]
    metadata = {"uid": uid, "resourceVersion": "7", "ownerReferences": references, "labels": {OWNER_UID: label}}
    if leaving:
        metadata["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    return json.dumps({"metadata": metadata, "spec": {"nodeName": node}}).encode()


@dataclass
class Answers:
    """A client whose verbs answer as told: bytes are returned, errors raised."""

    create: Any = None
    dry_run_create: Any = None
    get: Any = None
    apply: Any = None
    delete: Any = None
    bind: Any = None
    put_status: Any = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def client(answers: Answers) -> Client:
    def verb(name: str) -> Callable[..., Any]:
        async def call(*args: object, **options: object) -> bytes:
            answers.calls.append((name, {"args": args, **options}))
            answer = getattr(answers, name)
            if isinstance(answer, ApiError):
                raise answer
            return answer

        return call

    return cast(
        "Client", type("Verbs", (), {n: staticmethod(verb(n)) for n in Answers.__annotations__ if n != "calls"})
    )


async def perform(action: Any, **answers: Any) -> Written:
    return await applier(Answers(**answers)).perform(action)


def applier(answers: "Answers") -> Applier:
    return Applier(client(answers), lambda: NOW)


async def test_a_create_returns_what_the_server_stored() -> None:
    assert await perform(CREATE, create=stored()) == Written(PODS, POD, Uid("pod-uid"), 7)


async def test_a_create_says_when_it_was_sent() -> None:
    stencil = PodStencil(Owner(BATCHFOOSETS, "ns", "set", OWNER, Lineage("set", OWNER)), {}, "r", "controller")
    planned = stencil.body(
        Mark(0, 0, "n1", "", Stamps(decide=1_700_000_000_000_000, create=1_700_000_000_000_007).render())
    )
    answers = Answers(create=stored())

    await applier(answers).perform(Create(PODS, "ns", "pod", planned, OWNER))

    said = json.loads(answers.calls[0][1]["args"][2])["metadata"]["annotations"][STAMPS]
    assert Stamps.parse(said) == Stamps(decide=1_700_000_000_000_000, create=NOW)


async def test_a_dry_run_leaves_nothing_behind_but_the_answer() -> None:
    answers = Answers(dry_run_create=stored())
    written = await applier(answers).perform(TRIAL)
    assert written == Written(PODS, Key("ns", "set-x-dry-run"), Uid(""), 0, answer=stored())
    assert answers.calls == [("dry_run_create", {"args": (PODS, "ns", b"{}")})]


async def test_where_a_webhook_keeps_dry_runs_from_happening_the_answer_is_empty() -> None:
    refusal = Invalid(400, "BadRequest", 'admission webhook "old.example.com" does not support dry run')
    assert (await perform(TRIAL, dry_run_create=refusal)).answer == b""


REFUSALS = [
    Invalid(422, "Invalid", "spec.containers: Required value"),
    QuotaRefused(403, "Forbidden", "exceeded quota"),
    AdmissionDenied(403, "Forbidden", "violates PodSecurity"),
    AlreadyExists(409, "AlreadyExists", "there"),
    Throttled(429, "TooManyRequests", "later"),
    ServerFault(500, "InternalError", "etcdserver: request timed out"),
    Unreachable("reset"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
async def test_a_refused_or_lost_dry_run_is_told_and_nothing_is_looked_for(refusal: ApiError) -> None:
    answers = Answers(dry_run_create=refusal)
    with pytest.raises(type(refusal)):
        await applier(answers).perform(TRIAL)
    assert [verb for verb, _ in answers.calls] == ["dry_run_create"]


LOST = [Unreachable("reset"), ServerFault(504, "Timeout", "etcd"), AlreadyExists(409, "AlreadyExists", "there")]


@pytest.mark.parametrize("refusal", LOST, ids=lambda error: type(error).__name__)
async def test_a_create_without_a_clear_answer_succeeded_if_the_object_there_is_ours(refusal: ApiError) -> None:
    written = await perform(CREATE, create=refusal, get=stored())

    assert (written.uid, written.resource_version) == ("pod-uid", 7)


@pytest.mark.parametrize("refusal", LOST, ids=lambda error: type(error).__name__)
async def test_an_object_of_another_owner_is_never_adopted(refusal: ApiError) -> None:
    with pytest.raises(NameTaken, match="belongs to another owner"):
        await perform(CREATE, create=refusal, get=stored(STRANGER))


async def test_a_pod_that_names_the_owner_but_has_not_its_label_is_anothers() -> None:
    with pytest.raises(NameTaken, match="belongs to another owner"):
        await perform(CREATE, create=LOST[-1], get=stored(label=""))


async def test_a_create_that_never_happened_is_reported_as_it_failed() -> None:
    with pytest.raises(Unreachable, match="reset"):
        await perform(CREATE, create=Unreachable("reset"), get=NotFound(404, "NotFound", "gone"))


NONSENSE = [
    b"",
    b"<html>",
    b"[1, 2]",
    b"{}",
    b'{"kind":"Status"}',
    b'{"metadata":{"uid":"u","resourceVersion":""}}',
    b"\xff",
]
STATUS = Status(BATCHFOOSETS, "ns", "set", Uid("u"), "7", b"{}")


@pytest.mark.parametrize("answer", NONSENSE)
async def test_a_create_whose_success_makes_no_sense_succeeded_if_the_object_is_there(answer: bytes) -> None:
    written = await perform(CREATE, create=answer, get=stored())
    assert (written.uid, written.resource_version) == ("pod-uid", 7)


@pytest.mark.parametrize("answer", NONSENSE)
async def test_another_success_that_makes_no_sense_is_a_fault_of_the_server(answer: bytes) -> None:
    with pytest.raises(ServerFault, match="makes no sense"):
        await perform(Apply(BATCHFOOSETS, "ns", "set", b"{}", OWNER), apply=answer)
    with pytest.raises(ServerFault, match="makes no sense"):
        await perform(STATUS, put_status=answer)


async def test_a_clear_refusal_is_not_looked_into() -> None:
    answers = Answers(create=Conflict(409, "Conflict", "no"))
    with pytest.raises(Conflict):
        await applier(answers).perform(CREATE)
    assert [name for name, _ in answers.calls] == ["create"]


async def test_a_delete_means_one_uid_and_gone_is_success() -> None:
    answers = Answers(delete=NotFound(404, "NotFound", "gone"))

    written = await applier(answers).perform(Delete(PODS, "ns", "pod", Uid("pod-uid")))

    assert written.deleted
    assert answers.calls[0][1]["uid"] == "pod-uid"


async def test_a_delete_of_a_successor_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        await perform(Delete(PODS, "ns", "pod", Uid("old")), delete=Conflict(409, "Conflict", "uid"))


CONFIRM = Confirm(FOOSETS, "ns", "set", Uid("set-uid"))


async def test_who_is_there_is_confirmed_at_the_version_that_was_read() -> None:
    answers = Answers(get=stored(uid="set-uid"))
    assert await applier(answers).perform(CONFIRM) == Written(FOOSETS, Key("ns", "set"), Uid("set-uid"), 7)
    assert answers.calls == [("get", {"args": (FOOSETS, "ns", "set")})]


@pytest.mark.parametrize(
    "answer",
    [NotFound(404, "NotFound", "gone"), stored(uid="successor"), stored(uid="set-uid", leaving=True)],
    ids=["gone", "a successor", "on its way out"],
)
async def test_who_is_gone_or_going_is_a_conflict_with_what_the_cache_says(answer: bytes | ApiError) -> None:
    with pytest.raises(Conflict, match="FooSet set is gone, or on its way out"):
        await perform(CONFIRM, get=answer)


async def test_an_apply_that_met_a_stranger_says_so() -> None:
    action = Apply(BATCHFOOSETS, "ns", "set", b"{}", OWNER)
    with pytest.raises(NameTaken):
        await perform(action, apply=stored(STRANGER))


@pytest.mark.parametrize(("node", "bound"), [("n1", True), ("n2", False), ("", False)])
async def test_a_binding_whose_reply_was_lost_is_judged_by_the_pod(node: str, *, bound: bool) -> None:
    answers = {"bind": Unreachable("reset"), "get": stored(node=node)}
    if bound:
        assert (await perform(BIND, **answers)).uid == "pod-uid"
        return
    with pytest.raises(Unreachable):
        await perform(BIND, **answers)


@pytest.mark.parametrize(
    ("pod", "outcome"),
    [
        (stored(node="n1"), None),
        (stored(node="other"), Conflict),
        (stored(uid="another"), Conflict),
        (stored(leaving=True), Conflict),
        (stored(), ServerFault),
    ],
)
async def test_a_binding_that_is_a_conflict_is_judged_by_the_pod(pod: bytes, outcome: type[ApiError] | None) -> None:
    answers = {"bind": Conflict(409, "Conflict", "etcdserver: request timed out"), "get": pod}
    if outcome is None:
        assert await perform(BIND, **answers) == Written(PODS, POD, Uid("pod-uid"), 0)
        return
    with pytest.raises(outcome) as raised:
        await perform(BIND, **answers)
    assert type(raised.value) is outcome
    assert (raised.value.status, raised.value.message) == (409, "etcdserver: request timed out")


async def test_a_status_carries_the_identity_and_version_it_was_made_from() -> None:
    answers = Answers(put_status=stored())

    await applier(answers).perform(Status(BATCHFOOSETS, "ns", "set", OWNER, "6", b"{}"))

    assert {key: answers.calls[0][1][key] for key in ("uid", "resource_version")} == {
        "uid": OWNER,
        "resource_version": "6",
    }


BEGINNING = (
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"pod","namespace":"ns","uid":"pod-uid","resourceVersion":"7"'
)
HOSTILE = r'"annotations":{"a":"\",\"uid\":\"x\",\"resourceVersion\":\"8\"","resourceVersion":"9","uid":"y"}'


@pytest.mark.parametrize(
    "reply",
    [
        BEGINNING + "," + HOSTILE + '},"spec":{}}',
        '{"kind":"Pod","apiVersion":"v1","metadata":{' + HOSTILE + ',"uid":"pod-uid","resourceVersion":"7"}}',
        '{"metadata":{"managedFields":[{"uid":"x"}],"name":"pod","resourceVersion":"7","uid":"pod-uid"},"kind":"Pod"}',
        r'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a\",\"uid\":\"x","uid":"pod-uid","resourceVersion":"7"}}',
    ],
    ids=["as servers send it", "what users say comes first", "sorted by name", "a quoted quote"],
)
async def test_nothing_that_users_write_is_taken_for_identity_or_version(reply: str) -> None:
    assert await perform(CREATE, create=reply.encode()) == Written(PODS, POD, Uid("pod-uid"), 7)
