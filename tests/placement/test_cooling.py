from msgspec import convert

from foosets.api.names import NodeName, Uid
from foosets.api.pod import Pod
from foosets.placement.cooling import COOLING_SECONDS, FORGIVEN_AFTER_SECONDS, Cooling
from tests.builders import pod, raw_pod

SECOND = 1_000_000
ONE, OTHER = Uid("one"), Uid("other")
N1, N2 = NodeName("n1"), NodeName("n2")


def test_a_node_is_left_out_for_the_set_whose_pod_it_rejected_and_for_no_other() -> None:
    cooling = Cooling()
    cooling.rejected(ONE, N1, 0)
    assert cooling.nodes(ONE, 0) == {N1: 10 * SECOND}
    assert cooling.nodes(OTHER, 0) == {}
    assert cooling.nodes(ONE, 10 * SECOND) == {}


def test_a_node_that_rejects_again_is_left_out_for_longer() -> None:
    cooling, now, spells = Cooling(), 0, list[int]()
    for _ in range(6):
        cooling.rejected(ONE, N1, now)
        until = cooling.nodes(ONE, now)[N1]
        spells.append((until - now) // SECOND)
        now = until
    assert spells == [*COOLING_SECONDS, 600, 600]


def test_pods_that_are_rejected_together_count_once() -> None:
    cooling = Cooling()
    for second in range(3):
        cooling.rejected(ONE, N1, second * SECOND)
    assert cooling.nodes(ONE, 0) == {N1: 10 * SECOND}


def test_a_node_that_took_pods_for_ten_minutes_starts_afresh() -> None:
    cooling = Cooling()
    cooling.rejected(ONE, N1, 0)
    again = (COOLING_SECONDS[0] + FORGIVEN_AFTER_SECONDS) * SECOND
    cooling.rejected(ONE, N1, again)
    assert cooling.nodes(ONE, again) == {N1: again + 10 * SECOND}


def test_nothing_is_kept_of_what_is_forgiven_or_gone() -> None:
    cooling = Cooling()
    cooling.rejected(ONE, N1, 0)
    cooling.rejected(OTHER, N2, 0)
    cooling.forget(OTHER)
    assert set(cooling._by_owner) == {ONE}
    cooling.rejected(OTHER, N2, 1000 * SECOND)
    assert set(cooling._by_owner) == {OTHER}


def test_what_is_forgiven_is_dropped_once_a_minute_and_not_at_each_rejection() -> None:
    cooling, kept = Cooling(), list[set[Uid]]()
    cooling.rejected(ONE, N1, 0)
    for second in (609, 611, 668, 669):  # the first of them looks through all, and forgiven is who cooled until 10
        cooling.rejected(Uid(f"at {second}"), N1, second * SECOND)
        kept.append({owner for owner in cooling._by_owner if owner == ONE})
    assert kept == [{ONE}, {ONE}, {ONE}, set()]


def test_only_the_moment_of_a_rejection_counts() -> None:
    cooling = Cooling()
    running, refused = pod(node="n1"), pod(node="n1", phase="Failed", reason="OutOfcpu")
    cooling.observe(running, pod(node="n1", phase="Failed"), 0)
    cooling.observe(running, None, 0)
    assert cooling.nodes(Uid("uid-work"), 0) == {}
    cooling.observe(running, refused, 0)
    cooling.observe(refused, refused, 10 * SECOND)
    assert cooling.nodes(Uid("uid-work"), 0) == {N1: 10 * SECOND}
    assert cooling.nodes(Uid("uid-work"), 10 * SECOND) == {}


def test_a_pod_of_nobody_cools_no_node() -> None:
    raw = raw_pod(node="n1", phase="Failed", reason="OutOfcpu")
    raw["metadata"]["ownerReferences"] = []
    cooling = Cooling()
    cooling.observe(None, convert(raw, Pod), 0)
    assert cooling._by_owner == {}
