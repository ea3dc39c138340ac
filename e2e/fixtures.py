"""Fixtures for tests that need a cluster: `pytest_plugins = ("e2e.fixtures",)` in the top conftest.

`cluster` is one cluster for the whole run: control plane, ten nodes, Jaeger; no chart. A test that changes what
others see makes its own with `new_cluster`. `suite` is one with the suite installed, and `kind_suite` one with real
kubelets.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from e2e.cluster.engine import Engine
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress

SECONDS: Final = {"cluster": 240, "kind": 600}
"""For a test that needs a cluster, unless it says otherwise: the first of them waits for it to come up."""
NO_ENGINE: Final = pytest.mark.skip(reason="no container engine answers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that need a cluster the time that it takes, and leave out those that cannot have one here."""
    for item in items:
        for mark, seconds in SECONDS.items():
            if item.get_closest_marker(mark) and not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(seconds))
    needing = [item for item in items if item.get_closest_marker("kind")]
    if needing and not Engine().answers():
        for item in needing:
            item.add_marker(NO_ENGINE)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One cluster for all tests of the run."""
    made = LocalCluster(tmp_path_factory.mktemp("session") / "cluster", progress=Progress(quiet=True))
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Callable[[str], LocalCluster]]:
    """Make clusters that are not up yet, each in a directory of its own; all are taken down after the test."""
    with ExitStack() as stack:

        def make(name: str = "cluster") -> LocalCluster:
            made = LocalCluster(tmp_path / name)
            stack.callback(made.down)
            return made

        yield make


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One cluster for all stories: the chart is installed, and its components run under their ServiceAccounts."""
    made = LocalCluster(tmp_path_factory.mktemp("suite") / "cluster", progress=Progress(quiet=True))
    try:
        made.up()
        made.install()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def kind_suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KindCluster]:
    """One cluster with real kubelets for all stories: the suite and Jaeger are installed in it from their charts."""
    made = KindCluster(tmp_path_factory.mktemp("kind") / "cluster", progress=Progress(quiet=True))
    try:
        made.up()
        made.install()
        yield made
    finally:
        made.down()
