"""How many writes the API server had, and of what: from its own metrics, so that nobody who writes has to count.

Whoever writes less, wins: the API server is what a cluster runs out of first.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from foosets.kube.transport import Pool, Transport

METRIC: Final = b"apiserver_request_total{"
WRITING: Final = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
BESIDES: Final = frozenset({"leases", "tokenreviews", "subjectaccessreviews"})
"""Heartbeats and questions, which have nothing to do with the pods."""
LABEL: Final = re.compile(r'(\w+)="([^"]*)"')

Writes = Mapping[str, int]
"""By verb and resource, such as `POST pods/binding`. Refused ones are among them, dry runs are not."""


async def writes(transport: Transport) -> Writes:
    """Return how many writes the API server has answered since it started."""
    return written(await transport.request("GET", "/metrics", pool=Pool.READS))


def written(metrics: bytes) -> Writes:
    """Return the same from the metrics page."""
    counted: Counter[str] = Counter()
    for line in metrics.splitlines():
        if line.startswith(METRIC):
            labels, _, value = line.decode().rpartition(" ")
            said = dict(LABEL.findall(labels))
            if said["verb"] in WRITING and said["resource"] not in BESIDES and not said.get("dry_run"):
                counted[f"{said['verb']} {_target(said)}"] += round(float(value))
    return counted


def _target(said: Mapping[str, str]) -> str:
    return f"{said['resource']}/{said['subresource']}" if said["subresource"] else said["resource"]


def between(before: Writes, after: Writes) -> Writes:
    """Return what was written meanwhile."""
    return Counter(after) - Counter(before)
