"""`up` again, from what is there."""

import time

import pytest

from e2e.cluster.kind import KindCluster
from tests.e2e.story import Story
from tests.e2e_kind.workloads import small

pytestmark = pytest.mark.kind

AGAIN_SECONDS = {"worker2": 60, "control-plane": 120}


@pytest.mark.parametrize("node", AGAIN_SECONDS)
def test_up_starts_a_node_that_was_stopped_and_keeps_what_is_in_it(
    kind_suite: KindCluster, story: Story, node: str
) -> None:
    story.apply(small("app"))
    story.settle("app")
    before = kind_suite.record
    kind_suite.engine.docker("stop", kind_suite.node(node))
    started = time.monotonic()
    kind_suite.up()
    assert time.monotonic() - started < AGAIN_SECONDS[node]
    assert kind_suite.record == before
    story.server.close()  # its connection may be to an API server from before
    nodes = kind_suite.kubectl("get", "nodes", "--no-headers").splitlines()
    assert [line.split()[1] for line in nodes] == ["Ready"] * 3
    story.until(lambda: len(story.running("server")) == 2)


def test_status_shows_the_way_to_jaeger(kind_suite: KindCluster) -> None:
    rows = {row.name: row for row in kind_suite.status()}
    assert rows.keys() == {"supervisor", "jaeger-forward"}
    assert all(row.pid for row in rows.values())
    assert rows["jaeger-forward"].url.startswith(kind_suite.jaeger_query_url)
