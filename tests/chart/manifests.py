"""What the chart's tests share: the shape of what Helm renders, and where to find things in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "foosets"
JAEGER_CHART = ROOT / "charts" / "jaeger"
NAMESPACE = "foosets-system"
OBSERVABILITY = "observability"
"""Where the README puts Jaeger."""
MUTATING_POLICIES = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
"""What an API server that serves these policies lists among its capabilities."""

Helm = Callable[..., str]
Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of one kind by their names."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def parsed(text: str) -> list[Manifest]:
    """The manifests of a YAML stream, by the parser in C: the CRDs are a megabyte."""
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def is_hook(manifest: Manifest) -> bool:
    """Whether Helm makes the object for a test, and not with the release."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})
