"""A played story for people to read, and for tests to compare: one line for each write, and what it changed.

    seconds  who           verb    what                  whose        code  what it came to
    0.006    fooset        update  foosets/status        app          200   -Ready -Refined +Progressing

Seconds count from the story's beginning. The five characters of a pod's name that stand for its owner's uid are `*`,
and so is what an Event's name ends with. A condition is shown when it turns True (`+`) or ceases to be, or never was
(`-`). A dry run has a line, too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from e2e.audit import identity
from foosets.api.names import Component
from tests.fake.record import Request
from tests.sequences.cell import Played

SHORT: Final = {identity(component): str(component) for component in Component}
EVENT: Final = re.compile(r"^(.+)\.[a-z2-7]{10}$")
POD: Final = re.compile(r"^(.+)-[a-z2-7]{5}-([0-9]+(?:-[0-9]+)?)$")
TRIAL: Final = re.compile(r"^(.+)-[a-z2-7]{5}-dry-run$")


def trace(played: Played) -> str:
    """Return the lines of a played story."""
    return "".join(f"{line}\n" for line in _lines(played))


def _lines(played: Played) -> Iterator[str]:
    requests = played.record.requests
    told: dict[tuple[str, str], dict[str, str]] = {}
    start = next((one.at for one in requests[played.begun :] if one.writes), None)
    for number, request in enumerate(requests):
        if not (request.writes or request.dry_run):
            continue
        news = _news(request, told)
        if number >= played.begun and start is not None:
            yield _line((request.at - start).total_seconds(), request, news)


def shortened(name: str) -> str:
    """Return a name without what is derived from uids."""
    return EVENT.sub(r"\1.*", TRIAL.sub(r"\1-*", POD.sub(r"\1-*-\2", name)))


def _line(seconds: float, request: Request, news: str) -> str:
    who = SHORT.get(request.user, request.user.rpartition(":")[2])
    name = shortened(request.name)
    verb = f"{request.verb:<7}"
    return f"{seconds:8.3f}  {who:<28}{verb}{request.resource:<23}{name:<20}{request.code}  {news}".rstrip()


def _news(request: Request, told: dict[tuple[str, str], dict[str, str]]) -> str:
    """Return what a write says that was not said before."""
    if request.dry_run:
        return "nothing: a dry run"
    if request.resource == "pods/binding":
        return f"to {request.body['target']['name']}"
    if request.resource == "events":
        return request.body["reason"]
    if request.resource == "pods" and request.verb == "create":
        node = request.body["spec"].get("nodeName")
        return f"on {node}" if node else ""
    status: Mapping[str, Any] = request.body.get("status", {})
    if not request.resource.endswith("/status") or not request.succeeded:
        return ""
    before = told.setdefault((request.resource, request.name), {})
    now = {one["type"]: one["status"] for one in status.get("conditions", [])}
    changes = [f"{_sign(state)}{kind}" for kind, state in now.items() if before.get(kind) != state]
    told[request.resource, request.name] = now
    return " ".join(filter(None, [status.get("phase", ""), *changes]))


def _sign(state: str) -> str:
    return "+" if state == "True" else "-"
