import json
from typing import Any

import pytest

from foosets.kube import errors
from foosets.kube.errors import error_from, error_in_stream

POLICY = (
    "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'foosets-pod-origin' with binding 'foosets-pod-origin' "
    "denied request: only the batch controller creates placed pods"
)
UNASKED = (
    'Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: '
    'Post "https://127.0.0.1:1/?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused'
)
TERMINATING = 'pods "a" is forbidden: unable to create new content in namespace x because it is being terminated'


def body(reason: str = "", message: str = "", **details: Any) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message, "details": details or None}).encode()


@pytest.mark.parametrize(
    ("status", "reply", "expected"),
    [
        (400, body("BadRequest", "no"), errors.Invalid),
        (400, body("BadRequest", 'admission webhook "w" denied the request: no'), errors.AdmissionDenied),
        (401, body("Unauthorized", "Unauthorized"), errors.Unauthorized),
        (403, body("Forbidden", 'pods is forbidden: User "u" cannot create resource "pods"'), errors.Forbidden),
        (403, body("Forbidden", 'pods "a" is forbidden: User "u" cannot get resource "pods"'), errors.Forbidden),
        (403, body("Forbidden", 'pods "a" is forbidden: exceeded quota: q, requested: pods=1'), errors.QuotaRefused),
        (403, body("Forbidden", 'pods "a" is forbidden: violates PodSecurity "restricted"'), errors.AdmissionDenied),
        (403, body("Forbidden", TERMINATING, causes=[{"reason": "NamespaceTerminating"}]), errors.NamespaceTerminating),
        (404, body("NotFound", 'pods "a" not found'), errors.NotFound),
        (405, body("MethodNotAllowed"), errors.Invalid),
        (409, body("AlreadyExists", 'pods "a" already exists'), errors.AlreadyExists),
        (409, body("Conflict", "the object has been modified"), errors.Conflict),
        (409, b"", errors.Conflict),
        (410, body("Expired", "too old resource version"), errors.Expired),
        (413, b"Request Entity Too Large", errors.Invalid),
        (422, body("Invalid", "spec.x: Required value"), errors.Invalid),
        (422, body("Invalid", POLICY), errors.AdmissionDenied),
        (422, body("Invalid", "field is immutable", causes=[{"field": "metadata.uid"}]), errors.Conflict),
        (422, body("Invalid", "exceeded quota", causes=[{"field": "spec.x"}]), errors.Invalid),
        (429, body("TooManyRequests"), errors.Throttled),
        (500, body("InternalError", "etcdserver: request timed out"), errors.ServerFault),
        (500, body("InternalError", 'the name "failed calling webhook" is taken'), errors.ServerFault),
        (500, body("InternalError", UNASKED), errors.AdmissionDenied),
        (500, body("", 'admission webhook "w.example.com" denied the request: no'), errors.AdmissionDenied),
        (429, body("TooManyRequests", 'admission webhook "w" denied the request: no'), errors.AdmissionDenied),
        (409, body("AlreadyExists", 'admission webhook "w" denied the request: no'), errors.AdmissionDenied),
        (404, body("NotFound", 'admission webhook "w" denied the request without explanation'), errors.AdmissionDenied),
        (503, b"<html>\xff busy </html>", errors.ServerFault),
        (504, body("Timeout"), errors.ServerFault),
        (302, b"", errors.ServerFault),
    ],
)
def test_a_reply_becomes_its_error(status: int, reply: bytes, expected: type[errors.ApiError]) -> None:
    error = error_from(status, reply)
    assert type(error) is expected
    assert error.status == status
    assert error.ambiguous == issubclass(expected, errors.ServerFault)


def test_the_servers_words_are_kept() -> None:
    error = error_from(409, body("AlreadyExists", 'pods "a" already exists'))
    assert (error.reason, error.message) == ("AlreadyExists", 'pods "a" already exists')
    assert str(error) == '409 AlreadyExists: pods "a" already exists'


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("7", {}, 7.0),
        (None, {"retryAfterSeconds": 3}, 3.0),
        ("7", {"retryAfterSeconds": 3}, 7.0),
        (None, {}, None),
        ("0", {}, None),
        ("-5", {}, None),
        ("inf", {}, None),
        ("Mon, 23 Nov 2026 02:56:06 GMT", {}, None),
    ],
)
def test_retry_after_is_read(header: str | None, details: dict[str, Any], seconds: float | None) -> None:
    assert error_from(429, body("TooManyRequests", **details), header).retry_after == seconds


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (b'{"code": 410, "reason": "Expired"}', errors.Expired),
        (b'{"code": 500, "reason": "InternalError"}', errors.ServerFault),
        (b"{}", errors.ServerFault),
        (b"7", errors.ServerFault),
    ],
)
def test_an_error_event_carries_its_own_status(thing: bytes, expected: type[errors.ApiError]) -> None:
    assert type(error_in_stream(thing)) is expected


def test_no_reply_is_ambiguous() -> None:
    error = errors.Unreachable("POST /x: reset")
    assert (error.status, error.ambiguous, error.retry_after) == (0, True, None)
