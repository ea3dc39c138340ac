"""What lists and watch events say, as rows.

A codec turns one line of a watch into one `Event`, `Bookmark` or `Undecodable`, and one page of a list into a `Page`.
The usual event is decoded in a single pass straight into its row; only what does not fit is looked at twice. Three
kinds of trouble are kept apart:

* an object that the row type cannot hold is `Undecodable`: it has a key and a version, so the stream goes on after it;
* an ERROR event is the `ApiError` it carries (410 is `Expired`);
* everything else is `Garbled`: nothing is known about what was missed, so the reader must list again.
"""

from collections.abc import Callable
from types import GenericAlias
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import msgspec
import pydantic
from msgspec import Raw, Struct, field

from foosets.api.meta import Key
from foosets.kube.errors import Garbled, error_in_stream

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"
_CHANGES: Final = frozenset({ADDED, MODIFIED, DELETED})


class RowMetadata(Protocol):
    """What the reflector and the stores read of an object's metadata."""

    @property
    def uid(self) -> str:
        """Which incarnation of the name."""
        ...

    @property
    def resource_version(self) -> str:
        """A number that rises with every change of any object of the resource (KEP-5504)."""
        ...


class Row(Protocol):
    """One object as a cache holds it: a msgspec struct or a pydantic model."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        ...

    @property
    def metadata(self) -> RowMetadata:
        """Identity and version."""
        ...


R = TypeVar("R")
M = TypeVar("M", bound=pydantic.BaseModel)


class Event(Struct, Generic[R]):
    """One change: `type` is ADDED, MODIFIED or DELETED; `object` is the row after it, or before a deletion."""

    type: str
    object: R


class Bookmark(Struct, frozen=True):
    """Everything up to this version has been delivered."""

    resource_version: int


class Undecodable(Struct, frozen=True):
    """An object that its row type cannot hold. `deleted` is whether it went away; `error` says what did not fit."""

    key: Key
    resource_version: int
    deleted: bool
    error: str


class Page(Struct, Generic[R], frozen=True):
    """A part of a list: its rows, what did not become one, the list's version and where the next part begins."""

    rows: list[R]
    undecodable: list[Undecodable]
    resource_version: int
    continue_token: str


class Codec(Protocol[R]):
    """Decodes one resource. Both methods raise `Garbled`; `decode_event` also the `ApiError` of an ERROR event."""

    def decode_event(self, line: bytes) -> Event[R] | Bookmark | Undecodable:
        """Return what one line of a watch says."""
        ...

    def decode_list(self, page: bytes) -> Page[R]:
        """Return one page of a list; an object that cannot be decoded does not keep the others out."""
        ...


class _Metadata(Struct, rename="camel"):
    name: str = ""
    namespace: str | None = None
    resource_version: str = ""
    continue_: str = field(default="", name="continue")


class _Header(Struct):
    metadata: _Metadata


class _Listing(Struct, Generic[R]):
    metadata: _Metadata
    items: list[R]


_RAW_EVENT: Final = msgspec.json.Decoder(Event[Raw])
_RAW_LIST: Final = msgspec.json.Decoder(_Listing[Raw])
_HEADER: Final = msgspec.json.Decoder(_Header)
_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError)


class StructCodec(Generic[R]):
    """Rows that are msgspec structs, decoded with the envelope in one pass."""

    def __init__(self, row: type[R]) -> None:
        self._row = msgspec.json.Decoder(row)
        self._event = cast("msgspec.json.Decoder[Event[R]]", msgspec.json.Decoder(_of(Event, row)))
        self._list = cast("msgspec.json.Decoder[_Listing[R]]", msgspec.json.Decoder(_of(_Listing, row)))

    def decode_event(self, line: bytes) -> Event[R] | Bookmark | Undecodable:
        """See `Codec`."""
        try:
            event = self._event.decode(line)
        except _MALFORMED as error:
            return _unusual(_raw_event(line), error)
        return event if event.type in _CHANGES else _unusual(_raw_event(line), None)

    def decode_list(self, page: bytes) -> Page[R]:
        """See `Codec`."""
        try:
            listing = self._list.decode(page)
        except _MALFORMED:
            return _page_by_items(page, self._row.decode)
        return Page(listing.items, [], _version(listing.metadata), listing.metadata.continue_)


class ModelCodec(Generic[M]):
    """Rows that are pydantic models."""

    def __init__(self, model: type[M]) -> None:
        self._model = model

    def decode_event(self, line: bytes) -> Event[M] | Bookmark | Undecodable:
        """See `Codec`."""
        event = _raw_event(line)
        if event.type not in _CHANGES:
            return _unusual(event, None)
        try:
            return Event(event.type, self._validate(event.object))
        except pydantic.ValidationError as error:
            return _unusual(event, error)

    def decode_list(self, page: bytes) -> Page[M]:
        """See `Codec`."""
        return _page_by_items(page, self._validate)

    def _validate(self, raw: Raw) -> M:
        return self._model.model_validate_json(bytes(raw))


def _of(generic: type[Any], row: type[Any]) -> type[Any]:
    """`generic[row]`, for a row that is known at run time only."""
    return cast("type[Any]", GenericAlias(generic, (row,)))


def _page_by_items(page: bytes, decode: Callable[[Raw], R]) -> Page[R]:
    try:
        listing = _RAW_LIST.decode(page)
    except _MALFORMED as error:
        raise Garbled(f"not a list: {error}") from error
    rows: list[R] = []
    undecodable: list[Undecodable] = []
    for item in listing.items:
        try:
            rows.append(decode(item))
        except (*_MALFORMED, pydantic.ValidationError) as error:
            undecodable.append(_undecodable(item, error, deleted=False))
    return Page(rows, undecodable, _version(listing.metadata), listing.metadata.continue_)


def _raw_event(line: bytes) -> Event[Raw]:
    try:
        return _RAW_EVENT.decode(line)
    except _MALFORMED as error:
        raise Garbled(f"not an event: {error}") from error


def _unusual(event: Event[Raw], error: Exception | None) -> Bookmark | Undecodable:
    """Read what is not a change that fits its row."""
    if event.type == "BOOKMARK":
        return Bookmark(_version(_metadata(event.object)))
    if event.type == "ERROR":
        raise error_in_stream(bytes(event.object))
    if error is None or event.type not in _CHANGES:
        raise Garbled(f"unknown event type {event.type!r}")
    return _undecodable(event.object, error, deleted=event.type == DELETED)


def _undecodable(raw: Raw, error: Exception, *, deleted: bool) -> Undecodable:
    metadata = _metadata(raw)
    return Undecodable(Key(metadata.namespace or "", metadata.name), _version(metadata), deleted, str(error))


def _metadata(raw: Raw) -> _Metadata:
    try:
        return _HEADER.decode(raw).metadata
    except _MALFORMED as error:
        raise Garbled(f"an object without readable metadata: {error}") from error


def _version(metadata: _Metadata) -> int:
    try:
        return int(metadata.resource_version)
    except ValueError as error:
        raise Garbled(f"resourceVersion {metadata.resource_version!r} is no number") from error
