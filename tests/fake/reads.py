"""Gets and lists. A list is as of one version, also when it comes in pages."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from tests.fake.encoding import as_item
from tests.fake.kinds import Target
from tests.fake.record import Version
from tests.fake.refusals import UnsupportedError, bad_request, expired, not_found
from tests.fake.selectors import selects
from tests.fake.storage import Storage

_UNSUPPORTED: Final = ("resourceVersionMatch", "sendInitialEvents")


class _Token(Struct):
    """Where the next page begins: the list's version, and the last name of this page."""

    version: int
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Reads:
    """The reading requests of one server, but for watches."""

    storage: Storage

    def get(self, target: Target) -> bytes:
        """Return the newest version."""
        found = self.storage.get(target.resource.plural, target.key)
        if found is None:
            raise not_found(target.resource, target.name)
        return found.body

    def page(self, target: Target) -> bytes:
        """Return a page of the list, or all of it."""
        token = _token_of(target)
        if token is not None and token.version < self.storage.compacted:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter."
            )
        version = token.version if token is not None else self.storage.version
        page, rest = self._from(target, token)
        meta: dict[str, Any] = {"resourceVersion": str(version)}
        if rest:
            last = _Token(version, page[-1].namespace, page[-1].name)
            meta["continue"] = base64.urlsafe_b64encode(msgspec.json.encode(last)).decode()
            if not (target.query.get("labelSelector") or target.query.get("fieldSelector")):
                meta["remainingItemCount"] = rest
        return msgspec.json.encode(
            {
                "kind": f"{target.resource.kind}List",
                "apiVersion": target.resource.api_version,
                "metadata": meta,
                "items": [Raw(as_item(target.resource, one.body)) for one in page],
            }
        )

    def _from(self, target: Target, token: _Token | None) -> tuple[list[Version], int]:
        """Return a page, and how many objects come after it: by node, but whether or not the rest selects them."""
        plural, chosen = target.resource.plural, chooser(target)
        there = self.storage.all(plural, token.version if token is not None else None)
        ahead = [one for one in there if token is None or (one.namespace, one.name) > (token.namespace, token.name)]
        indexed = selects(plural, "", _indexed(target))
        ahead = [one for one in ahead if target.namespace in {"", one.namespace} and indexed(one.object)]
        limit, page = target.number("limit"), list[Version]()
        for place, one in enumerate(ahead, 1):
            if chosen(one.object):
                page.append(one)
            if limit and len(page) == limit:
                return page, len(ahead) - place
        return page, 0


def chooser(target: Target) -> Callable[[Any], bool]:
    """Return whether an object is among those that a list or watch asks for."""
    for parameter in _UNSUPPORTED:
        if parameter in target.query:
            raise UnsupportedError(f"the parameter {parameter}")
    query = target.query
    fits = selects(target.resource.plural, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    namespace, name = target.namespace, target.name

    def chosen(found: Any) -> bool:
        meta = found["metadata"]
        return (not namespace or meta["namespace"] == namespace) and (not name or meta["name"] == name) and fits(found)

    return chosen


def _indexed(target: Target) -> str:
    """Return the part of a field selector for which the real server has an index: what that leaves out is not there."""
    terms = target.query.get("fieldSelector", "").split(",")
    return ",".join(term for term in terms if term.startswith("spec.nodeName="))


def _token_of(target: Target) -> _Token | None:
    token = target.query.get("continue")
    if not token:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Token)
    except (ValueError, msgspec.DecodeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
