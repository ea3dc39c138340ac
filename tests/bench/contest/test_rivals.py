"""The rivals ask for the same pods, in as many objects as they are known for, and take turns."""

from typing import Any

import pytest

from e2e.bench.contest.__main__ import rounds
from e2e.bench.contest.generator import sources
from e2e.bench.contest.rivals import RIVALS, Objects, Rival, chosen
from foosets.api.meta import PODS

OF_OBJECTS = [rival for rival in RIVALS if isinstance(rival.does, Objects)]


def templates(value: Any) -> list[dict[str, Any]]:
    """Every pod template inside an object."""
    if isinstance(value, list):
        return [found for entry in value for found in templates(entry)]
    if not isinstance(value, dict):
        return []
    if "containers" in value.get("spec", {}):
        return [value]
    return [found for entry in value.values() for found in templates(entry)]


def manifests(rival: Rival, pods: int) -> list[dict[str, Any]]:
    """What a rival creates that creates objects."""
    assert isinstance(rival.does, Objects)
    return list(rival.does.manifests(pods))


def counted(value: Any) -> int:
    """How many pods objects ask for."""
    if isinstance(value, list):
        return sum(map(counted, value))
    if not isinstance(value, dict):
        return 0
    return sum(value.get(name, 0) for name in ("completions", "replicas")) + sum(map(counted, value.values()))


@pytest.mark.parametrize("rival", OF_OBJECTS, ids=lambda rival: rival.name)
@pytest.mark.parametrize("pods", [4, 30, 1000])
def test_a_rival_asks_for_all_pods(rival: Rival, pods: int) -> None:
    assert counted(manifests(rival, pods)) == pods


def test_their_pods_differ_in_the_restart_policy_alone() -> None:
    found = [one for rival in OF_OBJECTS for one in templates(manifests(rival, 8))]
    without = [{**one, "spec": {**one["spec"], "restartPolicy": ""}} for one in found]
    assert len(found) == 4 + len(OF_OBJECTS) - 1
    assert all(one == without[0] for one in without)


def test_four_jobs_share_what_cannot_be_divided() -> None:
    (rival,) = chosen(["jobs"])
    jobs = manifests(rival, 30)
    assert [job["spec"]["completions"] for job in jobs] == [8, 8, 7, 7]
    assert len({job["metadata"]["name"] for job in jobs}) == 4


def test_every_comparison_is_with_a_rival_that_there_is() -> None:
    names = {rival.name for rival in RIVALS}
    assert all(set(rival.against) <= names - {rival.name} for rival in RIVALS)
    assert {rival.name for rival in RIVALS if rival.against} == {rival.name for rival in RIVALS if rival.suite}


def test_rivals_are_chosen_by_name_and_keep_their_order() -> None:
    assert [rival.name for rival in chosen(["job", "batch"])] == ["batch", "job"]
    assert chosen([]) == list(RIVALS)
    with pytest.raises(KeyError, match="jbo"):
        chosen(["jbo"])


def test_every_other_round_goes_backwards() -> None:
    a, b, c = RIVALS[:3]
    assert [list(order) for order in rounds([a, b, c], 3)] == [[a, b, c], [c, b, a], [a, b, c]]


def test_the_generator_has_the_watches_of_all_components() -> None:
    watched = sources()
    assert len(watched) == 19
    assert [one.resource for one in watched if one.field_selector == "spec.nodeName!="] == [PODS, PODS]
