from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from foosets.api.meta import Key
from foosets.api.names import Uid
from foosets.api.pod import Metadata, Pod
from foosets.runtime.store import Store

Change = tuple[tuple[str, str] | None, tuple[str, str] | None]


def pod(name: str, version: int, uid: str = "") -> Pod:
    return Pod(
        metadata=Metadata(name=name, namespace="ns", uid=Uid(uid or f"uid-{name}"), resource_version=str(version))
    )


def watched(store: Store[Pod]) -> list[Change]:
    """Record every change as (uid, version) before and after."""
    changes: list[Change] = []

    def brief(row: Pod | None) -> tuple[str, str] | None:
        return (row.metadata.uid, row.metadata.resource_version) if row is not None else None

    store.subscribe(lambda before, after: changes.append((brief(before), brief(after))))
    return changes


def test_a_list_is_the_truth_and_its_difference_is_what_observers_see() -> None:
    store: Store[Pod] = Store()
    store.replace([pod("a", 1), pod("b", 2)], 5)
    changes = watched(store)

    store.replace([pod("b", 2), pod("c", 7)], 8)

    assert changes == [(("uid-a", "1"), None), (None, ("uid-c", "7"))]
    assert {row.metadata.name for row in store} == {"b", "c"}
    assert store.resource_version == 8


def test_it_is_synced_by_the_first_list_only() -> None:
    store: Store[Pod] = Store()
    store.upsert(pod("a", 1))
    assert not store.synced.is_set()

    store.replace([], 3)

    assert store.synced.is_set()


def test_a_row_never_goes_back() -> None:
    store: Store[Pod] = Store()
    store.upsert(pod("a", 5))
    changes = watched(store)

    store.upsert(pod("a", 4))
    store.upsert(pod("a", 5))

    assert changes == []
    assert store.resource_version == 5


def test_an_object_made_again_is_another_object() -> None:
    store: Store[Pod] = Store()
    store.upsert(pod("a", 1, uid="first"))
    changes = watched(store)

    store.upsert(pod("a", 9, uid="second"))

    assert changes == [(("first", "1"), None), (None, ("second", "9"))]


def test_news_of_the_former_objects_end_does_not_remove_the_new_one() -> None:
    store: Store[Pod] = Store()
    store.upsert(pod("a", 9, uid="second"))

    store.remove(pod("a", 8, uid="first"))

    held = store.get(Key("ns", "a"))
    assert held is not None
    assert held.metadata.uid == "second"


def test_a_bookmark_moves_the_version_alone() -> None:
    store: Store[Pod] = Store()
    changes = watched(store)

    store.bookmark(42)

    assert (store.resource_version, changes) == (42, [])


names = st.sampled_from(["a", "b", "c"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), names, st.sampled_from(["1", "2"])),
        st.tuples(st.just("remove"), names, st.sampled_from(["1", "2"])),
        st.tuples(st.just("replace"), st.sets(names), st.sampled_from(["1", "2"])),
    )
)


@given(steps)
def test_what_observers_were_told_adds_up_to_what_is_held(history: Sequence[tuple[str, str | set[str], str]]) -> None:
    store: Store[Pod] = Store()
    told: dict[str, str] = {}

    def learn(before: Pod | None, after: Pod | None) -> None:
        if before is not None:
            assert told.pop(before.metadata.name) == before.metadata.uid + before.metadata.resource_version
        if after is not None:
            assert after.metadata.name not in told
            told[after.metadata.name] = after.metadata.uid + after.metadata.resource_version

    store.subscribe(learn)
    for version, (step, what, uid) in enumerate(history, start=1):
        match step, what:
            case "upsert", str(name):
                store.upsert(pod(name, version, uid))
            case "remove", str(name):
                store.remove(pod(name, version, uid))
            case _, set(listed):
                store.replace([pod(name, version, uid) for name in sorted(listed)], version)

    assert told == {row.metadata.name: row.metadata.uid + row.metadata.resource_version for row in store}
