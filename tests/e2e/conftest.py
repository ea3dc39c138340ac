"""The stage of a story."""

import re
from collections.abc import Iterator

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from tests.e2e.story import Story


@pytest.fixture(scope="session")
def server(suite: LocalCluster) -> Iterator[ApiServer]:
    """The API server, as the administrator."""
    with ApiServer.of(suite.kubeconfig) as server:
        yield server


@pytest.fixture
def story(suite: LocalCluster, server: ApiServer, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A namespace of the test's own, named after it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:55].strip("-")
    suite.kubectl("create", "namespace", name)
    yield Story(suite, server, name)
    suite.kubectl("delete", "namespace", name, "--wait=false")
