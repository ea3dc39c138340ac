"""The stage of a story with real kubelets."""

from collections.abc import Iterator

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.kind import KindCluster
from tests.e2e.story import Story, namespace_for

PATIENCE = 150.0
"""Containers start one after the other where a few cores have to do for all nodes."""


@pytest.fixture(scope="session")
def server(kind_suite: KindCluster) -> Iterator[ApiServer]:
    """The API server, as the administrator."""
    with ApiServer.of(kind_suite.kubeconfig) as server:
        yield server


@pytest.fixture
def story(kind_suite: KindCluster, server: ApiServer, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A namespace of the test's own, named after it."""
    name = namespace_for(request.node.name)
    kind_suite.have_namespace(name)
    yield Story(kind_suite, server, name, PATIENCE)
    kind_suite.kubectl("delete", "namespace", name, "--wait=false")
