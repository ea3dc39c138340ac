"""The answers of an API server that does not do as asked, each a Status with its code and reason."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from foosets.api.meta import Resource
from tests.fake.record import Object
from tests.fake.schemas import Cause

_REASONS: Final = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
}


class UnsupportedError(Exception):
    """A test asks for something that the real server can do and this one cannot. Never caught, never an answer."""


class Refusal(Exception):  # noqa: N818 - it is an answer, named by what it says
    """An answer other than success."""

    def __init__(self, code: int, message: str, details: Mapping[str, Any] | None = None, *, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason or _REASONS[code]} if reason or code in _REASONS else {}),
            **({"details": dict(details)} if details else {}),
            "code": code,
        }

    @property
    def body(self) -> bytes:
        """The Status as JSON."""
        return msgspec.json.encode(self.status)


def qualified(resource: Resource, subresource: str = "") -> str:
    """Return the resource as messages name it: `pods`, `foosets.foo.example.com`."""
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return f"{plural}.{resource.group}" if resource.group else plural


def not_found(resource: Resource, name: str) -> Refusal:
    """404: there is no such object."""
    return Refusal(404, f'{qualified(resource)} "{name}" not found', _details(resource, resource.plural, name))


def already_exists(resource: Resource, name: str) -> Refusal:
    """409: the name is taken."""
    message = f'{qualified(resource)} "{name}" already exists'
    return Refusal(409, message, _details(resource, resource.plural, name), reason="AlreadyExists")


def conflict(resource: Resource, name: str, why: str, *, subresource: str = "") -> Refusal:
    """409: the object is not as the request presumes."""
    what = qualified(resource, subresource)
    kind = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return Refusal(409, f'Operation cannot be fulfilled on {what} "{name}": {why}', _details(resource, kind, name))


def modified(resource: Resource, name: str) -> Refusal:
    """409: the version is not the newest."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def another_uid(resource: Resource, name: str, meant: str, found: str) -> Refusal:
    """409: the name is another object's by now."""
    why = f"Precondition failed: UID in precondition: {meant}, UID in object meta: {found}"
    return conflict(resource, name, why)


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> Refusal:
    """422: the object breaks rules, each given as (field, message)."""
    words = ", ".join(f"{field}: {message}" for field, message, _ in causes)
    listed = [{"reason": "FieldValueInvalid", "message": message, "field": field} for field, message, _ in causes]
    details = _details(resource, resource.kind, name) | {"causes": listed}
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return Refusal(422, f'{kind} "{name}" is invalid: {words}', details)


def no_version(resource: Resource, name: str) -> Refusal:
    """422: a replacement must say of which version; the one refusal that names the resource and not the kind."""
    field, message = "metadata.resourceVersion", "Invalid value: 0: must be specified for an update"
    causes = [{"reason": "FieldValueInvalid", "message": message, "field": field}]
    details = _details(resource, resource.plural, name) | {"causes": causes}
    return Refusal(422, f'{qualified(resource)} "{name}" is invalid: {field}: {message}', details)


def not_meant(resource: Resource, name: str, why: str) -> Refusal:
    """409: the object is not the one that a deletion means; here it is the kind that is named."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
    return Refusal(409, message, _details(resource, resource.kind, name))


def internal_error(message: str) -> Refusal:
    """500: an error that the server has no word for."""
    return Refusal(500, message)


def bad_request(message: str) -> Refusal:
    """400: not a request that makes sense."""
    return Refusal(400, message)


def expired(message: str) -> Refusal:
    """410: the server does not remember that version any more."""
    return Refusal(410, message)


def _details(resource: Resource, kind: str, name: str) -> dict[str, Any]:
    return {"name": name, **({"group": resource.group} if resource.group else {}), "kind": kind}
