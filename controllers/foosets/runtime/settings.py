"""Settings of a component: environment variables that start with `FOOSETS_`."""

import os
from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from foosets.api.names import DEFAULT_SCHEDULER


class Assignment(StrEnum):
    """Who writes the scheduler's name on the service controller's pods."""

    POLICY = "Policy"
    CONTROLLER = "Controller"


def _address(environ: Mapping[str, str]) -> str:
    return "0.0.0.0" if "KUBERNETES_SERVICE_HOST" in environ else "127.0.0.1"  # noqa: S104 - see `http_host`


class Settings(BaseSettings):
    """What may differ between two installations; the chart sets these from its values."""

    model_config = SettingsConfigDict(env_prefix="FOOSETS_", frozen=True)

    http_port: int = Field(default=8080, ge=0, le=65535)
    """Port of /metrics, /livez and /readyz; 0 takes a free one."""
    http_host: str = Field(default_factory=lambda: _address(os.environ))
    """Address that port is bound to: all of a pod's, since the kubelet probes from outside, but only this machine's own
    where a component runs as a plain process."""
    workers: int = Field(default=4, ge=1, le=64)
    """Keys that are worked on at the same time."""
    writers: int = Field(default=32, ge=1, le=256)
    """Requests in flight; more buys nothing on the API server's side."""
    log_level: str = "INFO"
    """Lowest level that is logged."""
    lease: str = Field(default="", pattern=r"^([a-z0-9-]+/[a-z0-9.-]+)?$")
    """The Lease of who works, as `namespace/name`. Empty: none is taken, and this process works at once."""
    identity: str = ""
    """Who this process is among those that may hold the lease: a name that outlives its restart, and that no other has.
    Empty: the host's name with the component's."""
    scheduler_name: str = DEFAULT_SCHEDULER
    """The scheduler's own name: whose pods it binds."""
    scheduler_assignment: Assignment = Assignment.POLICY
    """Whether admission or the service controller replaces the placeholder scheduler."""
