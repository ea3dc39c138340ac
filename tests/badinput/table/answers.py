"""What the API server answers, or what is in between: refusals of all kinds, and answers that make no sense."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from e2e.faults.faults import (
    Answer,
    CutReply,
    Expire,
    Fault,
    GarbleLine,
    NewerLine,
    StrangeLine,
    StretchLine,
)
from e2e.faults.points import EACH, Point, Verb
from foosets.api.names import Kind, Reason

BATCH_POD: Final = ("batchfooset", Verb.CREATE, "pods")
SERVICE_POD: Final = ("servicefooset", Verb.CREATE, "pods")
BATCH: Final = ("fooset", Verb.PATCH, "batchfoosets")
BINDING: Final = ("scheduler", Verb.CREATE, "pods/binding")
STATUS: Final = ("servicefooset", Verb.UPDATE, "servicefoosets/status")
PODS_SEEN: Final = ("servicefooset", Verb.WATCH, "pods")
BATCHES_SEEN: Final = ("fooset", Verb.WATCH, "batchfoosets")
HTML: Final = b"<html><body>502 Bad Gateway</body></html>"
QUOTA: Final = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
LIMIT: Final = 'pods "x" is forbidden: maximum memory usage per Container is 1Mi, but limit is 16Mi'
LEVEL: Final = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged'
ROLE: Final = 'pods is forbidden: User "y" cannot create resource "pods" in API group "" in the namespace "z"'
SPEC: Final = 'Pod "x" is invalid: spec.containers[0].image: Required value'
UNASKED: Final = 'Internal error occurred: failed calling webhook "h": failed to call webhook: Post "https://x": EOF'
HOOK: Final = 'admission webhook "h" denied the request: no'
PATCH: Final = "Internal error occurred: error in remove for path: '/x': Unable to remove nonexistent key: x"
LARGE: Final = "etcdserver: request is too large"

Where = tuple[str, Verb, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request or a line that is met by a fault once; afterwards all is as if nothing had been."""

    name: str
    at: Where
    fault: Callable[[Point], Fault]

    def faults(self, namespace: str) -> list[Fault]:
        """Return the fault at the second line about the namespace, or at its first request."""
        component, verb, resource = self.at
        ordinal = 2 if verb is Verb.WATCH else 1
        return [self.fault(Point(component, verb, resource, namespace, ordinal=ordinal))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A request that is answered so until somebody mends it, and what a set says meanwhile."""

    name: str
    at: Where
    code: int
    message: str
    reason: Reason
    says: tuple[str, str]
    """Kind and name of the set."""

    def faults(self, namespace: str) -> list[Fault]:
        """Return the fault at each of the requests."""
        component, verb, resource = self.at
        where = Point(component, verb, resource, namespace, ordinal=EACH)
        return [Answer(where, self.code, _REASONS.get(self.code, ""), message=self.message)]


_REASONS: Final = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    504: "Timeout",
}


def _status(code: int, *, retry_after: int | None = None, message: str = "no") -> Callable[[Point], Fault]:
    return lambda at: Answer(at, code, _REASONS.get(code, ""), retry_after=retry_after, message=message)


def _says(code: int, content: bytes) -> Callable[[Point], Fault]:
    return lambda at: Answer(at, code, "", content=content)


ONCE: Final[tuple[Once, ...]] = (
    Once(name="408", at=SERVICE_POD, fault=_status(408)),
    Once(name="409 of nobody's making", at=BATCH, fault=_status(409)),
    Once(name="429", at=SERVICE_POD, fault=_status(429)),
    Once(name="429, come back in a second", at=BINDING, fault=_status(429, retry_after=1)),
    Once(name="500", at=BATCH_POD, fault=_status(500, message="etcdserver: leader changed")),
    Once(name="502 with a page", at=BATCH, fault=_says(502, HTML)),
    Once(name="504", at=BINDING, fault=_status(504)),
    Once(name="503 with nothing", at=STATUS, fault=_says(503, b"")),
    Once(name="a success that is no JSON", at=SERVICE_POD, fault=_says(201, HTML)),
    Once(name="a success that says nothing", at=BATCH_POD, fault=_says(201, b"")),
    Once(name="a success of another shape", at=BATCH, fault=_says(200, b"[1, 2]")),
    Once(name="a success without metadata", at=STATUS, fault=_says(200, b'{"kind": "Status"}')),
    Once(name="an answer that is cut, of a create", at=SERVICE_POD, fault=CutReply),
    Once(name="an answer that is cut, of an apply", at=BATCH, fault=CutReply),
    Once(name="a line of no JSON", at=PODS_SEEN, fault=GarbleLine),
    Once(name="a line above 4 MiB", at=BATCHES_SEEN, fault=StretchLine),
    Once(name="an event of an unknown type", at=PODS_SEEN, fault=StrangeLine),
    Once(name="an event of an unknown type, of a child", at=BATCHES_SEEN, fault=StrangeLine),
    Once(name="an object of a newer version", at=PODS_SEEN, fault=NewerLine),
    Once(name="an object of a newer version, a child", at=BATCHES_SEEN, fault=NewerLine),
    Once(name="an error event", at=BATCHES_SEEN, fault=Expire),
)

SERVICE_SET: Final = (Kind.SERVICEFOOSET, "app-server")
BATCH_SET: Final = (Kind.BATCHFOOSET, "app-workers")
WHOLE_SET: Final = (Kind.FOOSET, "app")


def _lasting(name: str, at: Where, code: int, message: str, reason: Reason) -> Lasting:
    says = {BATCH_POD: BATCH_SET, SERVICE_POD: SERVICE_SET}.get(at, WHOLE_SET)
    return Lasting(name=name, at=at, code=code, message=message, reason=reason, says=says)


LASTING: Final[tuple[Lasting, ...]] = (
    _lasting("a quota", BATCH_POD, 403, QUOTA, Reason.QUOTA_EXCEEDED),
    _lasting("a limit", SERVICE_POD, 403, LIMIT, Reason.ADMISSION_DENIED),
    _lasting("a security level", BATCH_POD, 403, LEVEL, Reason.ADMISSION_DENIED),
    _lasting("a right that was taken away", SERVICE_POD, 403, ROLE, Reason.ADMISSION_DENIED),
    _lasting("a policy", BATCH, 422, 'ValidatingAdmissionPolicy "p" denied request: no', Reason.ADMISSION_DENIED),
    _lasting("a pod that is invalid", SERVICE_POD, 422, SPEC, Reason.INVALID_POD_TEMPLATE),
    _lasting("a request that is none", BATCH_POD, 400, "no", Reason.INVALID_POD_TEMPLATE),
    _lasting("an object above 1.5 MiB", BATCH, 413, LARGE, Reason.INVALID_POD_TEMPLATE),
    _lasting("a method that is not served", SERVICE_POD, 405, "no", Reason.INVALID_POD_TEMPLATE),
    _lasting("a webhook that is not there", SERVICE_POD, 500, UNASKED, Reason.ADMISSION_DENIED),
    _lasting("a webhook that says no in its own way", BATCH_POD, 409, HOOK, Reason.ADMISSION_DENIED),
    _lasting("a webhook whose patch fits nothing", BATCH_POD, 500, PATCH, Reason.SERVER_FAULT),
    _lasting("too many requests", SERVICE_POD, 429, "later", Reason.SERVER_FAULT),
    _lasting("a database that is full", BATCH, 500, "etcdserver: mvcc: database space exceeded", Reason.SERVER_FAULT),
)
