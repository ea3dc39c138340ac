"""What the API server, or the way to it, can answer instead of success.

    ApiError
    ├── Conflict              409, or a uid that is another's: the object is not as the request presumes
    ├── AlreadyExists         409: the name is taken
    ├── NotFound              404
    ├── Expired               410: the version, or the page, is older than the server remembers
    ├── Throttled             429: come back after `retry_after`
    ├── Unauthorized          401: also after the credentials were read again
    ├── Forbidden             403: no role allows it
    │   ├── QuotaRefused            a ResourceQuota is used up
    │   ├── NamespaceTerminating    nothing can be created there any more
    │   └── AdmissionDenied         a policy or a security level said no (also as 400 or 422), or a webhook (under any
    │                               status), or a webhook that has to be asked cannot be (500)
    ├── Invalid               400, 422 and every other 4xx: the same request will never be accepted
    ├── Deposed               nothing was sent: this process may not write any more
    ├── ServerFault           5xx and what no API server says; a write may have been done
    └── Unreachable           no reply: a write may have been done
        └── Silent                  a watch that said nothing for too long

Beside it stand `NotConfigured`, before any request, and `Garbled`, for a success that makes no sense.

The tree is judged in one place, above this room. `ambiguous` says whether a write may have happened in spite of the
error; the answer to that is to read the object.
"""

# ruff: noqa: N818 - an error of this tree is named by what is the case, which is what a handler wants to read

import re
from typing import ClassVar, Final

import msgspec
from msgspec import Struct


class NotConfigured(Exception):
    """No usable kubeconfig or service account; the message names what was tried."""


class Garbled(Exception):
    """A reply that no list or watch of the resource ever gives. Nothing is known about what was missed."""


class ApiError(Exception):
    """A request that did not succeed.

    `status` is the HTTP status (0 without a reply), `reason` and `message` are the server's own words, `retry_after`
    is in seconds, or None if the server did not say.
    """

    ambiguous: ClassVar[bool] = False

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class Conflict(ApiError):
    """The object's version, uid or state is not the one the request presumes."""


class AlreadyExists(ApiError):
    """The name is taken; by whom is the caller's question."""


class NotFound(ApiError):
    """There is no such object, or no such resource."""


class Expired(ApiError):
    """A list or watch asked for a version that the server no longer has."""


class Throttled(ApiError):
    """The server wants fewer requests."""


class Unauthorized(ApiError):
    """The server does not know who we are."""


class Forbidden(ApiError):
    """The identity has no permission for the verb."""


class QuotaRefused(Forbidden):
    """A ResourceQuota of the namespace is used up."""


class NamespaceTerminating(Forbidden):
    """The namespace is going away; its contents follow without our help."""


class AdmissionDenied(Forbidden):
    """An admission policy, webhook or built-in check of the cluster refused the object."""


class Invalid(ApiError):
    """The server will never take this request."""


class Deposed(ApiError):
    """The fence was shut when the request's turn came, so that nothing was sent; see `transport`."""

    def __init__(self, message: str) -> None:
        super().__init__(0, "Deposed", message)


class ServerFault(ApiError):
    """The server, or a proxy before it, failed. A write may have been done (an etcd time-out is a 500 or 504)."""

    ambiguous = True


class Unreachable(ApiError):
    """No complete reply came: refused, reset, silent for too long. A write may have been done."""

    ambiguous = True

    def __init__(self, message: str) -> None:
        super().__init__(0, "Unreachable", message)


class Silent(Unreachable):
    """An open watch brought nothing for too long: its connection may be dead, or its resource merely quiet."""


class _Cause(Struct):
    reason: str = ""
    field: str = ""


class _Details(Struct, rename="camel"):
    causes: list[_Cause] = []
    retry_after_seconds: float = 0


class _Status(Struct):
    reason: str = ""
    message: str = ""
    code: int = 0
    details: _Details | None = None


_STATUS: Final = msgspec.json.Decoder(_Status)
_SHOWN: Final = 300  # bytes of a body that is no Status, such as a proxy's page

_WORDINGS: Final[tuple[tuple[str, type[ApiError]], ...]] = (("denied request", AdmissionDenied),)  # a policy
_WORDINGS_OF_403: Final = (
    *_WORDINGS,
    ("exceeded quota", QuotaRefused),
    (" cannot ", Forbidden),  # the authorizer: `pods is forbidden: User "x" cannot create resource "pods" ...`
    ('" is forbidden: ', AdmissionDenied),  # a built-in check, such as pod security or a LimitRange
)
"""Who refused, which the API server says in words only; the first that fits."""

_DENIED: Final = re.compile(r'admission webhook "[^"]*" denied the request')
"""How the API server begins to pass on a webhook's no. The status is the webhook's own: 409 and 500 are possible."""
_UNASKED: Final = "Internal error occurred: failed calling webhook"
"""How it begins to say that a webhook with `failurePolicy: Fail` gave no sensible answer. Nothing was stored."""

_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: ServerFault,
    409: Conflict,
    410: Expired,
    429: Throttled,
}


def error_from(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Return the error that a reply means; `body` may be anything, `retry_after` is the header as it came."""
    found = _status_in(body)
    details = found.details or _Details()
    wait = _seconds(retry_after) or _seconds(details.retry_after_seconds)
    kind = _kind(status, found.reason, found.message, details)
    return kind(status, found.reason or str(status), found.message, wait)


def error_in_stream(body: bytes) -> ApiError:
    """Return the error that the object of a watch's ERROR event means: a Status that carries its own code."""
    return error_from(_status_in(body).code or 500, body)


def _status_in(body: bytes) -> _Status:
    try:
        return _STATUS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Status(message=body[:_SHOWN].decode(errors="replace"))


def _seconds(value: str | float | None) -> float | None:
    """Seconds to wait, or None. Retry-After as a date is a proxy's habit and is not followed."""
    try:
        seconds = float(value or 0)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def _kind(status: int, reason: str, message: str, details: _Details) -> type[ApiError]:
    if _DENIED.match(message) or (status == 500 and message.startswith(_UNASKED)):
        return AdmissionDenied
    if status == 409 and reason == "AlreadyExists":
        return AlreadyExists
    if status in {400, 403, 422}:
        return _refusal(status, message, details)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Invalid if 400 <= status < 500 else ServerFault


def _refusal(status: int, message: str, details: _Details) -> type[ApiError]:
    """Tell apart who refused. A patch that names another uid than the object's counts as an attempt to change it."""
    if any(cause.reason == "NamespaceTerminating" for cause in details.causes):
        return NamespaceTerminating
    if any(cause.field == "metadata.uid" for cause in details.causes):
        return Conflict
    wordings, otherwise = (_WORDINGS_OF_403, Forbidden) if status == 403 else (_WORDINGS, Invalid)
    return next((kind for words, kind in wordings if words in message), otherwise)
