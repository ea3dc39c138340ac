"""What stories do to nodes, and undo."""

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster.kind import KindCluster


@contextmanager
def cordoned(cluster: KindCluster, node: str) -> Iterator[None]:
    """Have nothing placed on the node."""
    cluster.kubectl("cordon", node)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", node)
