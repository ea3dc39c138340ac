"""What the pods of each set take, fed with pods as a watch brings them."""

from typing import Any

import pytest
from msgspec import convert

from foosets.api import names
from foosets.api.pod import Pod
from foosets.placement.charges import Charge, Charges
from tests.builders import Raw, controlled_by, raw_pod


def pod(index: int = 0, cpu: str = "500m", **changes: Any) -> Pod:
    """A pod of the BatchFooSet `work`, which is a root of its own unless labels say otherwise."""
    raw: Raw = raw_pod(index, **changes)
    raw["spec"]["containers"] = [{"resources": {"requests": {"cpu": cpu}}}]
    return convert(raw, Pod)


def charges(*pods: Pod) -> Charges:
    made = Charges()
    for one in pods:
        made.observe(None, one)
    return made


def sums(made: Charges) -> dict[str, tuple[int, dict[str, int]]]:
    return {charge.owner_name: (charge.count, charge.amounts) for charge in made.of("ns")}


def test_pods_are_summed_by_owner() -> None:
    assert sums(charges(pod(0), pod(1, "250m"))) == {"work": (2, {"cpu": 750, "pods": 2})}


def test_a_pod_on_its_way_out_counts_until_it_is_gone() -> None:
    made, leaving = charges(pod()), pod(deleted=True)

    assert made.observe(pod(), leaving) is None
    assert sums(made) == {"work": (1, {"cpu": 500, "pods": 1})}
    assert made.observe(leaving, None) == "ns"
    assert sums(made) == {}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_counts_no_more(phase: str) -> None:
    made, ended = charges(pod(0), pod(1)), pod(1, phase=phase)

    assert made.observe(pod(1), ended) == "ns"
    assert sums(made) == {"work": (1, {"cpu": 500, "pods": 1})}
    assert made.observe(ended, None) is None


def test_a_pod_that_is_resized_counts_with_its_new_size() -> None:
    made = charges(pod())
    assert made.observe(pod(), pod(cpu="2")) == "ns"
    assert sums(made) == {"work": (1, {"cpu": 2000, "pods": 1})}


def test_what_a_pod_says_of_itself_changes_nothing() -> None:
    assert charges(pod()).observe(pod(), pod(phase="Running", ready=True)) is None


@pytest.mark.parametrize(
    "other",
    [pod(kind="Job"), pod(labels={names.OWNER_UID: "another"}), convert({"metadata": {"namespace": "ns"}}, Pod)],
    ids=["of another kind", "with another's label", "nobody's"],
)
def test_other_pods_cost_nothing(other: Pod) -> None:
    made = Charges()
    assert made.observe(None, other) is None
    assert sums(made) == {}


def test_a_pod_that_gives_up_its_label_is_no_pod_of_ours_any_more() -> None:
    made = charges(pod())
    assert made.observe(pod(), pod(labels={names.OWNER_UID: "another"})) == "ns"
    assert sums(made) == {}


def test_a_size_that_nobody_can_read_counts_as_a_pod() -> None:
    assert sums(charges(pod(cpu="lots"))) == {"work": (1, {"pods": 1})}


def test_labels_tell_where_pods_come_from_when_nothing_else_is_left() -> None:
    lineage = {names.SET_UID: "uid-demo", names.SET_NAME: "demo", names.CHILD: "part"}
    (derived,) = charges(pod(labels=lineage)).of("ns")
    (own,) = charges(pod(kind="ServiceFooSet")).of("ns")

    assert derived == Charge(
        names.Uid("uid-work"), names.Kind.BATCHFOOSET, "work", names.Uid("uid-demo"), "demo", True, 1, derived.amounts
    )
    assert (own.owner_kind, own.root, own.root_name, own.derived) == ("ServiceFooSet", "uid-work", "work", False)


def test_namespaces_are_apart() -> None:
    assert list(charges(pod()).of("other")) == []
    assert controlled_by("BatchFooSet", "work")[0]["uid"] == "uid-work"


def test_pods_are_abandoned_when_their_owner_goes_and_forgotten_with_the_last() -> None:
    made, owner = charges(pod()), pod().metadata.owner_references[0].uid
    made.abandon("ns", names.Uid("another"))
    made.abandon("elsewhere", owner)
    assert [charge.abandoned for charge in made.of("ns")] == [False]

    made.abandon("ns", owner)
    made.observe(pod(), pod(cpu="2"))
    assert [charge.abandoned for charge in made.of("ns")] == [True]
    made.observe(pod(cpu="2"), None)
    made.observe(None, pod())
    assert [charge.abandoned for charge in made.of("ns")] == [False]
