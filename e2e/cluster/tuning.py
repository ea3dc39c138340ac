"""How a control plane may differ from the one that stories are told on: what benchmarks need.

kwokctl starts everything as the administrator, a member of `system:masters`, whose requests pass by priority and
fairness. Where that matters, kube-controller-manager and kube-scheduler go by the users that a real cluster knows them
as. Their kubeconfigs show the administrator's certificate and impersonate those users, since the authority that could
sign certificates of their own is made in the same step that starts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from e2e.cluster.kubeconfig import Credentials, Server, content
from e2e.cluster.state import replace

Flags = Mapping[str, Mapping[str, str]]
"""Flags without dashes and their values, by process."""

USERS: Final = ("kube-controller-manager", "kube-scheduler")
"""Each is the user `system:<name>`, to whom the API server binds what it needs by itself."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is different; nothing by default."""

    flags: Flags = field(default_factory=dict[str, dict[str, str]])
    audited: bool = True
    """Whether the API server writes its audit log, which costs it time with every request."""
    own_identities: bool = False
    """Whether kube-controller-manager and kube-scheduler are users of their own."""


def write_identities(folder: Path, server: Server, administrator: Credentials) -> Flags:
    """Write a kubeconfig for each process that gets an identity of its own; return the flags that have it used."""
    flags: dict[str, dict[str, str]] = {}
    for name in USERS:
        config = content(name, server, administrator)
        config["users"][0]["user"]["as"] = f"system:{name}"
        path = folder / f"{name}.kubeconfig"
        replace(path, yaml.safe_dump(config, sort_keys=False))
        flags[name] = {"kubeconfig": str(path)}
    return flags


def merged(*flags: Flags) -> dict[str, dict[str, str]]:
    """Return all flags of all processes; of two values the later one."""
    result: dict[str, dict[str, str]] = {}
    for one in flags:
        for name, values in one.items():
            result[name] = {**result.get(name, {}), **values}
    return result
