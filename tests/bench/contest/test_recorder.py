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

    recorder.note([pod("a")])
    recorder.note([pod("a"), pod("b")])
    recorder.note([pod("a", "Running")])
    recorder.note([pod("a", "Running")])

    assert recorder.began == 1
    assert recorder.bound_at == {"a": 2, "b": 3}
    assert recorder.running_at == {"a": 4}


def test_all_run_when_each_of_them_does(ticking: Callable[[], float]) -> None:
    recorder = Recorder(2, ticking)
    recorder.note([pod("a", "Running"), pod("b")])
    assert not recorder.all_running.is_set()
    recorder.note([pod("b", "Running")])
    assert recorder.all_running.is_set()


def test_a_pod_that_is_first_seen_running_is_bound_by_then(ticking: Callable[[], float]) -> None:
    recorder = Recorder(1, ticking)
    recorder.note([pod("a", "Running")])
    assert recorder.bound_at == recorder.running_at == {"a": 1}
