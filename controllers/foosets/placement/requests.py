"""What a pod asks of a node: its size, and the class of pods that ask for the same.

The size is the scheduler's own sum, `PodRequests` of `k8s.io/component-helpers/resource`, over the spec:

* containers are summed, and sidecars (init containers that restart always) with them;
* an init container needs its own request and that of the sidecars before it, and the pod at least the largest of these;
* pod-level requests replace the result for cpu, memory and huge pages;
* the overhead of the runtime comes on top, and each pod counts as one of the node's `pods`.

Host ports are those of containers and sidecars (`GetHostPorts` of the scheduler). A resize in place that its kubelet
has not finished is not looked at: the spec's figures count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct, convert, msgpack
from msgspec import field as member

from foosets.api.pod import Container, NodeSelector, Pod, PodSpec, ResourceRequirements, Toleration
from foosets.api.status import POD_REQUESTS_MAX
from foosets.planning.quantity import Quantity, amount, quantity_of

ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - nothing is bound here

_POD_LEVEL: Final = ("cpu", "memory", "hugepages-")
_SIZES: Final = 4096
_CLASSES: Final = 1024


class HostPort(NamedTuple):
    """A port of the node itself. Two of the same protocol and number collide if their addresses do."""

    address: str
    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class Size:
    """What a pod takes away from its node: positive amounts by resource, sorted, always with `pods`."""

    amounts: tuple[tuple[str, int], ...]
    ports: tuple[HostPort, ...] = ()


@dataclass(frozen=True, slots=True)
class PodClass:
    """All that decides which nodes will do. Pods of one class are interchangeable for a placer.

    Two classes are equal if `identity`, the encoding of all the rest, is.
    """

    identity: bytes
    size: Size = field(compare=False)
    node_selector: Mapping[str, str] = field(compare=False)
    affinity: NodeSelector | None = field(compare=False)
    tolerations: tuple[Toleration, ...] = field(compare=False)


def pod_class(pod: Pod) -> PodClass:
    """Return the class of a pod that the API server has admitted."""
    return _class_of(pod.spec)


def template_class(template: Mapping[str, object]) -> PodClass:
    """Return the class that a pod of this template will have. Raises ValueError on what no pod spec can say.

    For a template that no dry run can tell of. The API server's own defaults are filled in (requests from limits, host
    ports of the host network). What admission adds is not known here (limit ranges, the overhead of a runtime class,
    tolerations by webhook); the kubelet has the last word.
    """
    spec = convert(template, _Template).spec
    _fill_in(spec, convert(template, _UnsetTemplate).spec)
    return _class_of(spec)


def size_of(spec: PodSpec) -> Size:
    """Return a pod's size. Pods of one shape share one object, so that asking again is cheap. Raises ValueError."""
    return _size(_ENCODER.encode((spec.containers, spec.init_containers, spec.overhead, spec.resources)))


def pod_requests(
    told: Mapping[str, str] | None, stored: Mapping[str, str] | None, pods: Iterable[Pod]
) -> dict[str, str] | None:
    """Return what status shows of a template: what its dry run told, else what was told before, else what its pods say.

    They do when their controller was killed between their creation and its next status.
    """
    known = told if told is not None else stored
    return dict(known) if known else next((shown(size_of(pod.spec)) for pod in pods), None)


def shown(size: Size) -> dict[str, str]:
    """Return a size as status shows it: quantities by resource, no more than fit there."""
    return {name: quantity_of(name, value) for name, value in size.amounts[:POD_REQUESTS_MAX]}


_ENCODER: Final = msgpack.Encoder(order="deterministic")
_Shape = tuple[list[Container], list[Container], dict[str, Quantity], ResourceRequirements | None]
_SHAPES: Final = msgpack.Decoder(_Shape)
_Terms = tuple[dict[str, str], NodeSelector | None, tuple[Toleration, ...]]
_TERMS: Final = msgpack.Decoder(_Terms)


def _class_of(spec: PodSpec) -> PodClass:
    node_affinity = spec.affinity.node_affinity if spec.affinity else None
    required = node_affinity.required if node_affinity else None
    return _class(size_of(spec), _ENCODER.encode((spec.node_selector, required, spec.tolerations)))


@lru_cache(maxsize=_CLASSES)
def _class(size: Size, terms: bytes) -> PodClass:
    node_selector, affinity, tolerations = _TERMS.decode(terms)
    return PodClass(_ENCODER.encode((size.amounts, size.ports, terms)), size, node_selector, affinity, tolerations)


@lru_cache(maxsize=_SIZES)
def _size(shape: bytes) -> Size:
    containers, init_containers, overhead, pod_level = _SHAPES.decode(shape)
    total = _container_sum(containers, init_containers)
    if pod_level is not None:
        total.update({name: value for name, value in _amounts(pod_level.requests) if name.startswith(_POD_LEVEL)})
    _add(total, _amounts(overhead))
    _add(total, [("pods", 1)])
    amounts = tuple(sorted((name, value) for name, value in total.items() if value))
    return Size(amounts, tuple(_host_ports([*containers, *filter(_is_sidecar, init_containers)])))


def _container_sum(containers: list[Container], init_containers: list[Container]) -> dict[str, int]:
    total: dict[str, int] = {}
    for container in containers:
        _add(total, _amounts(container.resources.requests))
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in init_containers:
        requests = _amounts(container.resources.requests)
        now = dict(sidecars)
        _add(now, requests)
        if _is_sidecar(container):
            _add(total, requests)
            sidecars = now
        peak = {name: max(peak.get(name, 0), now.get(name, 0)) for name in peak.keys() | now.keys()}
    return {name: max(total.get(name, 0), peak.get(name, 0)) for name in total.keys() | peak.keys()}


def _amounts(requests: Mapping[str, Quantity]) -> list[tuple[str, int]]:
    return [(name, amount(name, quantity)) for name, quantity in requests.items()]


def _add(total: dict[str, int], amounts: Iterable[tuple[str, int]]) -> None:
    for name, value in amounts:
        total[name] = total.get(name, 0) + value


def _is_sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"


def _host_ports(containers: Iterable[Container]) -> Iterable[HostPort]:
    for container in containers:
        for port in container.ports:
            if port.host_port > 0:
                yield HostPort(port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)


# ---- a template has not been through the API server: these are the fields that its defaults are made from


class _Limits(Struct):
    limits: dict[str, Quantity] = {}


class _UnsetContainer(Struct):
    resources: _Limits = member(default_factory=_Limits)


class _UnsetSpec(Struct, rename="camel"):
    host_network: bool = False
    containers: list[_UnsetContainer] = []
    init_containers: list[_UnsetContainer] = []
    resources: _Limits = member(default_factory=_Limits)


class _UnsetTemplate(Struct):
    spec: _UnsetSpec


class _Template(Struct):
    spec: PodSpec


def _fill_in(spec: PodSpec, unset: _UnsetSpec) -> None:
    """Complete the spec as `SetDefaults_Pod` of the API server does."""
    containers = [*spec.containers, *spec.init_containers]
    for container, given in zip(containers, [*unset.containers, *unset.init_containers], strict=True):
        container.resources.requests = given.resources.limits | container.resources.requests
        for port in container.ports:
            if unset.host_network and not port.host_port:
                port.host_port = port.container_port
    if spec.resources is not None:
        named = _container_sum(spec.containers, spec.init_containers)
        limits = {
            name: limit
            for name, limit in unset.resources.limits.items()
            if name not in named or name.startswith("hugepages-")
        }
        spec.resources.requests = limits | spec.resources.requests
