"""What a row of the table of bad inputs says: which requests are made, who refuses the last, and in which words.

    Row("replicas below 0", by=By.SCHEMA, words=("spec.replicas", "greater than or equal to 0"), steps=(Create(...),))

Whoever refuses at admission refuses the last step, and all before it are taken. Where nobody does, the object that the
row is `about` comes to say it in its Ready condition, or bears it and comes to the state that the row names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from foosets.api.names import Reason
from tests.badinput.told import Told

Manifest = dict[str, Any]


class By(StrEnum):
    """Who has the last word on a row."""

    SCHEMA = "schema"
    """The CRD: types, bounds, patterns, and its rules in CEL."""
    POLICY = "policy"
    """An admission policy of the chart."""
    SERVER = "server"
    """The API server by itself: names, sizes, what is no JSON."""
    CONDITION = "condition"
    """A controller, in the Ready condition of the set."""
    ENGINE = "engine"
    """Nobody: there is nothing to refuse, and the controllers bear it."""


class Of(StrEnum):
    """The classes of bad input."""

    NUMBERS = "numbers"
    STRINGS = "strings"
    COLLISIONS = "collisions"
    STRUCTURE = "structure"
    SECURITY = "security"
    TRACE = "trace"
    TIMING = "timing"
    ANSWERS = "server answers"


# ---- requests


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object, as a user if one is named, else as the administrator. `options` are those of the query."""

    manifest: Manifest
    user: str = ""
    options: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send any bytes where objects of a kind are created."""

    kind: str
    content: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Change:
    """Merge a patch into an object, or into its subresource."""

    kind: str
    name: str
    patch: Manifest
    subresource: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete an object."""

    kind: str
    name: str
    propagation: str = "Background"


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until an object has a condition with that status; an empty condition: until it is there."""

    kind: str
    name: str
    condition: str = ""
    status: str = "True"


@dataclass(frozen=True, slots=True)
class Squat:
    """Create somebody else's pod under the name that the first pod of a set is to have."""

    kind: str
    owner: str


@dataclass(frozen=True, slots=True)
class EachPod:
    """Merge a patch into each pod that is there, or delete it where there is no patch; once there is one."""

    patch: Manifest | None
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do steps again and again, with a pause in seconds between two rounds."""

    times: int
    steps: tuple["Step", ...]
    pause: float = 0.0


Step = Create | Send | Change | Remove | Await | Squat | EachPod | Repeat

# ---- rows

About = tuple[str, str]
"""Kind and name."""
DEMO: About = ("FooSet", "demo")
GONE = "gone"
"""The state of an object that is not there any more, and has left no pod."""
COUNTED = "counted"
"""The state of a ResourceQuota that limits what is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bad input.

    `words` are in the refusal's or the condition's message. `reason` is the condition's: at once where a controller
    has the last word, and for a rule that exists both ways once there is no policy. A rule on *who* asks exists as a
    policy only, and has none. `state` is the condition that the set comes to if it bears it, or GONE.
    """

    name: str
    by: By
    steps: tuple[Step, ...]
    words: tuple[str, ...] = ()
    policy: str = ""
    reason: str = ""
    about: About = DEMO
    state: str = ""
    has_pods: bool = False
    """Whether pods may be there although the set is not ready."""
    shows: Callable[[Told], bool] | None = None
    """What else is to be seen once nobody refuses, where the name says more than a state."""
    breaks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Invariants that the row breaks by itself, and why."""
    namespace: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of the namespace."""


# ---- the usual rows, which are one object


def by_schema(name: str, manifest: Manifest, *words: str) -> Row:
    """Return a row whose object its CRD refuses."""
    return Row(name=name, by=By.SCHEMA, steps=(Create(manifest),), words=words)


def by_server(name: str, step: Step, *words: str) -> Row:
    """Return a row whose request the API server refuses by itself."""
    return Row(name=name, by=By.SERVER, steps=(step,), words=words)


def by_template_policy(name: str, manifest: Manifest, *words: str, reason: Reason = Reason.INVALID_POD_TEMPLATE) -> Row:
    """Return a row whose template a policy refuses, and without it the controller."""
    return Row(
        name=name,
        by=By.POLICY,
        policy="templates",
        steps=(Create(manifest),),
        words=words,
        reason=reason,
        about=about(manifest),
    )


def by_condition(
    name: str,
    manifest: Manifest,
    reason: Reason,
    *words: str,
    before: tuple[Step, ...] = (),
    shows: Callable[[Told], bool] | None = None,
) -> Row:
    """Return a row whose object is taken, and whose controller says what is wrong with it."""
    steps = (*before, Create(manifest))
    return Row(name=name, by=By.CONDITION, steps=steps, words=words, reason=reason, about=about(manifest), shows=shows)


def borne(
    name: str,
    *steps: Step,
    of: About = DEMO,
    state: str = "Ready",
    shows: Callable[[Told], bool] | None = None,
    breaks: Mapping[str, str] | None = None,
) -> Row:
    """Return a row that nobody has a reason to refuse; the object comes to that state."""
    return Row(name=name, by=By.ENGINE, steps=steps, about=of, state=state, shows=shows, breaks=breaks or {})


def about(manifest: Manifest) -> About:
    """Return kind and name."""
    return manifest["kind"], manifest["metadata"]["name"]
