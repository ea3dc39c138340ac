from collections import Counter

from e2e.sweep.outcome import End


def pod(index: str, attempt: str) -> tuple[str, ...]:
    return "server", index, attempt, "revision", "Running", "placed", "staying", "1 owners"


def test_without_attempts_two_ends_are_one_that_differ_in_nothing_else() -> None:
    first = End({"set": {"attempts": [], "replicas": 2}}, Counter([pod("0", "0"), pod("1", "2")]))
    second = End({"set": {"attempts": [{"attempt": 1}], "replicas": 2}}, Counter([pod("0", "1"), pod("1", "1")]))
    assert first.differences(second)
    assert first.without_attempts() == second.without_attempts()


def test_pods_of_one_place_stay_two_without_their_attempts() -> None:
    doubled = End({}, Counter([pod("0", "0"), pod("0", "1")]))
    assert doubled.without_attempts().pods.total() == 2
    assert doubled.without_attempts().differences(End({}, Counter([pod("0", "")])))
