"""What becomes of a watch's line that a fault happens to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

import msgspec

from e2e.faults.faults import (
    EXPIRED,
    CutLine,
    DropLine,
    Expire,
    GarbleLine,
    HoldLine,
    LineFault,
    NewerLine,
    RepeatLine,
    Rewind,
    Silence,
    StrangeLine,
    StretchLine,
)
from e2e.faults.points import Request

LONG: Final = 5 * 2**20
"""Bytes: longer than the 4 MiB up to which clients of Kubernetes commonly read a line."""
GARBAGE: Final = b'{"type":"MODI\x00\xff\n'


class Then(Enum):
    """How the watch goes on after a delivery."""

    GO_ON = auto()
    END = auto()
    """The reply ends in good order."""
    BREAK = auto()
    """The connection breaks."""
    HUSH = auto()
    """Nothing more comes, and the connection stays."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The bytes that come in place of a line, after so many seconds."""

    data: bytes
    then: Then = Then.GO_ON
    late: float = 0.0


def deliver(fault: LineFault, line: bytes, earlier: Sequence[bytes]) -> Delivery:  # noqa: C901, PLR0911 - one a fault
    """Return what comes instead of a line; `earlier` are the lines that came before it on the same watch."""
    match fault:
        case DropLine():
            return Delivery(b"")
        case RepeatLine():
            return Delivery(line * 2)
        case CutLine():
            return Delivery(line[: len(line) // 2], Then.BREAK)
        case GarbleLine():
            return Delivery(GARBAGE)
        case StretchLine():
            return Delivery(line.replace(b",", b"," + b" " * LONG, 1))
        case Expire():
            return Delivery(expired(), Then.END)
        case Silence():
            return Delivery(b"", Then.HUSH)
        case HoldLine():
            return Delivery(line, late=fault.seconds)
        case Rewind():
            return Delivery(b"".join([line, *earlier[-fault.lines :]]))
        case StrangeLine():
            return Delivery(json.dumps({**json.loads(line), "type": "RENAMED"}).encode() + b"\n")
        case NewerLine():
            return Delivery(_newer(line))
        case _:
            assert_never(fault)


def _newer(line: bytes) -> bytes:
    """Return the line with a member on every level of the object that no version knows."""
    said = json.loads(line)
    for level in (said["object"], *(said["object"].get(name) for name in ("metadata", "spec", "status"))):
        if level is not None:
            level["aFieldOfNextYear"] = [{"a": None}]
    return json.dumps(said).encode() + b"\n"


def expired() -> bytes:
    """Return the event with which an API server ends a watch whose version it has forgotten."""
    code, reason = EXPIRED
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    return json.dumps({"type": "ERROR", "object": {**status, "message": "too old resource version"}}).encode() + b"\n"


class _Metadata(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Event(msgspec.Struct):
    object: _Object = msgspec.field(default_factory=_Object)


_decode: Final = msgspec.json.Decoder(_Event).decode


def request_of_line(watch: Request, line: bytes) -> Request:
    """Return what a line of a watch is about, as a request; a bookmark is about nothing."""
    metadata = _decode(line).object.metadata
    return watch.about(metadata.namespace, metadata.name)
