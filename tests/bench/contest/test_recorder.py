"""A pod counts as bound when it is first seen with a node, and as running when it is first seen so."""

from collections.abc import Callable, Iterator

import pytest

from e2e.bench.contest.recorder import Recorder
from foosets.api.pod import Metadata, Pod, PodStatus


@pytest.fixture
def ticking() -> Callable[[], float]:
    ticks: Iterator[int] = iter(range(100))
    return lambda: float(next(ticks))


def pod(name: str, phase: str = "Pending") -> Pod:
    return Pod(metadata=Metadata(name=name), status=PodStatus(phase=phase))


def test_the_first_sight_is_the_moment(ticking: Callable[[], float]) -> None:
    recorder = Recorder(2, ticking)
    recorder.begin()

    for seen in (pod("a"), pod("a"), pod("b"), pod("a", "Running"), pod("a", "Running")):
        recorder.upsert(seen)

    assert recorder.began == 1
    assert recorder.bound_at == {"a": 2, "b": 4}
    assert recorder.running_at == {"a": 5}


def test_all_run_when_each_of_them_does(ticking: Callable[[], float]) -> None:
    recorder = Recorder(2, ticking)
    recorder.replace([pod("a", "Running"), pod("b")], 7)
    assert not recorder.all_running.is_set()
    recorder.upsert(pod("b", "Running"))
    assert recorder.all_running.is_set()


def test_a_pod_that_is_first_seen_running_is_bound_by_then(ticking: Callable[[], float]) -> None:
    recorder = Recorder(1, ticking)
    recorder.upsert(pod("a", "Running"))
    assert recorder.bound_at == recorder.running_at == {"a": 1}


def test_a_pod_that_goes_was_bound_all_the_same(ticking: Callable[[], float]) -> None:
    recorder = Recorder(1, ticking)
    recorder.upsert(pod("a"))
    recorder.remove(pod("a"))
    assert recorder.bound_at == {"a": 1}
