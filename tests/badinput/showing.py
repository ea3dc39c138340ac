"""What a row's name claims beyond a state, as it is to be seen in the end: of the object, of what was made of it."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from foosets.api.names import ATTEMPT, OWNER_UID, SET_UID, TRACEPARENT
from tests.badinput.told import Object, Told

Shows = Callable[[Told], bool]


def each_pod(holds: Callable[[Object], bool]) -> Shows:
    """There are pods, and each is so."""
    return lambda told: bool(told.pods) and all(map(holds, told.pods))


def pods_with(count: int, **parts: Any) -> Shows:
    """There are so many pods, and their first containers have these parts."""

    def shown(told: Told) -> bool:
        containers: list[Object] = [pod["spec"]["containers"][0] for pod in told.pods]
        return len(containers) == count and all(parts.items() <= one.items() for one in containers)

    return shown


def noted(note: str) -> Shows:
    """Each pod has this annotation to the letter."""
    return each_pod(lambda pod: _annotations(pod).get("note") == note)


def children(*names: str) -> Shows:
    """These are the children, by kind and name, and none of them is about to go."""
    wanted = sorted(tuple(name.split("/")) for name in names)
    return lambda told: (
        sorted((one["kind"], one["metadata"]["name"]) for one in told.sets) == wanted
        and not any(map(_leaves, told.sets))
    )


def first_pod_lives(told: Told) -> bool:
    """There is one pod, and it is the first under its index: none was replaced."""
    return [_labels(pod).get(ATTEMPT) for pod in told.pods] == ["0"]


def own_trace(told: Told) -> bool:
    """Children and pods carry the set's trace, which is no user's, and there are pods."""
    assert told.found is not None
    trace = told.found["status"].get("traceID") or "none"
    users = trace in json.dumps([_annotations(told.found), told.found["spec"]])
    made = [*told.pods, *filter(_owner, told.sets)]
    texts = [_annotations(one).get(TRACEPARENT, "") for one in made]
    return bool(told.pods) and not users and all(re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", text) for text in texts)


def own_labels(told: Told) -> bool:
    """Children and pods are marked as of this very set, pods with the uid of their owner too, and there are pods."""
    assert told.found is not None
    uid = told.found["metadata"]["uid"]
    marked = all(_labels(one).get(SET_UID) == uid for one in (*told.sets, *told.pods))
    return bool(told.pods) and marked and all(_labels(pod).get(OWNER_UID) == _owner(pod) for pod in told.pods)


def strangers_pod(told: Told) -> bool:
    """The one pod that is there is the stranger's, as he left it."""
    return len(told.pods) == 1 and _is_strangers(told.pods[0])


def strangers_set(told: Told) -> bool:
    """The one set that is there is the stranger's, as he left it."""
    return len(told.sets) == 1 and _is_strangers(told.sets[0]) and told.sets[0]["metadata"]["generation"] == 1


def both(*shown: Shows) -> Shows:
    """All of these."""
    return lambda told: all(each(told) for each in shown)


def of_it(holds: Callable[[Object], bool]) -> Shows:
    """The object itself is so."""

    def shown(told: Told) -> bool:
        assert told.found is not None
        return holds(told.found)

    return shown


def _is_strangers(one: Object) -> bool:
    ours = [key for key in (*_labels(one), *_annotations(one)) if key.startswith("foo.example.com/")]
    return not (ours or TRACEPARENT in _annotations(one) or _owner(one) or _leaves(one))


def _leaves(one: Object) -> bool:
    return "deletionTimestamp" in one["metadata"]


def _owner(one: Object) -> str:
    """The uid of the controller, or nothing."""
    references: Sequence[Object] = one["metadata"].get("ownerReferences", ())
    return next((reference["uid"] for reference in references if reference.get("controller")), "")


def _labels(one: Object) -> dict[str, str]:
    return one["metadata"].get("labels", {})


def _annotations(one: Object) -> dict[str, str]:
    return one["metadata"].get("annotations", {})
