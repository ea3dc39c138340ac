"""Names that are derived, so that a repeated create collides instead of duplicating.

Pods are called `<owner>-<5 of the owner's uid hash>-<index>[-<attempt>]`: a set that was deleted and made again does
not meet its old pods. `foosets.api.customresource.NAME_MAX` leaves room for all that in a hostname's 63 characters.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from foosets.api.names import Uid

UID_HASH_LENGTH: Final = 5
REVISION_LENGTH: Final = 10
EVENT_HASH_LENGTH: Final = 10


def base32_sha256(data: bytes) -> str:
    """Return the digest in lower-case base32, whose every prefix is a valid part of a name or label."""
    return base64.b32encode(hashlib.sha256(data).digest()).decode().rstrip("=").lower()


def uid_hash(uid: Uid) -> str:
    """Return the five characters that tell two sets of one name apart."""
    return base32_sha256(uid.encode())[:UID_HASH_LENGTH]


def child_name(fooset: str, entry: str) -> str:
    """Return the name of the child that an entry of the FooSet is refined into."""
    return f"{fooset}-{entry}"


def pod_prefix(owner: str, owner_uid: Uid) -> str:
    """Return what the names of all pods of one owner start with, including the last dash."""
    return f"{owner}-{uid_hash(owner_uid)}-"


def pod_name(prefix: str, index: int, attempt: int) -> str:
    """Return a pod's name; the first attempt goes without its number."""
    return f"{prefix}{index}-{attempt}" if attempt else f"{prefix}{index}"


def event_name(owner: str, owner_uid: Uid, said: Iterable[str]) -> str:
    """Return the name of the Event in which a set says something; saying it again gives the same name."""
    told = "\n".join((owner_uid, *said))
    return f"{owner}.{base32_sha256(told.encode())[:EVENT_HASH_LENGTH]}"
