"""What happens in a run. `begin` brings a namespace to where the story starts; its writes meet no fault."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from e2e.expected import Object
from e2e.sweep.scene import Scene, batch, parts, service
from foosets.api import names


@dataclass(frozen=True, slots=True)
class Story:
    """One story. When it is over is not said here: at quiet, with the end state of the reference run."""

    name: str
    begin: Callable[[Scene], None]
    act: Callable[[Scene], None]
    traced: bool = False
    """Whether it ends with one whole trace, whose spans can be counted by the objects."""
    tried: Collection[tuple[str, str]] = ()
    """Verbs and resources that the API server refuses for a while: how often they are tried is a matter of time."""


def _nothing(scene: Scene) -> None:
    """Start in an empty namespace."""


def _running(scene: Scene) -> None:
    scene.create(parts(batch={"workers": batch(2)}, service={"server": service(2)}))


def _four_parts(scene: Scene) -> None:
    batches = {"workers": batch(1, run_seconds="0.5"), "idlers": batch(2)}
    scene.create(parts(batch=batches, service={"one": service(1), "two": service(2)}))


def _first_rollout(scene: Scene) -> None:
    scene.create(parts(batch={"workers": batch(4, run_seconds="0.5")}, service={"server": service(4)}))


def _scale_up(scene: Scene) -> None:
    scene.change(parts(batch={"workers": batch(4)}, service={"server": service(4)}))


def _scale_down(scene: Scene) -> None:
    scene.change(parts(batch={"workers": batch(1)}, service={"server": service(0)}))


def _new_template(scene: Scene) -> None:
    new = "busybox:1.38"
    scene.change(parts(batch={"workers": batch(2, image=new)}, service={"server": service(2, new)}))


def _entries_removed(scene: Scene) -> None:
    scene.change(parts(batch={"workers": batch(1, run_seconds="0.5")}, service={"one": service(1)}))


def _deleted(propagation: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        """Let a set come to be, and go as soon as all of it runs."""
        _running(scene)
        scene.until(lambda: _all_run(scene, 4), "running")
        scene.delete(propagation)
        scene.until(lambda: _is_gone(scene), "deleted")

    return act


def _limited(scene: Scene) -> None:
    scene.limit(4)


def _running_within_a_limit(scene: Scene) -> None:
    scene.limit(4)
    _running(scene)


def _waits_and_is_granted(scene: Scene) -> None:
    """Ask for more than there is, and then let there be more."""
    _scale_up(scene)
    scene.until(lambda: scene.reason() == "QuotaExceeded", "refused by the quota")
    scene.limit(8)


def _made_again(scene: Scene) -> None:
    """Delete the set and make it anew: it is given what the old one's last pod gives back."""
    scene.delete("Background")
    scene.until(lambda: _is_gone(scene), "deleted")
    _running(scene)


def _refused(scene: Scene) -> None:
    """Have pods refused by the API server for a while."""
    scene.refuse(pods=1)
    _running(scene)
    scene.until(lambda: scene.reason() == "QuotaExceeded", "refused by the API server")
    scene.refuse_no_more()


def _evicted(scene: Scene) -> None:
    for part in ("workers", "server"):
        victim = next(pod for pod in scene.pods() if _is(pod, part, "1"))
        scene.evict(victim)


def _all_run(scene: Scene, count: int) -> bool:
    return [pod["status"]["phase"] for pod in scene.pods()] == ["Running"] * count


def _is_gone(scene: Scene) -> bool:
    return not any(one["kind"] == "FooSet" for one in scene.sets())


def _is(pod: Object, part: str, index: str) -> bool:
    labels = pod["metadata"]["labels"]
    return (labels[names.CHILD], labels[names.INDEX]) == (part, index)


STORIES: Final = (
    Story("first-rollout", _nothing, _first_rollout, traced=True),
    Story("scale-up", _running, _scale_up),
    Story("scale-down", _running, _scale_down),
    Story("template-change", _running, _new_template),
    Story("entries-removed", _four_parts, _entries_removed),
    Story("delete-background", _nothing, _deleted("Background")),
    Story("delete-foreground", _nothing, _deleted("Foreground")),
    Story("delete-orphan", _nothing, _deleted("Orphan")),
    Story("pods-evicted", _running, _evicted),
    Story("quota-granted", _limited, _running),
    Story("quota-waits", _running_within_a_limit, _waits_and_is_granted),
    Story("quota-given-back", _running_within_a_limit, _made_again),
    Story("pods-refused", _nothing, _refused, tried=[("create", "pods")]),
)
