"""Kubeconfigs: written whole, and refused when they lead anywhere but to the cluster that this harness made."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.errors import ClusterError
from e2e.cluster.state import Record, StateDirectory, replace


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client shows who it is: exactly one of the two."""

    token_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    """Certificate and key."""


@dataclass(frozen=True, slots=True)
class Server:
    """An API server's URL, and the authority that signed its certificate."""

    url: str
    authority: Path


def context_name(record: Record) -> str:
    """Return the name of the cluster's only context."""
    return f"foosets-{record.id}"


def write(path: Path, name: str, server: Server, credentials: Credentials) -> None:
    """Write a kubeconfig with one context, called `name`."""
    replace(path, yaml.safe_dump(content(name, server, credentials), sort_keys=False))


def content(name: str, server: Server, credentials: Credentials) -> dict[str, Any]:
    """Return what `write` writes."""
    user: dict[str, str] = {}
    if credentials.token_file:
        user["tokenFile"] = str(credentials.token_file)
    if credentials.certificate:
        user["client-certificate"], user["client-key"] = map(str, credentials.certificate)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server.url, "certificate-authority": str(server.authority)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def write_embedded(state: StateDirectory, name: str, made: Mapping[str, Any]) -> str:
    """Write the administrator's kubeconfig from one that has certificates inside; return the API server's URL.

    The certificates become files beside it: whoever reads our kubeconfigs finds them all alike.
    """
    cluster, user = made["clusters"][0]["cluster"], made["users"][0]["user"]
    files = {
        "ca.crt": cluster["certificate-authority-data"],
        "admin.crt": user["client-certificate-data"],
        "admin.key": user["client-key-data"],
    }
    for file, data in files.items():
        replace(state.pki / file, base64.b64decode(data))
    authority, certificate, key = (state.pki / file for file in files)
    server = Server(str(cluster["server"]), authority)
    write(state.kubeconfig, name, server, Credentials(certificate=(certificate, key)))
    return server.url


def renamed(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a kubeconfig of one context with another name for the context."""
    (context,) = config["contexts"]
    cluster = {**config["clusters"][0], "name": name}
    context = {"name": name, "context": {**context["context"], "cluster": name}}
    return {**config, "clusters": [cluster], "contexts": [context], "current-context": name}


def refuse_foreign(state: StateDirectory, record: Record) -> None:
    """Raise unless the administrator's kubeconfig leads to the API server that this harness started."""
    try:
        config = yaml.safe_load(state.kubeconfig.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClusterError(f"{state.kubeconfig} is gone", hint="bring the cluster up again") from None
    name = context_name(record)
    if config.get("current-context") != name or _server(config, name) != record.server:
        raise ClusterError(
            f"{state.kubeconfig} does not lead to the cluster in {state.root}: refusing to touch what it leads to",
            hint=f"its current context must be {name} at {record.server}; `up` writes it anew",
        )


def _server(config: dict[str, Any], name: str) -> str | None:
    clusters = {entry["name"]: entry["cluster"]["server"] for entry in config["clusters"]}
    return clusters.get(name)
