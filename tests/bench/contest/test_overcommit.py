"""The check after each run: sums of requests, node by node, against what the node offers."""

from e2e.bench.contest.overcommit import overcommitted
from foosets.api.names import NodeName
from foosets.api.node import Node, NodeStatus
from foosets.api.pod import Container, Metadata, Pod, PodSpec, ResourceRequirements


def node(name: str = "n", **allocatable: str) -> Node:
    offered = {"cpu": "1", "memory": "1Gi", "pods": "10", **allocatable}
    return Node(metadata=Metadata(name=name), status=NodeStatus(allocatable=dict(offered)))


def pod(*containers: dict[str, str | int | float], on: str = "n") -> Pod:
    asking = [Container(resources=ResourceRequirements(requests=requests)) for requests in containers]
    return Pod(spec=PodSpec(node_name=NodeName(on), containers=asking))


def test_a_node_may_be_filled_to_the_brim() -> None:
    assert overcommitted([pod({"cpu": "500m", "memory": "512Mi"})] * 2, [node()]) == {}


def test_one_thousandth_too_much_is_too_much() -> None:
    pods = [pod({"cpu": "500m"}), pod({"cpu": "501m"})]
    assert overcommitted(pods, [node()]) == {"n": "cpu: 1001 of 1000"}


def test_all_containers_of_a_pod_count() -> None:
    assert overcommitted([pod({"cpu": "600m"}, {"cpu": "600m"})], [node()]) == {"n": "cpu: 1200 of 1000"}


def test_pods_that_ask_for_nothing_still_take_places() -> None:
    assert overcommitted([pod({})] * 3, [node(pods="2")]) == {"n": "pods: 3 of 2"}


def test_each_node_is_judged_by_itself() -> None:
    pods = [pod({"cpu": "1"}, on="a"), pod({"memory": "2Gi"}, on="b")]
    assert overcommitted(pods, [node("a"), node("b")]) == {"b": f"memory: {2 * 2**30} of {2**30}"}


def test_a_node_that_is_not_there_holds_nothing() -> None:
    assert overcommitted([pod({}, on="gone")], [node()]) == {"gone": "pods: 1 of 0"}


def test_what_a_node_does_not_offer_it_does_not_have() -> None:
    assert overcommitted([pod({"example.com/gpu": 1})], [node()]) == {"n": "example.com/gpu: 1 of 0"}
