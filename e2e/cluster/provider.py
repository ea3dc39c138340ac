"""Where the cluster comes from.

A cluster that is there decides by itself. Else `CLUSTER` in the environment names the provider; unset, it is `kind`
where a container engine answers, since there pods really run, and `local` elsewhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2e.cluster.cluster import Cluster
from e2e.cluster.engine import Engine
from e2e.cluster.errors import ClusterError
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.cluster.state import StateDirectory
from e2e.cluster.supervision import REPOSITORY

VARIABLE: Final = "CLUSTER"
PROVIDERS: Final = (KindCluster.provider, LocalCluster.provider, ExistingCluster.provider)
STATE: Final = REPOSITORY / ".cluster"
"""The state directory, unless another is named."""


def cluster(root: Path = STATE, progress: Progress | None = None, environ: Mapping[str, str] = os.environ) -> Cluster:
    """Return the cluster in a directory, or the one that there shall be."""
    engine = Engine(environ)
    name = _provider(root, environ, engine)
    match name:
        case KindCluster.provider:
            return KindCluster(root, progress=progress, engine=engine)
        case LocalCluster.provider:
            return LocalCluster(root, progress=progress)
        case ExistingCluster.provider:
            return ExistingCluster(root, progress=progress, environ=environ)
        case _:
            raise ClusterError(f"{VARIABLE}={name}: no such provider", hint=f"available: {', '.join(PROVIDERS)}")


def _provider(root: Path, environ: Mapping[str, str], engine: Engine) -> str:
    wanted, record = environ.get(VARIABLE, ""), StateDirectory(root).load()
    if record is None:
        return wanted or (KindCluster.provider if engine.answers() else LocalCluster.provider)
    if wanted not in ("", record.provider):
        raise ClusterError(
            f"{VARIABLE}={wanted}, and there is a cluster of the provider {record.provider} in {root}",
            hint="take it down first: make down",
        )
    return record.provider
