"""The pods that all rivals make: one template, but for the restart policy, which each kind prescribes."""

from typing import Any, Final

from foosets.api.names import RUN_SECONDS

APP: Final = "bench"
REQUESTS: Final = {"cpu": "500m", "memory": "256Mi"}


def pod(restart_policy: str) -> dict[str, Any]:
    """Return the template. Such a pod outlives any run, and ends at once when it is deleted."""
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": REQUESTS}}
    return {
        "metadata": {"labels": {"app": APP}, "annotations": {RUN_SECONDS: "3600"}},
        "spec": {
            "restartPolicy": restart_policy,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }
