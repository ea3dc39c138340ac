"""The next steps as commands that can be copied: with the names, the namespace and the cluster filled in."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.names import CHILD, SET_NAME, Component, Kind
from foosets.api.pod import ContainerStatus, Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.cli.advice import Step
from foosets.cli.descent import Descent, Object, kind_of

_EXCEEDED: Final = re.compile(r"exceeded quota: ([-a-z0-9.]+)")
"""How the API server names the ResourceQuota that refuses an object."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects are: the namespace, and the options that were given to find the cluster."""

    namespace: str
    context: str | None = None
    kubeconfig: str | None = None

    @property
    def there(self) -> str:
        """The options that lead to the cluster; none where kubectl finds it by itself."""
        options = {"--context": self.context, "--kubeconfig": self.kubeconfig}
        return " ".join(f"{name} {shlex.quote(value)}" for name, value in options.items() if value)

    @property
    def here(self) -> str:
        """The options that lead to the namespace."""
        return f"-n {self.namespace} {self.there}"


def filled(steps: Iterable[Step], facts: Mapping[str, str], place: Place) -> tuple[Step, ...]:
    """Return the steps with their fields filled in."""
    known = {**facts, "here": place.here, "there": place.there, "namespace": place.namespace}
    return tuple(Step(_filled(step.purpose, known), _filled(step.command, known)) for step in steps)


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Fill the fields in, and leave no gap where one is empty."""
    return " ".join(text.format_map(known).split())


def facts_of(descent: Descent, kind: str, name: str, message: str) -> Mapping[str, str]:
    """Return what the steps may name, for the object that is stuck and what is said of it; quoted for a shell."""
    root = descent.sets[0] if descent.sets else descent.objects[0]
    nearest = descent.sets[-1] if descent.sets else root
    last = descent.objects[-1]
    pod = last if isinstance(last, Pod) else None
    exceeded = _EXCEEDED.search(message)
    return {
        "object": shlex.quote(f"{kind.lower()}/{name}"),
        "root": _called(root),
        "set": _called(nearest),
        "pods": SET_NAME if isinstance(root, FooQuota) else f"{SET_NAME}={root.metadata.name}",
        "template": _template(nearest),
        "container": _container(pod),
        "node": _node(pod if pod is not None else nearest),
        "quota": exceeded[1] if exceeded else descent.quota,
        "component": Component.SCHEDULER if kind == "Pod" else shlex.quote(kind.lower()),
    }


def _called(one: Object) -> str:
    return f"{kind_of(one).lower()}/{one.metadata.name}"


def _template(nearest: Object) -> str:
    """Return where to look in the root: it has a template for each part."""
    child = nearest.metadata.labels.get(CHILD)
    if child:
        return f"the template of part {child}"
    return "the template of a part" if kind_of(nearest) == Kind.FOOSET else "its template"


def _container(pod: Pod | None) -> str:
    """Return the option for the first container that waits or has ended badly, else for one that was started again."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses) if pod is not None else ()
    stands_out = [*filter(_is_down, statuses), *(status for status in statuses if status.restart_count)]
    return f"-c {shlex.quote(stands_out[0].name)}" if stands_out else "--all-containers"


def _is_down(status: ContainerStatus) -> bool:
    ended = status.state.terminated
    return status.state.waiting is not None or (ended is not None and ended.exit_code != 0)


def _node(one: Object) -> str:
    """Return the node of a pod, or the one whose kubelet last refused a pod of a set; nothing if there is none."""
    match one:
        case Pod() if one.spec.node_name:
            return shlex.quote(one.spec.node_name)
        case BatchFooSet() | ServiceFooSet() if one.status.last_rejection is not None:
            return shlex.quote(one.status.last_rejection.node)
        case _:
            return ""
