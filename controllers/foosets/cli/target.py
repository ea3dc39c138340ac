"""What is asked about, named as kubectl's users name objects: `fs/demo`, `pod demo-server-4ao3v-0`, `demo`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, SERVICEFOOSETS, Resource

SHORT_NAMES: Final = {"fs": FOOSETS, "bfs": BATCHFOOSETS, "sfs": SERVICEFOOSETS, "fq": FOOQUOTAS, "po": PODS}
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""A DNS subdomain (RFC 1123), which the names of all these kinds are. Nothing else may become part of a path."""


class NotUnderstoodError(Exception):
    """The words name no object; the message says why not."""


@dataclass(frozen=True, slots=True)
class Target:
    """One object. Without a resource it is a FooSet, or else the only object of that name."""

    resource: Resource | None
    name: str


def target_of(words: Sequence[str]) -> Target:
    """Return what `KIND/NAME`, `KIND NAME` or `NAME` means; raises NotUnderstoodError."""
    parts = words[0].split("/") if len(words) == 1 else list(words)
    if len(parts) > 2 or any("/" in part for part in parts):
        raise NotUnderstoodError(f"{' '.join(words)!r} names no object: say KIND/NAME, KIND NAME or NAME")
    name = checked(parts[-1])
    return Target(_resource(parts[0]) if len(parts) == 2 else None, name)


def checked(name: str) -> str:
    """Return the name of an object or a namespace if it can be one; raises NotUnderstoodError."""
    if not _OBJECT_NAME.fullmatch(name):
        raise NotUnderstoodError(f"{name!r} cannot be a name: lower case letters, digits, dashes and dots")
    return name


def _resource(word: str) -> Resource:
    found = _BY_WORD.get(word.lower())
    if found is None:
        raise NotUnderstoodError(f"{word!r} is none of the kinds {', '.join(map(_singular, SHORT_NAMES.values()))}")
    return found


def _singular(resource: Resource) -> str:
    return resource.kind.lower()


def _words(resource: Resource) -> Sequence[str]:
    """Return the names that kubectl takes for a resource, but for the short ones."""
    plural = [resource.plural]
    if resource.group:
        plural += [f"{resource.plural}.{resource.group}", f"{resource.plural}.{resource.version}.{resource.group}"]
    return [_singular(resource), *plural]


_BY_WORD: Final = SHORT_NAMES | {word: resource for resource in SHORT_NAMES.values() for word in _words(resource)}
