"""Arithmetic on several resources at once."""

from hypothesis import given
from hypothesis import strategies as st

from foosets.planning import amounts
from foosets.planning.amounts import Amounts

ONE, OTHER = {"cpu": 500, "memory": 3}, {"cpu": 200, "pods": 1}
ANY = st.dictionaries(
    st.sampled_from(["cpu", "memory", "hugepages-2Mi", "pods", "example.com/gpu"]), st.integers(0, 2**62)
)


def test_what_is_absent_is_nothing() -> None:
    assert amounts.total([ONE, OTHER]) == {"cpu": 700, "memory": 3, "pods": 1}
    assert amounts.minus(ONE, OTHER) == {"cpu": 300, "memory": 3, "pods": -1}
    assert amounts.larger(ONE, OTHER) == {"cpu": 500, "memory": 3, "pods": 1}
    assert amounts.smaller(ONE, OTHER) == {"cpu": 200, "memory": 0, "pods": 0}
    assert amounts.times(2, ONE) == {"cpu": 1000, "memory": 6}
    assert amounts.only(ONE, ["cpu", "pods"]) == {"cpu": 500, "pods": 0}


def test_what_has_no_limit_fits() -> None:
    assert amounts.exceeding(ONE, {"cpu": 499}) == {"cpu": 1}
    assert amounts.exceeding(ONE, {"cpu": 500, "pods": 0}) == {}


def test_amounts_are_written_as_short_as_they_can_be() -> None:
    written = amounts.rendered({"memory": 20 << 30, "cpu": 2000, "pods": 2048})
    assert list(written.items()) == [("cpu", "2"), ("memory", "20Gi"), ("pods", "2048")]
    assert amounts.rendered({"cpu": 250, "memory": 1025, "hugepages-2Mi": 4 << 20, "example.com/gpu": 1024}) == {
        "cpu": "250m",
        "example.com/gpu": "1024",
        "hugepages-2Mi": "4Mi",
        "memory": "1025",
    }
    assert amounts.rendered({"cpu": 0, "memory": 0, "ephemeral-storage": 1536}) == {
        "cpu": "0",
        "ephemeral-storage": "1536",
        "memory": "0",
    }


def test_in_words_they_read_as_in_the_refusals_of_a_resource_quota() -> None:
    assert amounts.in_words({"memory": 1 << 30, "cpu": 1500}) == "cpu=1500m,memory=1Gi"


@given(ANY)
def test_what_is_written_is_read_back_without_loss(some: Amounts) -> None:
    assert amounts.parsed(amounts.rendered(some)) == some
