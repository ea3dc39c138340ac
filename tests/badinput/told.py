"""How a row was met: what the API server answered, and what is there in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; `code` is 0 for something that was awaited and did not come."""

    code: int
    message: str

    @property
    def taken(self) -> bool:
        """Whether the server did as asked."""
        return 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Told:
    """How a row was met: the answers to its steps, the object that it is about, if it is there, and what else is.

    `sets` are the BatchFooSets and ServiceFooSets of its namespace, `pods` the pods.
    """

    answers: Sequence[Answer]
    found: Object | None
    pods: Sequence[Object]
    sets: Sequence[Object] = ()


def condition(found: Object, kind: str) -> Object:
    """Return a condition of an object, or an empty one."""
    conditions: list[Object] = found.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})
