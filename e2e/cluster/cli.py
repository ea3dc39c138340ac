"""`python -m e2e.cluster`: a cluster from nothing, and back to nothing."""

import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from e2e.cluster import provider
from e2e.cluster.binaries import Binaries
from e2e.cluster.engine import Engine
from e2e.cluster.errors import explained
from e2e.cluster.images import build_suite, plain_name
from e2e.cluster.local import LocalCluster
from e2e.cluster.nodes import Shape
from e2e.cluster.progress import Progress
from e2e.cluster.status import Row
from e2e.cluster.toolchain import TOOLS

PIPE_WIDTH: Final = 240
"""Nobody folds lines in a pipe."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
State = Annotated[Path, typer.Option("--state", help="The cluster's own directory.")]


@app.command()
def up(
    state: State = provider.STATE,
    *,
    nodes: Annotated[int, typer.Option(min=0, help="How many simulated nodes, of the provider local.")] = 10,
    cpu: Annotated[str, typer.Option(help="What a simulated node offers.")] = Shape().cpu,
    components: Annotated[bool, typer.Option(help="Install the suite.")] = True,
) -> None:
    """Bring the cluster up, or to what is asked for if it is up."""
    with explained():
        progress = Progress()
        cluster = provider.cluster(state, progress)
        if isinstance(cluster, LocalCluster):
            cluster.up(node_count=nodes, shape=Shape(cpu=cpu))
        else:
            cluster.up()
        if components:
            cluster.install()
        progress.say("")
        progress.say("kubectl for it:  " + f'eval "$({_command("env", state)})"')
        progress.say("what runs:       " + _command("status", state))
        progress.say("take it down:    " + _command("down", state))


@app.command()
def image() -> None:
    """Build the suite's image; BASE_IMAGE in the environment names another base than the Dockerfile's."""
    with explained(), TemporaryDirectory(prefix="foosets-image-") as logs:
        log = Path(logs, "build.log")
        progress = Progress()
        with progress.step("the suite's image"):
            build_suite(Engine(), log)
        progress.say(f"built {plain_name()}")


@app.command()
def binaries() -> None:
    """Find the programs that clusters are made of, download those that are nowhere, and build the rest."""
    with explained():
        Binaries.find(Progress(), tools=TOOLS)


@app.command()
def down(state: State = provider.STATE) -> None:
    """Take the cluster down: no process, port or file is left."""
    with explained():
        provider.cluster(state, Progress()).down()


@app.command()
def status(state: State = provider.STATE) -> None:
    """Show what runs, where it listens, and where its log is. Exit status 1 if something does not run."""
    with explained():
        rows = provider.cluster(state).status()
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(_table(rows))
        if any(row.pid is None for row in rows):
            raise typer.Exit(1)


@app.command()
def kubeconfig(state: State = provider.STATE) -> None:
    """Print the path of the administrator's kubeconfig."""
    with explained():
        cluster = provider.cluster(state)
        _ = cluster.record
        print(cluster.kubeconfig)


@app.command()
def env(state: State = provider.STATE) -> None:
    """Print shell commands that put kubectl and helm on PATH, looking at this cluster."""
    with explained():
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


def _command(name: str, state: Path) -> str:
    option = "" if state == provider.STATE else f" --state {shlex.quote(str(state))}"
    return f"python -m e2e.cluster {name}{option}"
