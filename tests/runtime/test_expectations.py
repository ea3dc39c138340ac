from foosets.api.meta import NODES, PODS, Key
from foosets.api.names import Uid
from foosets.runtime.expectations import Expectations, Sight

SET, POD = Key("ns", "set"), Key("ns", "pod")


class Cache:
    """A cache that shows what it is told."""

    def __init__(self) -> None:
        self.version = 10
        self.staying: set[str] = set()

    def expectations(self) -> Expectations:
        return Expectations({PODS: Sight(lambda: self.version, lambda _, uid: uid in self.staying)})


def test_a_key_without_writes_may_be_planned() -> None:
    assert Cache().expectations().unmet(SET) is None


def test_a_write_is_awaited_until_the_cache_has_passed_it() -> None:
    cache = Cache()
    expectations = cache.expectations()
    expectations.awaits(SET, PODS, 12)
    expectations.awaits(SET, PODS, 11)

    cache.version = 11
    assert expectations.unmet(SET) == PODS

    cache.version = 12
    assert expectations.unmet(SET) is None


def test_a_deletion_is_awaited_by_uid() -> None:
    cache = Cache()
    cache.staying = {"old"}
    expectations = cache.expectations()
    expectations.deleted(SET, PODS, POD, Uid("old"))
    assert expectations.unmet(SET) == PODS

    cache.staying = {"new"}

    assert expectations.unmet(SET) is None


def test_what_is_not_watched_and_what_has_no_version_is_not_awaited() -> None:
    expectations = Cache().expectations()
    expectations.awaits(SET, NODES, 99)
    expectations.awaits(SET, PODS, 0)

    assert expectations.unmet(SET) is None


def test_keys_do_not_wait_for_each_other() -> None:
    expectations = Cache().expectations()
    expectations.awaits(SET, PODS, 99)

    assert expectations.unmet(Key("ns", "other")) is None


def test_an_object_that_is_gone_awaits_nothing() -> None:
    expectations = Cache().expectations()
    expectations.awaits(SET, PODS, 99)

    expectations.forget(SET)

    assert expectations.unmet(SET) is None
