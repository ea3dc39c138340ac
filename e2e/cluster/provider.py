"""Where the cluster comes from: `CLUSTER` in the environment names the provider."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.cluster.supervision import REPOSITORY

VARIABLE: Final = "CLUSTER"
LOCAL: Final = "local"
STATE: Final = REPOSITORY / ".cluster"
"""The state directory, unless another is named."""


def cluster(
    root: Path = STATE, progress: Progress | None = None, environ: Mapping[str, str] = os.environ
) -> LocalCluster:
    """Return the cluster of the provider that the environment names."""
    name = environ.get(VARIABLE) or LOCAL
    if name != LOCAL:
        raise ClusterError(f"{VARIABLE}={name}: no such provider", hint=f"available: {LOCAL}")
    return LocalCluster(root, progress=progress)
