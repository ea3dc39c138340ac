"""Who is given what, table by table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from foosets.api.fooquota import FooQuota
from foosets.api.names import Kind
from foosets.fooquota.state import Observed, Root
from tests.builders import NOW
from tests.fooquota.world import (
    CREATED,
    alone,
    counts,
    part,
    pods,
    quota,
    requests,
    root,
    settled,
    status,
    then,
    waiting,
    written,
)

TEN = quota(cpu="10")
MORE = "exceeded FooQuota: team, requested: cpu={}, reserved: cpu={}, limited: cpu={}"


# ---- first grants


def test_a_set_is_given_all_that_it_asks_for() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="2"), part("demo-b", 2, cpu="500m")),)))

    assert counts(seen) == {"demo": {"demo-a": 3, "demo-b": 2}}
    assert requests(seen) == {"demo": {"cpu": "7"}}
    assert (status(seen).reserved, status(seen).used) == ({"cpu": "7"}, {"cpu": "0"})
    assert [entry.children[0].pod_requests for entry in status(seen).reservations] == [{"cpu": "2"}]


def test_a_set_that_does_not_fit_is_given_nothing() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 2, cpu="4"), part("demo-b", 1, cpu="3")),)))

    assert (counts(seen), status(seen).waiting) == ({}, 1)
    assert waiting(seen) == {"demo": MORE.format(11, 0, 10)}


def test_whoever_fits_goes_whoever_waits_before_it() -> None:
    large = root("large", part("large-a", 1, cpu="8"), created=CREATED - timedelta(minutes=1))
    seen = settled(Observed((TEN,), (alone("first", 1, cpu="6"),)))

    seen = then(seen, alone("first", 1, cpu="6"), large, alone("small", 1, cpu="4"))

    assert counts(seen) == {"first": {"first": 1}, "small": {"small": 1}}
    assert waiting(seen) == {"large": MORE.format(8, 10, 10)}


def test_the_oldest_is_first_in_line_and_a_name_decides_between_two_of_one_second() -> None:
    young = root("a", part("a-x", 1, cpu="6"), created=CREATED + timedelta(seconds=1))
    seen = settled(Observed((TEN,), (young, alone("c", 1, cpu="6"), alone("b", 1, cpu="6"))))

    assert (list(counts(seen)), list(waiting(seen))) == (["b"], ["c", "a"])


def test_a_higher_priority_goes_before_age() -> None:
    old, new = (
        root(name, part(f"{name}-x", 1, cpu="6"), classes=(name,), created=at)
        for name, at in (("old", CREATED), ("new", NOW))
    )
    seen = settled(Observed((TEN,), (old, new), {"old": 1, "new": 2}))

    assert (list(counts(seen)), list(waiting(seen))) == (["new"], ["old"])


@pytest.mark.parametrize(
    ("classes", "default", "first"),
    [
        (("high", "low"), 0, "other"),  # the lowest of its pods counts
        (("high",), 0, "mixed"),
        (("",), 60, "mixed"),  # pods without a class have the cluster's default
        (("none-such",), 0, "other"),
        ((), 60, "mixed"),  # no pods
    ],
)
def test_a_set_has_the_lowest_priority_of_its_pods(classes: tuple[str, ...], default: int, first: str) -> None:
    mixed = root("mixed", part("mixed-x", 1, cpu="6"), classes=classes, created=NOW)
    other = root("other", part("other-x", 1, cpu="6"), classes=("middle",))

    seen = settled(Observed((TEN,), (mixed, other), {"high": 100, "middle": 50, "low": 10}, default))

    assert list(counts(seen)) == [first]


def test_what_is_not_limited_costs_nothing() -> None:
    seen = settled(Observed((quota(memory="1Gi"),), (alone("web", 100, cpu="6"),)))

    assert (counts(seen), requests(seen)) == ({"web": {"web": 100}}, {"web": {"memory": "0"}})


def test_pods_can_be_limited_in_number() -> None:
    seen = settled(Observed((quota(pods="3"),), (alone("web", 4),)))

    assert waiting(seen) == {"web": "exceeded FooQuota: team, requested: pods=4, reserved: pods=0, limited: pods=3"}


def test_nobody_is_served_before_all_caches_have_told() -> None:
    assert written(Observed((TEN,), (alone("web", 1, cpu="1"),), complete=False)) is None


# ---- more, and less


def test_an_autoscaler_gets_as_far_as_there_is_room_and_waits_for_the_rest() -> None:
    seen = settled(Observed((TEN,), (alone("web", 2, cpu="3"),)))

    seen = then(seen, alone("web", 5, live=2, generation=2, cpu="3"))

    assert (counts(seen), requests(seen)) == ({"web": {"web": 3}}, {"web": {"cpu": "9"}})
    assert waiting(seen) == {"web": MORE.format(6, 9, 10)}
    assert status(seen).reservations[0].generation == 2


def test_a_scaled_part_of_a_fooset_gets_as_far_as_there_is_room() -> None:
    one, two = part("demo-a", 1, cpu="3"), part("demo-b", 2, cpu="3")
    seen = settled(Observed((TEN,), (root("demo", one, two),)))

    seen = then(seen, root("demo", one, part("demo-b", 4, cpu="2", memory="1Gi")))

    assert counts(seen) == {"demo": {"demo-a": 1, "demo-b": 3}}


def test_a_new_generation_that_does_not_fit_is_refused_and_leaves_the_old_one_running() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="3")),)))
    before = status(seen).reservations

    wish = root("demo", part("demo-a", 4, acknowledged=False, cpu="3"), live={"demo-a": pods(3, cpu="3")}, generation=2)
    seen = then(seen, wish)

    assert status(seen).reservations == before
    assert waiting(seen) == {"demo": MORE.format(3, 9, 10)}
    assert status(seen).queue[0].generation == 2


def test_a_new_size_of_a_set_without_parent_is_refused_as_a_whole() -> None:
    seen = settled(Observed((TEN,), (alone("web", 3, cpu="3"),)))

    running = {"web": pods(3, cpu="3")}
    seen = then(seen, root("web", part("web", 3, cpu="4"), live=running, kind=Kind.SERVICEFOOSET, generation=2))

    assert (counts(seen), status(seen).reservations[0].generation) == ({"web": {"web": 3}}, 1)
    assert waiting(seen) == {"web": MORE.format(3, 9, 10)}


def test_what_has_finished_is_given_back_while_a_newer_generation_waits() -> None:
    six = quota(pods="12")
    seen = settled(Observed((six,), tuple(root(name, part(f"{name}-w", 4), part(f"{name}-s", 1)) for name in "ab")))

    def grown(name: str, work: int) -> Root:
        parts = (part(f"{name}-w", work), part(f"{name}-s", 8, acknowledged=False))
        return root(name, *parts, live={f"{name}-s": pods(1)}, generation=2)

    seen = then(seen, grown("a", 4), grown("b", 4))
    assert (list(waiting(seen)), counts(seen)["a"]) == (["a", "b"], {"a-w": 4, "a-s": 1})

    seen = then(seen, grown("a", 0), grown("b", 0))

    assert (requests(seen), list(waiting(seen))) == ({"a": {"pods": "8"}, "b": {"pods": "1"}}, ["b"])
    assert counts(seen)["b"] == {"b-w": 0, "b-s": 1}


def test_a_part_that_wants_fewer_pods_while_its_root_waits_is_told_of_no_more() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 4, cpu="1"), part("demo-b", 1, cpu="1")),)))

    larger, running = part("demo-b", 1, acknowledged=False, cpu="9"), {"demo-a": pods(3, cpu="1")}
    seen = then(seen, root("demo", part("demo-a", 2, cpu="1"), larger, live=running, generation=2))

    assert (counts(seen), requests(seen)) == ({"demo": {"demo-a": 2, "demo-b": 1}}, {"demo": {"cpu": "4"}})


def test_pods_of_an_older_size_are_kept_beside_those_that_may_replace_them_while_a_newer_generation_waits() -> None:
    old = {"demo-a": pods(4, cpu="2")}
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 4, cpu="2"), live=old),)))
    seen = then(seen, root("demo", part("demo-a", 4, cpu="1"), live=old, generation=2))
    left = {"demo-a": pods(2, cpu="2")}

    seen = then(
        seen, root("demo", part("demo-a", 4, cpu="1"), part("demo-b", 1, waits=True, cpu="9"), live=left, generation=3)
    )

    assert (counts(seen)["demo"], requests(seen)) == ({"demo-a": 4}, {"demo": {"cpu": "6"}})
    assert list(waiting(seen)) == ["demo"]


def test_a_set_without_parent_whose_newer_spec_waits_holds_its_pods_alone() -> None:
    seen = settled(Observed((TEN,), (alone("web", 5, cpu="2"),)))

    larger, running = part("web", 5, waits=True, cpu="3"), {"web": pods(2, cpu="2")}
    changed = root("web", larger, live=running, kind=Kind.SERVICEFOOSET, generation=2)
    seen = then(seen, changed, alone("api", 3, cpu="2"))

    assert requests(seen) == {"api": {"cpu": "6"}, "web": {"cpu": "4"}}
    assert (counts(seen)["web"], list(waiting(seen))) == ({"web": 2}, ["web"])


def test_a_set_without_parent_may_make_what_it_was_told_until_its_controller_has_seen_the_newer_spec() -> None:
    seen = settled(Observed((TEN,), (alone("web", 5, cpu="2"),)))

    larger = part("web", 5, acknowledged=False, waits=True, cpu="3")
    seen = then(seen, root("web", larger, kind=Kind.SERVICEFOOSET, generation=2))

    assert (requests(seen), counts(seen)) == ({"web": {"cpu": "10"}}, {"web": {"web": 5}})


def test_a_part_that_was_never_made_holds_nothing_while_a_newer_generation_waits() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 1, cpu="1"), part("demo-b", 4, cpu="2")),)))

    parts = (part("demo-a", 1, cpu="1"), part("demo-b", 6, waits=True, cpu="2"))
    seen = then(seen, root("demo", *parts, generation=2))

    assert (requests(seen), counts(seen)["demo"]) == ({"demo": {"cpu": "1"}}, {"demo-a": 1, "demo-b": 0})


def test_a_set_that_needs_less_is_charged_out_of_what_it_has_before_others_are_served() -> None:
    first = alone("web", 5, cpu="2")
    old = root("old", part("old-x", 5, cpu="2"), created=CREATED - timedelta(minutes=1))
    seen = settled(Observed((TEN,), (first,)))

    seen = then(seen, alone("web", 5, cpu="1", generation=2), old)

    assert (requests(seen), list(waiting(seen))) == ({"web": {"cpu": "5"}}, ["old"])


def test_a_refused_generation_is_granted_when_there_is_room() -> None:
    other, wish = alone("other", 1, cpu="2"), root("demo", part("demo-a", 4, cpu="2"), generation=2)
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="2")), other, alone("more", 1, cpu="2"))))
    seen = then(seen, wish, other, alone("more", 1, cpu="2"))
    assert list(waiting(seen)) == ["demo"]

    seen = then(seen, wish, other)

    assert (waiting(seen), status(seen).reservations[0].generation) == ({}, 2)


def test_a_larger_template_is_charged_with_what_its_pods_will_take_before_one_is_replaced() -> None:
    running = {"demo-a": pods(3, cpu="1")}
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="1"), live=running),)))

    seen = then(seen, root("demo", part("demo-a", 3, acknowledged=False, cpu="3"), live=running, generation=2))

    assert (requests(seen), counts(seen)) == ({"demo": {"cpu": "9"}}, {"demo": {"demo-a": 3}})
    assert status(seen).used == {"cpu": "3"}


def test_a_smaller_template_gives_back_pod_by_pod() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="3"), live={"demo-a": pods(3, cpu="3")}),)))

    told = root("demo", part("demo-a", 3, acknowledged=False, cpu="1"), live={"demo-a": pods(3, cpu="3")})
    assert requests(then(seen, told)) == {"demo": {"cpu": "9"}}

    mixed = pods(2, cpu="3").amounts["cpu"] + 1000
    rolling = root("demo", part("demo-a", 3, cpu="1"), live={"demo-a": replace(pods(3), amounts={"cpu": mixed})})
    assert requests(then(then(seen, told), rolling)) == {"demo": {"cpu": "7"}}


def test_more_and_smaller_pods_wait_for_the_larger_ones_where_there_is_no_room_beside_them() -> None:
    old = {"demo-a": pods(2, cpu="4")}
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 2, cpu="4"), live=old), alone("web", 2, cpu="1"))))

    more = root("demo", part("demo-a", 4, cpu="1"), live=old, generation=2)
    seen = then(seen, more, alone("web", 2, live=2, cpu="1"))
    assert (counts(seen)["demo"], requests(seen)["demo"]) == ({"demo-a": 2}, {"cpu": "8"})
    assert waiting(seen) == {"demo": MORE.format(2, 10, 10)}

    one_left = root("demo", part("demo-a", 4, cpu="1"), live={"demo-a": pods(1, cpu="4")}, generation=2)
    seen = then(seen, one_left, alone("web", 2, live=2, cpu="1"))
    assert (counts(seen)["demo"], requests(seen)["demo"]) == ({"demo-a": 4}, {"cpu": "7"})


def test_a_size_that_admission_adds_to_is_given_to_all_pods_of_a_new_set_or_to_none() -> None:
    wishes = [[root(name, part(f"{name}-x", 4, cpu=cpu)) for name in "ab"] for cpu in ("0", "2")]
    seen = settled(Observed((TEN,), tuple(wishes[0])))

    seen = then(seen, *wishes[1])

    assert requests(seen) == {"a": {"cpu": "8"}, "b": {"cpu": "0"}}
    assert [entry.children[0].pod_requests for entry in status(seen).reservations] == [{"cpu": "2"}, {"cpu": "0"}]
    assert waiting(seen) == {"b": MORE.format(8, 8, 10)}
    assert requests(then(seen, wishes[1][1])) == {"b": {"cpu": "8"}}


def test_a_size_that_admission_adds_to_when_pods_run_gets_as_far_as_there_is_room() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, cpu="2"),)))
    unseen = replace(part("web", 4, waits=True, cpu="3"), reported=1)

    for begun in (alone("web", 4, live=1, cpu="3"), root("web", unseen, kind=Kind.SERVICEFOOSET)):
        grown = then(seen, begun)
        assert (counts(grown), requests(grown)) == ({"web": {"web": 3}}, {"web": {"cpu": "9"}})
        assert list(waiting(grown)) == ["web"]


def test_shrinking_is_free_at_once_for_what_nobody_uses_or_may_be_about_to_make() -> None:
    seen = settled(Observed((TEN,), (alone("web", 5, cpu="2"),)))

    told = root("web", part("web", 2, acknowledged=False, cpu="2"), kind=Kind.SERVICEFOOSET, generation=2)
    assert requests(then(seen, told)) == {"web": {"cpu": "10"}}
    assert counts(then(seen, told)) == {"web": {"web": 5}}

    acknowledged = alone("web", 2, live=4, generation=2, cpu="2")
    assert requests(then(seen, acknowledged)) == {"web": {"cpu": "8"}}
    assert counts(then(seen, acknowledged)) == {"web": {"web": 2}}
    assert requests(then(seen, alone("web", 2, live=2, generation=2, cpu="2"))) == {"web": {"cpu": "4"}}


def test_pods_that_only_their_controller_has_seen_hold_what_it_was_told() -> None:
    seen = settled(Observed((TEN,), (alone("web", 5, cpu="2"),)))

    behind = replace(part("web", 2, acknowledged=True, cpu="2"), reported=4)
    seen = then(seen, root("web", behind, kind=Kind.SERVICEFOOSET, generation=2))

    assert (requests(seen), counts(seen)) == ({"web": {"cpu": "8"}}, {"web": {"web": 2}})


def test_pods_on_their_way_out_hold_what_they_take() -> None:
    seen = settled(Observed((TEN,), (alone("web", 5, cpu="2"),)))

    assert requests(then(seen, alone("web", 0, live=5, cpu="2"))) == {"web": {"cpu": "10"}}


# ---- from one part to another


def test_what_one_part_gives_up_goes_to_another_as_its_pods_go() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 5, cpu="2")),)))
    moved = (part("demo-a", 0, cpu="2"), part("demo-b", 5, cpu="2"))

    given = [
        counts(then(seen, root("demo", *moved, live={"demo-a": pods(left, cpu="2")}, generation=2)))["demo"]
        for left in (5, 3, 0)
    ]

    assert given == [{"demo-a": 0, "demo-b": 0}, {"demo-a": 0, "demo-b": 2}, {"demo-a": 0, "demo-b": 5}]


SHIFT = "FooQuota team holds all that the set asks for; demo-b may have the rest as other pods of it go"


def test_a_part_that_waits_for_pods_of_another_is_told_so() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 5, cpu="2")),)))
    moved = (part("demo-a", 0, cpu="2"), part("demo-b", 5, cpu="2"))

    seen = then(seen, root("demo", *moved, live={"demo-a": pods(3, cpu="2")}, generation=2))
    assert (waiting(seen), status(seen).waiting) == ({"demo": SHIFT}, 1)
    assert (status(seen).queue[0].generation, status(seen).queue[0].reason) == (2, "Placing")

    assert waiting(then(seen, root("demo", *moved, generation=2))) == {}


def test_a_part_whose_controller_has_not_heard_of_the_change_keeps_what_it_was_told() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 5, cpu="2")),)))
    moved = (part("demo-a", 0, acknowledged=False), part("demo-b", 5, cpu="2"))

    seen = then(seen, root("demo", *moved, generation=2))

    assert (counts(seen), requests(seen)) == ({"demo": {"demo-a": 5, "demo-b": 0}}, {"demo": {"cpu": "10"}})
    assert waiting(seen) == {"demo": SHIFT}


def test_a_part_that_vanished_holds_its_promise_until_its_root_has_seen_the_change() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 5, cpu="2")),)))
    wish = part("demo-b", 5, cpu="2")

    assert counts(then(seen, root("demo", wish, generation=2, current=False)))["demo"] == {"demo-b": 0, "demo-a": 5}
    assert counts(then(seen, root("demo", wish, generation=2)))["demo"] == {"demo-b": 5, "demo-a": 0}


def test_a_part_whose_pods_are_seen_before_itself_keeps_what_it_was_told() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 5, cpu="2")),)))
    moved, running = (part("demo-a", 0, cpu="2"), part("demo-b", 5, cpu="2")), {"demo-a": pods(1, cpu="2")}

    early = replace(root("demo", *moved, live=running, generation=2), unseen=frozenset({"demo-a"}))
    assert counts(then(seen, early))["demo"] == {"demo-a": 5, "demo-b": 0}
    gone = replace(root("demo", part("demo-b", 5, cpu="2"), live=running, generation=2), unseen=frozenset({"demo-a"}))
    assert counts(then(seen, gone))["demo"] == {"demo-b": 0, "demo-a": 5}


def test_both_sizes_are_kept_until_the_new_one_is_acknowledged() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 10, cpu="1")),)))

    seen = then(seen, root("demo", part("demo-a", 4, acknowledged=False, cpu="2"), generation=2))
    assert (counts(seen), requests(seen)) == ({"demo": {"demo-a": 10}}, {"demo": {"cpu": "10"}})

    seen = then(seen, root("demo", part("demo-a", 4, cpu="2"), generation=2))
    assert (counts(seen), requests(seen)) == ({"demo": {"demo-a": 4}}, {"demo": {"cpu": "8"}})


def test_fewer_and_larger_pods_are_told_of_when_nobody_acts_on_the_older_wish_any_more() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 3, cpu="1")),)))

    seen = then(seen, root("demo", part("demo-a", 1, acknowledged=False, cpu="4"), generation=2))
    assert (told(seen), requests(seen)) == ((2, 3, {"cpu": "1"}), {"demo": {"cpu": "4"}})

    scaled = then(seen, root("demo", part("demo-a", 3, acknowledged=False, cpu="4"), generation=2))
    assert (told(scaled), requests(scaled)) == ((2, 3, {"cpu": "1"}), {"demo": {"cpu": "8"}})

    seen = then(seen, root("demo", part("demo-a", 1, cpu="4"), generation=2))
    assert (told(seen), requests(seen)) == ((2, 1, {"cpu": "4"}), {"demo": {"cpu": "4"}})


def test_more_and_smaller_pods_are_told_of_when_nobody_acts_on_the_older_wish_any_more() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 1, cpu="4")),)))

    seen = then(seen, root("demo", part("demo-a", 3, acknowledged=False, cpu="1"), generation=2))
    assert (told(seen), requests(seen)) == ((2, 1, {"cpu": "4"}), {"demo": {"cpu": "6"}})

    seen = then(seen, root("demo", part("demo-a", 3, cpu="1"), generation=2))
    assert (told(seen), requests(seen)) == ((2, 3, {"cpu": "1"}), {"demo": {"cpu": "3"}})


def test_a_set_without_parent_is_not_granted_a_count_at_a_size_that_it_was_not_charged_with_so_often() -> None:
    seen = settled(Observed((TEN,), (alone("web", 3, cpu="1"),)))

    for generation, want in ((2, 1), (3, 3)):
        wish = part("web", want, acknowledged=False, cpu="4")
        seen = then(seen, root("web", wish, kind=Kind.SERVICEFOOSET, generation=generation))

    assert (told(seen), requests(seen)) == ((2, 3, {"cpu": "1"}), {"web": {"cpu": "3"}})
    assert waiting(seen) == {"web": MORE.format(9, 3, 10)}


def told(seen: Observed) -> tuple[int, int, dict[str, str]]:
    """Return the generation of the only reservation, and what its only part was told."""
    (entry,) = status(seen).reservations
    (child,) = entry.children
    return entry.generation, child.count, child.pod_requests


# ---- who is gone


def test_a_set_that_is_gone_holds_what_its_pods_take_until_the_last_is_gone() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, live=4, cpu="2"), alone("next", 1, cpu="4"))))

    leaving = root("web", live={"web": pods(3, cpu="2")}, kind=Kind.SERVICEFOOSET, staying=False)
    seen = then(seen, leaving, alone("next", 1, cpu="4"))
    assert requests(seen) == {"next": {"cpu": "4"}, "web": {"cpu": "6"}}

    assert requests(then(seen, alone("next", 1, cpu="4"))) == {"next": {"cpu": "4"}}


def test_a_set_that_is_gone_holds_what_its_children_may_still_make() -> None:
    seen = settled(Observed((TEN,), (root("demo", part("demo-a", 4, cpu="2")),)))

    orphans = root("demo", part("demo-a", 0, acknowledged=False), staying=False, generation=0)
    seen = then(seen, orphans)

    assert (requests(seen), status(seen).reservations[0].generation) == ({"demo": {"cpu": "8"}}, 1)


def test_a_set_on_its_way_out_keeps_its_entry_and_asks_for_nothing() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, cpu="2"),)))

    seen = then(seen, root("web", part("web", 0, cpu="2"), kind=Kind.SERVICEFOOSET, staying=False))

    assert requests(seen) == {"web": {"cpu": "0"}}


@pytest.mark.parametrize(
    ("left", "holds"),
    [
        (alone("work", 0), False),
        (alone("work", 0, live=1, cpu="2"), True),
        (root("work", replace(part("work", 0, waits=True, cpu="2"), reported=1)), True),
        (root("work", part("work", 1, waits=True, cpu="2")), True),  # made anew
    ],
    ids=["nothing", "a pod", "a pod that its controller has seen", "a lost child"],
)
def test_a_set_that_has_ended_holds_nothing_when_its_last_pod_is_over(left: Root, *, holds: bool) -> None:
    seen = settled(Observed((TEN,), (alone("work", 4, cpu="2"),)))

    seen = then(seen, replace(left, demand=replace(left.demand, ended=True)))

    assert (("work" in requests(seen)), waiting(seen)) == (holds, {})


def test_a_set_that_goes_while_it_waits_is_forgotten() -> None:
    seen = settled(Observed((TEN,), (alone("web", 6, cpu="2"),)))

    seen = then(seen, root("web", part("web", 0, cpu="2"), kind=Kind.SERVICEFOOSET, staying=False))

    assert (requests(seen), waiting(seen)) == ({}, {})


# ---- quotas that come, change and go


def test_a_quota_made_later_counts_what_exists_first_and_the_rest_as_growth() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, live=3, cpu="2"), alone("api", 4, live=2, cpu="2"))))

    assert (counts(seen), requests(seen)) == (
        {"api": {"api": 2}, "web": {"web": 3}},
        {"api": {"cpu": "4"}, "web": {"cpu": "6"}},
    )
    assert waiting(seen) == {"api": MORE.format(4, 10, 10), "web": MORE.format(2, 10, 10)}


def test_a_quota_made_later_shows_by_how_much_what_exists_is_above_it() -> None:
    seen = settled(Observed((TEN,), (alone("web", 8, live=8, cpu="2"),)))

    (ready,) = status(seen).conditions
    assert (ready.status, ready.reason) == ("False", "QuotaExceeded")
    assert ready.message == "the sets hold cpu=6 more than spec.hard allows; nothing is taken from them"


def test_a_limit_that_is_lowered_takes_nothing_away_and_gives_nothing_more() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, live=4, cpu="2"),)))
    assert status(seen).conditions[0].reason == "Available"

    lower = seen.quotas[0].model_copy(update={"spec": quota(cpu="5").spec})
    seen = then(replace(seen, quotas=(lower,)), alone("web", 5, live=4, generation=2, cpu="2"), alone("no", 0, cpu="1"))

    assert counts(seen) == {"no": {"no": 0}, "web": {"web": 4}}
    assert status(seen).conditions[0].message.startswith("the sets hold cpu=3 more")
    assert waiting(seen) == {"web": MORE.format(2, 8, 5)}


def test_a_resource_that_is_listed_later_is_charged_with_what_was_given() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, cpu="2", memory="1Gi"),)))

    both = seen.quotas[0].model_copy(update={"spec": quota(cpu="10", memory="2Gi").spec})
    seen = then(replace(seen, quotas=(both,)), alone("web", 4, cpu="2", memory="1Gi"))

    assert requests(seen) == {"web": {"cpu": "8", "memory": "4Gi"}}
    assert "memory=2Gi" in status(seen).conditions[0].message


def test_a_set_must_fit_in_every_quota_and_the_one_that_lacks_something_says_so() -> None:
    quotas = (quota("cores", cpu="10"), quota("space", memory="3Gi", pods="9"))
    seen = settled(Observed(quotas, (alone("web", 4, cpu="2", memory="1Gi"), alone("api", 2, cpu="4"))))

    assert (requests(seen, "cores"), requests(seen, "space")) == (
        {"api": {"cpu": "8"}},
        {"api": {"memory": "0", "pods": "2"}},
    )
    assert "cpu=8" in waiting(seen, "cores")["web"]
    assert "memory=4Gi" in waiting(seen, "space")["web"]
    assert "pods" not in waiting(seen, "space")["web"]


def test_of_two_quotas_the_tighter_counts_and_the_other_does_not_speak() -> None:
    quotas = (quota("tight", cpu="4"), quota("wide", cpu="40"))
    seen = settled(Observed(quotas, (alone("web", 4, cpu="2"),)))

    assert (list(waiting(seen, "tight")), waiting(seen, "wide")) == (["web"], {})


def test_a_grant_is_written_to_the_oldest_quota_first() -> None:
    quotas = (quota("a", cpu="10"), made_before(quota("b", cpu="10")))

    first = written(Observed(quotas, (alone("web", 1, cpu="1"),)))

    assert first is not None
    assert (list(counts(first, "a")), list(counts(first, "b"))) == ([], ["web"])


def test_a_grant_that_was_written_to_the_first_quota_alone_is_completed_before_others_are_served() -> None:
    quotas = tuple(made_before(quota(name, cpu="10")) for name in "ab")
    half = written(Observed(quotas, (alone("web", 1, cpu="6"),)))
    assert half is not None

    seen = then(half, alone("api", 1, cpu="6"), alone("web", 1, cpu="6"))

    assert list(counts(seen, "b")) == ["web"]


def test_a_grant_that_was_begun_and_does_not_fit_any_more_is_none() -> None:
    quotas = tuple(made_before(quota(name, cpu="10")) for name in "ab")
    half = written(Observed(quotas, (alone("web", 1, cpu="6"),)))
    assert half is not None
    lower = half.quotas[1].model_copy(update={"spec": quota(cpu="5").spec})

    seen = then(replace(half, quotas=(half.quotas[0], lower)), alone("web", 1, cpu="6"))

    assert (counts(seen, "a"), counts(seen, "b"), list(waiting(seen, "b"))) == ({}, {}, ["web"])


def made_before(one: FooQuota) -> FooQuota:
    """The quota, made an hour ago."""
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"creation_timestamp": CREATED})})


def test_a_growth_that_was_written_to_the_first_quota_alone_is_completed() -> None:
    quotas = (quota("a", cpu="10"), quota("b", cpu="10"))
    seen = settled(Observed(quotas, (root("demo", part("demo-a", 2, cpu="1")),)))
    wish = root("demo", part("demo-a", 3, cpu="2"), part("demo-b", 1, cpu="1"), generation=2)
    half = written(replace(seen, roots=(wish,)))
    assert half is not None
    assert (requests(half, "a"), requests(half, "b")) == ({"demo": {"cpu": "7"}}, {"demo": {"cpu": "2"}})

    assert requests(settled(half), "b") == {"demo": {"cpu": "7"}}


def test_a_growth_in_part_that_was_written_to_the_first_quota_alone_is_charged_in_the_next() -> None:
    quotas = (quota("a", pods="4"), quota("b", cpu="10"))
    seen = settled(Observed(quotas, (root("demo", part("demo-a", 1, cpu="1"), part("demo-b", 0, cpu="1")),)))
    half = written(replace(seen, roots=(root("demo", part("demo-a", 1, cpu="1"), part("demo-b", 4, cpu="1")),)))
    assert half is not None
    assert (counts(half, "a"), requests(half, "b")) == ({"demo": {"demo-a": 1, "demo-b": 3}}, {"demo": {"cpu": "1"}})

    seen = settled(half)

    assert (counts(seen, "b"), requests(seen, "b")) == ({"demo": {"demo-a": 1, "demo-b": 3}}, {"demo": {"cpu": "4"}})


def test_a_growth_that_was_written_to_the_first_quota_alone_and_does_not_fit_any_more_is_told_to_nobody() -> None:
    quotas = (quota("a", cpu="20"), quota("b", pods="8"))
    seen = settled(Observed(quotas, (alone("web", 4, cpu="1"),)))
    more = root("web", part("web", 6, acknowledged=False, cpu="1"), kind=Kind.SERVICEFOOSET)
    half = written(replace(seen, roots=(more,)))
    assert half is not None
    assert (counts(half, "a"), counts(half, "b")) == ({"web": {"web": 6}}, {"web": {"web": 4}})

    tight = quota("b", status=status(half, "b").model_dump(by_alias=True), pods="4")
    after = settled(replace(half, quotas=(half.quotas[0], tight)))

    assert counts(after, "a") == counts(after, "b") == {"web": {"web": 4}}
    assert (requests(after, "a"), requests(after, "b")) == ({"web": {"cpu": "4"}}, {"web": {"pods": "4"}})
    assert list(waiting(after, "b")) == ["web"]


def test_parts_that_the_next_quota_has_not_been_told_of_are_handed_nothing_twice() -> None:
    quotas = (quota("a", pods="9"), quota("b", cpu="9"))
    seen = settled(Observed(quotas, (root("demo", part("demo-a", 2, cpu="2")),)))
    wish = (part("demo-a", 3, acknowledged=False, cpu="1"), part("demo-b", 1, cpu="1"), part("demo-c", 2, cpu="500m"))
    half = written(replace(seen, roots=(root("demo", *wish, generation=2),)))
    assert half is not None

    seen = settled(half)

    assert counts(half, "a") == {"demo": {"demo-a": 2, "demo-b": 0, "demo-c": 0}}
    assert counts(seen, "a") == counts(seen, "b") == {"demo": {"demo-a": 2, "demo-b": 1, "demo-c": 0}}
    assert requests(seen, "b") == {"demo": {"cpu": "6"}}  # two pods of 2, and a third and the other part's of 1


def test_what_was_written_to_the_first_quota_alone_comes_before_a_higher_priority() -> None:
    quotas = (quota("a", pods="9"), quota("b", cpu="3"))
    seen = settled(Observed(quotas, (alone("web", 1, cpu="1"),)))
    grown = alone("web", 3, cpu="1")
    half = written(replace(seen, roots=(grown,)))
    assert half is not None

    urgent = root("urgent", part("urgent-a", 1, cpu="1"), classes=("high",))
    seen = settled(replace(half, roots=(grown, urgent), priorities={"high": 9}))

    assert (counts(seen, "b"), list(waiting(seen, "b"))) == ({"web": {"web": 3}}, ["urgent"])


def test_a_generation_that_was_written_to_the_first_quota_alone_and_is_overtaken_stays_with_each() -> None:
    quotas = (quota("a", pods="9"), quota("b", cpu="3"))
    seen = settled(Observed(quotas, (root("demo", part("demo-a", 1, cpu="1")),)))
    half = written(replace(seen, roots=(root("demo", part("demo-a", 3, cpu="1"), generation=2),)))
    assert half is not None

    after = then(half, root("demo", part("demo-a", 5, acknowledged=False, cpu="1"), generation=3))

    assert [status(after, name).reservations for name in "ab"] == [status(half, name).reservations for name in "ab"]
    assert list(waiting(after, "b")) == ["demo"]


# ---- what cannot be told, and what there is no room to tell


def test_a_set_whose_size_cannot_be_told_waits_with_the_reason() -> None:
    seen = settled(Observed((TEN,), (root("demo", invalid="entry a: 'lots' is not a Kubernetes quantity"),)))

    assert waiting(seen) == {"demo": "entry a: 'lots' is not a Kubernetes quantity"}
    assert status(seen).queue[0].reason == "InvalidPodTemplate"
    assert counts(seen) == {}


def test_a_set_whose_size_can_be_told_no_more_keeps_what_it_has() -> None:
    seen = settled(Observed((TEN,), (alone("web", 4, live=4, cpu="2"),)))

    running, untold = {"web": pods(4, cpu="2")}, part("web", 0, waits=True)
    seen = then(seen, root("web", untold, live=running, kind=Kind.SERVICEFOOSET, generation=2, invalid="no"))

    assert (counts(seen), status(seen).reservations[0].generation) == ({"web": {"web": 4}}, 1)
    assert waiting(seen) == {"web": "no"}


def test_the_first_hundred_in_line_are_shown_and_all_are_counted() -> None:
    roots = tuple(alone(f"web-{number:03}", 1, cpu="11") for number in range(103))
    seen = settled(Observed((TEN,), roots))

    assert (len(status(seen).queue), status(seen).waiting) == (100, 103)
    assert status(seen).queue[-1].name == "web-099"


def test_a_quota_has_room_for_two_thousand_reservations() -> None:
    roots = tuple(alone(f"web-{number:04}", 0) for number in range(2000))
    seen = settled(Observed((TEN,), roots))

    late = (alone("new", 0), alone("old", 0, live=1))
    seen = then(seen, *roots, *late)

    assert len(status(seen).reservations) == 2000
    assert waiting(seen) == {
        "new": "FooQuota team holds as many reservations as it has room for",
        "old": "FooQuota team holds as many reservations as it has room for",
    }


def test_a_quota_of_large_sets_has_room_for_as_many_as_a_status_can_tell_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foosets.fooquota.status.RESERVED_BYTES_MAX", 60_000)
    wide = quota(cpu="99999", memory="99Ti", pods="99999")
    roots = tuple(
        root(name, *(part(f"{name}-part{one}", 2, cpu="500m", memory="512Mi") for one in range(16)))
        for name in (f"application-{number}" for number in range(60))
    )

    seen = settled(Observed((wide,), roots))

    given = [entry.model_dump_json(by_alias=True) for entry in status(seen).reservations]
    assert 50_000 < sum(map(len, given)) < 62_000
    assert set(waiting(seen).values()) == {"FooQuota team holds as many reservations as it has room for"}
    assert len(given) + status(seen).waiting == len(roots)
    assert written(replace(seen, roots=tuple(reversed(roots)))) is None


# ---- the report


def test_since_stands_while_the_reservation_and_the_wait_do() -> None:
    roots = (alone("web", 4, cpu="2"), alone("api", 4, cpu="2"))
    seen = settled(Observed((TEN,), roots))

    later = settled(replace(seen, roots=(*roots, alone("more", 1, cpu="1"))), NOW + timedelta(minutes=1))

    first, second = {one.name: one.since for one in status(seen).reservations}, status(later).reservations
    assert {one.name: one.since for one in second} == {**first, "more": first["api"] + timedelta(minutes=1)}
    assert [one.since for one in status(later).queue] == [one.since for one in status(seen).queue]


def test_what_pods_take_changes_nothing_that_is_said_about_those_who_wait() -> None:
    waits = alone("web", 4, cpu="2")
    seen = settled(Observed((TEN,), (alone("api", 4, cpu="2"), waits)))

    later = then(seen, alone("api", 4, live=3, cpu="2"), waits)

    assert status(later).queue == status(seen).queue
    assert (status(later).used, status(seen).used) == ({"cpu": "6"}, {"cpu": "0"})


def test_what_was_given_back_in_the_first_quota_alone_is_not_claimed_again_because_the_next_still_tells_it() -> None:
    quotas = (quota("a", cpu="10"), quota("b", cpu="14", pods="8"))
    seen = settled(Observed(quotas, (root("demo", part("demo-x", 3, cpu="3")),)))
    half = written(replace(seen, roots=(root("demo", generation=2), alone("web", 1, cpu="2"))))
    assert half is not None
    assert requests(half, "a") == {"demo": {"cpu": "0"}, "web": {"cpu": "2"}}

    back = root("demo", part("demo-x", 0, acknowledged=False, cpu="0"), generation=3)
    seen = replace(half, roots=(back, alone("web", 1, cpu="2")))

    while (after := written(seen)) is not None:
        assert requests(after, "a") == requests(half, "a")
        seen = after
    assert requests(seen, "b") == {"demo": {"cpu": "0", "pods": "0"}, "web": {"cpu": "2", "pods": "1"}}


def test_a_part_that_was_taken_out_in_the_first_quota_alone_is_charged_in_the_next_until_that_is_written() -> None:
    quotas = (quota("a", cpu="10"), quota("b", memory="8"))
    seen = settled(Observed(quotas, (root("demo", part("demo-x", 3, cpu="1", memory="2")),)))
    half = written(replace(seen, roots=(root("demo", generation=2),)))
    assert half is not None
    back = root("demo", part("demo-x", 0, acknowledged=False), generation=3)

    late = alone("web", 1, cpu="1", memory="4")
    seen = replace(half, roots=(back, late))
    while counts(seen, "b")["demo"] == {"demo-x": 3}:
        assert requests(seen, "b") == {"demo": {"memory": "6"}}
        after = written(seen)
        assert after is not None
        seen = after

    assert (requests(seen, "b"), list(waiting(seen, "b"))) == ({"demo": {"memory": "6"}}, ["web"])
    assert requests(settled(seen), "b") == {"demo": {"memory": "0"}, "web": {"memory": "4"}}
