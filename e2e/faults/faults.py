"""What can happen to a request on its way, and to a line of a watch. A fault happens once, at its point.

The faults of a watch are those that a client meets: a connection that breaks, or falls silent; a server that has
forgotten the version; a proxy in between that garbles or repeats. An API server by itself drops no line and repeats
none, so `DropLine` and `Rewind` are worse than what a cluster does: a watch cache that is restored from a backup, or
two API servers of which one is behind, seen from a client that lists from a quorum.
"""

from dataclasses import dataclass
from typing import Final

from e2e.faults.points import Point

# ---- a request and its answer


@dataclass(frozen=True, slots=True)
class KillBefore:
    """The component dies when it has sent the request; the API server never sees it."""

    at: Point


@dataclass(frozen=True, slots=True)
class KillAfter:
    """The component dies when the API server has answered; the answer is not passed on."""

    at: Point


@dataclass(frozen=True, slots=True)
class LoseReply:
    """The API server has answered, and the connection breaks before a byte of the answer has come."""

    at: Point


@dataclass(frozen=True, slots=True)
class Answer:
    """The request is answered without the API server; `retry_after` is in seconds, or None for no such header.

    The answer is a Status with that message, or whatever `content` is.
    """

    at: Point
    code: int
    reason: str
    retry_after: int | None = None
    message: str = "a fault was asked for"
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class CutReply:
    """The API server has answered, and the connection breaks when half of the answer has come."""

    at: Point


@dataclass(frozen=True, slots=True)
class Swallow:
    """A black hole: the request is taken, and nothing ever answers."""

    at: Point


@dataclass(frozen=True, slots=True)
class Delay:
    """The request waits for so many seconds before it goes on."""

    at: Point
    seconds: float


ExchangeFault = KillBefore | KillAfter | LoseReply | CutReply | Answer | Swallow | Delay

# ---- a line of a watch


@dataclass(frozen=True, slots=True)
class DropLine:
    """The line never comes; those behind it do."""

    at: Point


@dataclass(frozen=True, slots=True)
class RepeatLine:
    """The line comes twice."""

    at: Point


@dataclass(frozen=True, slots=True)
class CutLine:
    """Half of the line comes, then the connection breaks."""

    at: Point


@dataclass(frozen=True, slots=True)
class GarbleLine:
    """Something that is no JSON comes instead of the line."""

    at: Point


@dataclass(frozen=True, slots=True)
class StretchLine:
    """The line is longer than 4 MiB: blanks, which JSON allows between its members."""

    at: Point


@dataclass(frozen=True, slots=True)
class Expire:
    """The server has forgotten the version: an ERROR event instead of the line, and the end of the watch."""

    at: Point


@dataclass(frozen=True, slots=True)
class Silence:
    """From the line on nothing comes on this watch, which stays open."""

    at: Point


@dataclass(frozen=True, slots=True)
class HoldLine:
    """The line and all behind it on this watch come so many seconds late: a server that is behind the others."""

    at: Point
    seconds: float


@dataclass(frozen=True, slots=True)
class Rewind:
    """After the line up to so many earlier ones of the watch come again, oldest first: an older server's view."""

    at: Point
    lines: int


@dataclass(frozen=True, slots=True)
class StrangeLine:
    """The line is of a type of event that there is not."""

    at: Point


@dataclass(frozen=True, slots=True)
class NewerLine:
    """The line's object has fields that only a newer version knows, on every level."""

    at: Point


LineFault = (
    DropLine
    | RepeatLine
    | CutLine
    | GarbleLine
    | StretchLine
    | Expire
    | Silence
    | HoldLine
    | Rewind
    | StrangeLine
    | NewerLine
)
Fault = ExchangeFault | LineFault

CONFLICT: Final = (409, "Conflict")
THROTTLED: Final = (429, "TooManyRequests")
UNAVAILABLE: Final = (503, "ServiceUnavailable")
EXPIRED: Final = (410, "Expired")
"""What `Answer` may say: code and reason, as the API server pairs them."""
