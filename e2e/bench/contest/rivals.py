"""Who competes: data alone. All put the same pods on the nodes; they differ in who makes them and who chooses the node.

A rival is either objects that somebody else turns into pods, or a generator that makes the pods itself, which is the
floor: what the API server takes for the requests alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from e2e.bench.contest.generator import Mode
from e2e.bench.contest.pods import APP, pod
from foosets.api.meta import FOOSETS, Resource

Manifest = dict[str, Any]

JOBS: Final = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
NAME: Final = "bench"
SHARES: Final = 4
"""Into so many Jobs the pods are divided: one Job is looked at by one worker of its controller at a time."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Requests of a load generator."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects to be created: their resource, and their manifests for so many pods."""

    resource: Resource
    manifests: Callable[[int], Sequence[Manifest]]


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to have pods bound."""

    name: str
    title: str
    does: Raw | Objects
    suite: bool = False
    """Whether the suite runs, with its admission policies; else neither its processes nor its policies are there."""
    against: tuple[str, ...] = ()
    """The rivals that it is compared with, by name."""


def _fooset(part: str, spec: Manifest) -> Manifest:
    entry = {"name": "part", "template": {"spec": spec}}
    return _object(FOOSETS, NAME, {part: [entry]})


def _object(resource: Resource, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}, "spec": spec}


def _completing(pods: int) -> Manifest:
    return {"parallelism": pods, "completions": pods, "template": pod("Never")}


def _batch(pods: int) -> list[Manifest]:
    return [_fooset("batch", _completing(pods))]


def _service(pods: int) -> list[Manifest]:
    return [_fooset("service", {"replicas": pods, "template": pod("Always")})]


def _one_job(pods: int) -> list[Manifest]:
    return [_object(JOBS, NAME, _completing(pods))]


def _jobs(pods: int) -> list[Manifest]:
    shares = [pods // SHARES + (number < pods % SHARES) for number in range(SHARES)]
    return [_object(JOBS, f"{NAME}-{number}", _completing(share)) for number, share in enumerate(shares)]


def _deployment(pods: int) -> list[Manifest]:
    selector = {"matchLabels": {"app": APP}}
    return [_object(DEPLOYMENTS, NAME, {"replicas": pods, "selector": selector, "template": pod("Always")})]


RIVALS: Final = (
    Rival("raw-create", "raw create with nodeName, 32 in flight", Raw(Mode.CREATE)),
    Rival("raw-bind", "raw create, then binding, 32 in flight", Raw(Mode.BIND)),
    Rival(
        "batch",
        "**FooSet with a batch part**, placed by its controller",
        Objects(FOOSETS, _batch),
        suite=True,
        against=("job", "jobs", "raw-create"),
    ),
    Rival(
        "service",
        "**FooSet with a service part**, bound by foo-scheduler",
        Objects(FOOSETS, _service),
        suite=True,
        against=("deployment", "raw-bind"),
    ),
    Rival("job", "Job and kube-scheduler, one Job", Objects(JOBS, _one_job)),
    Rival("jobs", "Job and kube-scheduler, four Jobs of a quarter each", Objects(JOBS, _jobs)),
    Rival("deployment", "Deployment and kube-scheduler", Objects(DEPLOYMENTS, _deployment)),
)


def chosen(names: Sequence[str]) -> list[Rival]:
    """Return the rivals of these names, all if there are none, in their own order; raises KeyError."""
    known = {rival.name: rival for rival in RIVALS}
    wanted = {known[name].name for name in names} or known
    return [rival for rival in RIVALS if rival.name in wanted]
