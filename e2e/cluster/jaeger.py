"""Jaeger as a process beside the cluster: OTLP in, the query API out, traces in memory."""

from pathlib import Path
from typing import Final

from e2e.cluster import toolchain
from e2e.cluster.binaries import Binaries
from e2e.cluster.client import environment
from e2e.cluster.ports import LOOPBACK
from e2e.cluster.programs import Program
from e2e.cluster.state import Record, StateDirectory

NAME: Final = "jaeger"
CONFIG: Final = Path(__file__).with_name("jaeger.yaml")


def program(state: StateDirectory, record: Record, binaries: Binaries) -> Program:
    """Return Jaeger as a supervised program, on the ports of the record."""
    variables = {
        "QUERY_PORT": str(record.jaeger_query_port),
        "OTLP_PORT": str(record.otlp_port),
        "OTEL_TRACES_SAMPLER": "always_off",  # or it traces itself, to a collector that nobody named
    }
    return Program(
        name=NAME,
        argv=(str(binaries[toolchain.JAEGER]), "--config", str(CONFIG)),
        environment={**environment(state, record), **variables},
        directory=str(state.root),
        log=str(state.log(NAME)),
        ready_url=f"{query_url(record)}/api/v3/services",
    )


def query_url(record: Record) -> str:
    """Return where traces are asked for."""
    return f"http://{LOOPBACK}:{record.jaeger_query_port}"


def otlp_endpoint(record: Record) -> str:
    """Return where spans are sent: OTEL_EXPORTER_OTLP_ENDPOINT."""
    return f"http://{LOOPBACK}:{record.otlp_port}"
