"""What a template may not ask for: pure predicates that the controllers apply before they create anything.

Each returns a sentence for the user that names the way out, or "" when there is nothing to say.
"""

from collections.abc import Mapping
from typing import Any, Final

from foosets.api.names import GROUP

DEFAULT_SCHEDULER_WAY_OUT: Final = (
    "name a scheduler that does: a ServiceFooSet with template.spec.schedulerName: default-scheduler"
)


def unsupported_by_our_placers(spec: Mapping[str, Any]) -> str:
    """Say what in a pod spec only kube-scheduler can place: volumes to bind, claims, and relations between pods."""
    for volume in spec.get("volumes") or ():
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            return f"volume {volume.get('name')} needs a claim to be bound; {DEFAULT_SCHEDULER_WAY_OUT}"
    if spec.get("resourceClaims"):
        return f"resourceClaims need a scheduler that allocates them; {DEFAULT_SCHEDULER_WAY_OUT}"
    if spec.get("topologySpreadConstraints"):
        return f"topologySpreadConstraints are not honoured by this placer; {DEFAULT_SCHEDULER_WAY_OUT}"
    affinity: Mapping[str, Any] = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        if affinity.get(kind):
            return f"{kind} is not honoured by this placer; {DEFAULT_SCHEDULER_WAY_OUT}"
    return ""


def reserved_names(template: Mapping[str, Any]) -> str:
    """Say which label or annotation of a template is the suite's own to write."""
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    for field in ("labels", "annotations"):
        for key in metadata.get(field) or ():
            if key.startswith(f"{GROUP}/"):
                return f"template.metadata.{field} may not set {key}: the suite writes it"
    return ""


def placed_by_hand(spec: Mapping[str, Any]) -> str:
    """Say that a template must not name a node: every pod of the set would go there."""
    return "template.spec.nodeName must be empty: nodes are chosen pod by pod" if spec.get("nodeName") else ""


def batch_template(template: Mapping[str, Any]) -> str:
    """Say why the batch controller cannot run a template."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    if spec.get("schedulerName"):
        return "template.spec.schedulerName must be empty: the batchfooset controller places these pods itself"
    return reserved_names(template) or placed_by_hand(spec) or unsupported_by_our_placers(spec)


def service_template(template: Mapping[str, Any]) -> str:
    """Say why the service controller cannot run a template; another scheduler may honour what ours does not."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    ours = "" if spec.get("schedulerName") else unsupported_by_our_placers(spec)
    return reserved_names(template) or placed_by_hand(spec) or ours
