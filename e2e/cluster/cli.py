"""`python -m e2e.cluster`: a cluster from nothing, and back to nothing."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from e2e.cluster import provider
from e2e.cluster.binaries import Binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.nodes import Shape
from e2e.cluster.progress import Progress
from e2e.cluster.status import Row

PIPE_WIDTH: Final = 240
"""Nobody folds lines in a pipe."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
State = Annotated[Path, typer.Option("--state", help="The cluster's own directory.")]


@app.command()
def up(
    state: State = provider.STATE,
    *,
    nodes: Annotated[int, typer.Option(min=0, help="How many simulated nodes.")] = 10,
    cpu: Annotated[str, typer.Option(help="What a node offers.")] = Shape().cpu,
    components: Annotated[bool, typer.Option(help="Install the chart and run its controllers.")] = True,
) -> None:
    """Bring the cluster up, or to what is asked for if it is up."""
    with _explained():
        progress = Progress()
        cluster = provider.cluster(state, progress)
        cluster.up(node_count=nodes, shape=Shape(cpu=cpu))
        if components:
            cluster.install_chart()
            cluster.start_components()
        progress.say("")
        progress.say("kubectl for it:  " + f'eval "$({_command("env", state)})"')
        progress.say("what runs:       " + _command("status", state))
        progress.say("take it down:    " + _command("down", state))


@app.command()
def binaries() -> None:
    """Find the programs that a cluster is made of, download those that are nowhere, and build the rest."""
    with _explained():
        Binaries.find(Progress())


@app.command()
def down(state: State = provider.STATE) -> None:
    """Take the cluster down: no process, port or file is left."""
    with _explained():
        provider.cluster(state, Progress()).down()


@app.command()
def status(state: State = provider.STATE) -> None:
    """Show what runs, where it listens, and where its log is. Exit status 1 if something does not run."""
    with _explained():
        rows = provider.cluster(state).status()
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(_table(rows))
        if any(row.pid is None for row in rows):
            raise typer.Exit(1)


@app.command()
def kubeconfig(state: State = provider.STATE) -> None:
    """Print the path of the administrator's kubeconfig."""
    with _explained():
        cluster = provider.cluster(state)
        _ = cluster.record
        print(cluster.kubeconfig)


@app.command()
def env(state: State = provider.STATE) -> None:
    """Print shell commands that put kubectl and helm on PATH, looking at this cluster."""
    with _explained():
        cluster = provider.cluster(state)
        _ = cluster.record
        print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}")
        print(f'export PATH={shlex.quote(str(cluster.state.bin))}:"$PATH"')


def _table(rows: list[Row]) -> Table:
    table = Table("process", "pid", "restarts", "url", "log", box=None, pad_edge=False)
    for row in rows:
        pid = str(row.pid) if row.pid else "[red]down[/red]"
        table.add_row(row.name, pid, str(row.restarts), escape(row.url), escape(str(row.log)))
    return table


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error of the harness into its message and exit status 1."""
    try:
        yield
    except ClusterError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]error:[/red] {escape(str(error))}")
        raise typer.Exit(1) from None


def _command(name: str, state: Path) -> str:
    option = "" if state == provider.STATE else f" --state {shlex.quote(str(state))}"
    return f"python -m e2e.cluster {name}{option}"
