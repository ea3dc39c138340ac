from typing import Any

import pytest

from foosets.placement.requests import HostPort, pod_class, size_of, template_class
from tests.placement.cells import as_pod, pod, raw_pod

Raw = dict[str, Any]


def container(cpu: str = "", memory: str = "", **more: Any) -> Raw:
    requests = {name: value for name, value in {"cpu": cpu, "memory": memory}.items() if value}
    return {"resources": {"requests": requests}} | more


SIDECAR = {"restartPolicy": "Always"}


# The first seven are the examples of the sidecar KEP (sig-node 753) and of the documentation on init containers.
@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        pytest.param({"containers": [container("1"), container("250m", "1Ki")]}, 1250, 1024, id="containers add up"),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("2")]},
            3000,
            0,
            id="init peak",
        ),
        pytest.param(
            {"containers": [container("2")], "initContainers": [container("1")]}, 2000, 0, id="init below the sum"
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("500m", **SIDECAR)]}, 1500, 0, id="sidecar"
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("1", **SIDECAR), container("3")]},
            4000,
            0,
            id="init container after a sidecar",
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("1", **SIDECAR)]},
            3000,
            0,
            id="init container before a sidecar",
        ),
        pytest.param(
            {"containers": [container("1", "4Ki")], "initContainers": [container("2", "1Ki")]},
            2000,
            4096,
            id="each alone",
        ),
        pytest.param(
            {"containers": [container("1")], "overhead": {"cpu": "100m", "memory": "1Ki"}}, 1100, 1024, id="overhead"
        ),
        pytest.param(
            {"containers": [container("1", "1Ki")], "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "1"}},
            4000,
            1024,
            id="pod level replaces what it names, before the overhead",
        ),
        pytest.param(
            {"containers": [container("2")], "resources": {"requests": {"cpu": "1"}}},
            1000,
            0,
            id="pod level may be less",
        ),
    ],
)
def test_the_schedulers_sum(spec: Raw, cpu: int, memory: int) -> None:
    expected = {"cpu": cpu, "memory": memory, "pods": 1}
    assert dict(size_of(as_pod({"spec": spec}).spec).amounts) == {
        name: value for name, value in expected.items() if value
    }


def test_pod_level_requests_do_not_replace_extended_resources() -> None:
    spec = raw_pod(
        requests={"example.com/gpu": 1}, resources={"requests": {"example.com/gpu": 5, "hugepages-2Mi": "4Mi"}}
    )
    assert dict(size_of(as_pod(spec).spec).amounts) == {"example.com/gpu": 1, "hugepages-2Mi": 2**22, "pods": 1}


def test_host_ports_of_containers_and_sidecars() -> None:
    def ports(*ports: Raw) -> Raw:
        return {"ports": list(ports)}

    spec = {
        "containers": [ports({"containerPort": 1}, {"containerPort": 2, "hostPort": 80})],
        "initContainers": [
            ports({"containerPort": 3, "hostPort": 81}),
            ports({"containerPort": 4, "hostPort": 82, "hostIP": "10.0.0.1", "protocol": "UDP"}) | SIDECAR,
        ],
    }
    assert size_of(as_pod({"spec": spec}).spec).ports == (
        HostPort("0.0.0.0", "TCP", 80),
        HostPort("10.0.0.1", "UDP", 82),
    )


def test_pods_of_one_shape_share_their_size() -> None:
    assert size_of(pod("a", {"cpu": "1"}).spec) is size_of(pod("b", {"cpu": "1"}, node="n1").spec)


def test_pods_that_ask_for_the_same_are_of_one_class() -> None:
    one = pod_class(pod("a", {"cpu": "1"}, nodeSelector={"x": "1", "y": "2"}, node="n1"))
    two = pod_class(pod("b", {"cpu": "1000m"}, nodeSelector={"y": "2", "x": "1"}, priority=7))
    assert one == two
    assert hash(one) == hash(two)


@pytest.mark.parametrize(
    "difference",
    [
        {"nodeSelector": {"zone": "a"}},
        {"tolerations": [{"operator": "Exists"}]},
        {"ports": [{"containerPort": 1, "hostPort": 80}]},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}}},
        {"overhead": {"cpu": "1m"}},
    ],
)
def test_what_asks_for_something_else_is_of_another_class(difference: Raw) -> None:
    assert pod_class(pod(requests={"cpu": "1"})) != pod_class(pod(requests={"cpu": "1"}, **difference))


def test_preferences_make_no_class() -> None:
    preferred = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}}
    assert pod_class(pod(affinity=preferred)) == pod_class(pod())


def test_a_template_is_of_the_class_of_its_pods() -> None:
    template = raw_pod(requests={"cpu": "1"}, tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert template_class({"spec": template["spec"]}) == pod_class(as_pod(template))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"containers": [{"resources": {"limits": {"cpu": "2", "memory": "1Ki"}, "requests": {"cpu": "1"}}}]},
            {"cpu": 1000, "memory": 1024},
            id="requests default to limits",
        ),
        pytest.param(
            {"containers": [{}], "initContainers": [{"resources": {"limits": {"cpu": "2"}}}]},
            {"cpu": 2000},
            id="also of init containers",
        ),
        pytest.param(
            {"containers": [{}], "resources": {"limits": {"cpu": "2"}}}, {"cpu": 2000}, id="also of the whole pod"
        ),
        pytest.param(
            {
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "resources": {"limits": {"cpu": "2", "memory": "1Ki"}, "requests": {}},
            },
            {"cpu": 1000, "memory": 1024},
            id="but what containers request goes before the pod's limit",
        ),
    ],
)
def test_a_template_gets_the_api_servers_defaults(spec: Raw, expected: dict[str, int]) -> None:
    assert dict(template_class({"spec": spec}).size.amounts) == expected | {"pods": 1}


def test_the_host_network_takes_its_ports_from_the_node() -> None:
    spec = {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 8080}]}]}
    assert template_class({"spec": spec}).size.ports == (HostPort("0.0.0.0", "TCP", 8080),)


@pytest.mark.parametrize(
    ("host_network", "port", "expected"),
    [
        (False, {"containerPort": 8080}, ()),
        (False, {"containerPort": 8080, "hostPort": 80}, (HostPort("0.0.0.0", "TCP", 80),)),
        (True, {"containerPort": 8080, "hostPort": 80}, (HostPort("0.0.0.0", "TCP", 80),)),
    ],
)
def test_a_port_of_the_node_is_taken_by_who_asks_for_it(
    *, host_network: bool, port: Raw, expected: tuple[HostPort, ...]
) -> None:
    spec = {"hostNetwork": host_network, "containers": [{"ports": [port]}]}
    assert template_class({"spec": spec}).size.ports == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({}, "missing required field `spec`"),
        ({"spec": {"containers": 3}}, "Expected `array`"),
        (
            {"spec": {"containers": [{"resources": {"requests": {"cpu": "much"}}}]}},
            "'much' is not a Kubernetes quantity",
        ),
        ({"spec": {"containers": [{"resources": {"requests": {"cpu": "-1"}}}]}}, "'-1' is negative"),
    ],
)
def test_a_template_that_no_pod_can_be_made_of(template: Raw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        template_class(template)
