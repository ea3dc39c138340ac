"""Rendered components as processes, each under its own ServiceAccount.

A component gets its container's command, arguments and environment, a kubeconfig with a token file of its
ServiceAccount, and exactly the variables in `OVERRIDES` on top. Below them it finds what a pod finds: programs on PATH
(this interpreter's directory first), a home, and an address of its own, which is loopback here. Nothing of the user's
environment goes in.
"""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from e2e.cluster import controlplane, jaeger, kubeconfig, processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.programs import Life, Program, TokenRequest
from e2e.cluster.rendered import Rendered
from e2e.cluster.state import Record, StateDirectory
from e2e.cluster.supervision import Supervision

PORT: Final = "FOOSETS_HTTP_PORT"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
OVERRIDES: Final = ("KUBECONFIG", PORT, ENDPOINT)
"""All that a process gets differently from a pod; the last only when Jaeger runs."""


def program(rendered: Rendered, state: StateDirectory, record: Record, port: int) -> Program:
    """Return a component as a supervised program; its kubeconfig is written."""
    home = state.program(rendered.name)
    token = home / "token"
    server = Server(record.server, controlplane.authority(state))
    kubeconfig.write(home / "kubeconfig", rendered.name, server, Credentials(token_file=token))
    overrides = {"KUBECONFIG": str(home / "kubeconfig"), PORT: str(port)}
    if record.otlp_port:
        overrides[ENDPOINT] = jaeger.otlp_endpoint(record)
    return Program(
        name=rendered.name,
        argv=rendered.argv,
        environment={**_image(home), processes.MARK: record.id, **rendered.environment, **overrides},
        directory=str(home),
        log=str(state.log(rendered.name)),
        ready_url=f"http://{LOOPBACK}:{port}{rendered.ready_path}",
        token=TokenRequest(namespace=rendered.namespace, service_account=rendered.service_account, file=str(token)),
    )


def programs(rendered: list[Rendered], supervision: Supervision) -> list[Program]:
    """Return all components as programs; one that runs already keeps its port, so that it is not restarted."""
    known = supervision.programs()
    fresh = iter(free_ports(len(rendered)))
    return [
        _unchanged_if_known(
            program(one, supervision.state, supervision.record, _port(known.get(one.name), fresh)), known
        )
        for one in rendered
    ]


def _port(known: Program | None, fresh: Iterator[int]) -> int:
    return int(known.environment[PORT]) if known else next(fresh)


def _unchanged_if_known(program: Program, known: dict[str, Program]) -> Program:
    before = known.get(program.name)
    return msgspec.structs.replace(program, generation=before.generation) if before else program


def _image(home: Path) -> dict[str, str]:
    """Return what a pod has without its Deployment saying so: an image's variables, and an address of its own."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "FOOSETS_HTTP_HOST": LOOPBACK}


@dataclass(frozen=True, slots=True)
class Component:
    """One running component: what tests do to it."""

    name: str
    supervision: Supervision

    @property
    def program(self) -> Program:
        """How it is started."""
        try:
            return self.supervision.programs()[self.name]
        except KeyError:
            known = ", ".join(sorted(self.supervision.programs()))
            raise ClusterError(f"there is no component {self.name}; there are: {known}") from None

    @property
    def life(self) -> Life:
        """Its pid, restarts and last exit status."""
        return self.supervision.life(self.name)

    @property
    def log(self) -> Path:
        """Its log."""
        return Path(self.program.log)

    @property
    def url(self) -> str:
        """Where it serves /metrics, /livez and /readyz."""
        return f"http://{LOOPBACK}:{self.program.environment[PORT]}"

    @property
    def kubeconfig(self) -> Path:
        """Its kubeconfig: to ask the API server as this component."""
        return Path(self.program.environment["KUBECONFIG"])

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        self.supervision.wait_ready(self.program)

    def kill(self) -> None:
        """Kill it with -9; the supervisor starts it again."""
        pid = self.life.pid
        if not pid or not processes.send(pid, self.supervision.record.id, signal.SIGKILL):
            raise ClusterError(f"{self.name} does not run", log=self.log)

    def restart(self) -> None:
        """End it gracefully and start it again; returns when it is started, not when it is ready."""
        self.supervision.restart(self.program)

    def stop(self) -> None:
        """End it gracefully; it stays down until `start`."""
        self.supervision.keep(msgspec.structs.replace(self.program, stopped=True))

    def start(self, server: Server | None = None) -> None:
        """Start it (anew, if it runs), with another API server if one is given: a proxy before the real one, say."""
        state, record = self.supervision.state, self.supervision.record
        chosen = server or Server(record.server, controlplane.authority(state))
        token = self.program.token
        if token is None:
            raise ClusterError(f"{self.name} has no ServiceAccount")
        kubeconfig.write(self.kubeconfig, self.name, chosen, Credentials(token_file=Path(token.file)))
        self.restart()
