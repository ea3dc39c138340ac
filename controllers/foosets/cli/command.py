"""`kubectl foo`, as kubectl runs plugins: a program called kubectl-foo, with the words that follow.

Exit status, as diff and grep have it: 0 nothing keeps what was asked about, 1 something does, 2 there is no answer.
"""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import anyio
import msgspec
import typer
from pydantic import ValidationError
from rich.console import Console

from foosets.cli.descent import Descent
from foosets.cli.explanation import STUCK, explain
from foosets.cli.reading import NoAnswerError, Reader
from foosets.cli.rendering import as_json, plain, show
from foosets.cli.steps import Place
from foosets.cli.target import NotUnderstoodError, Target, checked, target_of
from foosets.kube.client import Client
from foosets.kube.errors import ApiError, Forbidden, Garbled, NotConfigured, Unauthorized
from foosets.kube.transport import connect

STUCK_STATUS: Final = 1
NO_ANSWER_STATUS: Final = 2
ANSWER_SECONDS: Final = 30.0
"""How long all of it may take; the API server answers each question within milliseconds."""
USER_AGENT: Final = "kubectl-foo"
DEFAULT_NAMESPACE: Final = "default"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Output(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def about() -> None:
    """Ask about FooSets and what is made of them. Nothing is changed."""


@app.command()
def why(
    words: Annotated[list[str], typer.Argument(metavar="KIND/NAME | KIND NAME | NAME", show_default=False)],
    *,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="The context's, unless named.")] = None,
    context: Annotated[str | None, typer.Option(help="The current one, unless named.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(help="As kubectl finds it, unless named.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="For a person, or for a program.")] = Output.TEXT,
) -> None:
    """Say why a set or a pod does not get on: the way down to what is stuck, the cause, and what to do next.

    Kinds are FooSet (fs), BatchFooSet (bfs), ServiceFooSet (sfs), FooQuota (fq) and Pod (po). A name alone means a
    FooSet, or else the only object of that name.

    Exit status: 0 if it runs, is done or is on its way, 1 if it is blocked or has failed, 2 if there is no answer.
    """
    try:
        asked = Place(checked(namespace) if namespace else "", context, kubeconfig)
        place, descent = anyio.run(_look, target_of(words), asked)
    except (NotUnderstoodError, NotConfigured, NoAnswerError, ApiError, Garbled, ValueError, TimeoutError) as error:
        typer.echo(f"error: {plain(in_a_line(error))}", err=True)
        raise typer.Exit(NO_ANSWER_STATUS) from error
    now = datetime.fromtimestamp(time.time(), UTC)
    explanation = explain(descent, place, now)
    if output is Output.JSON:
        typer.echo(as_json(explanation))
    else:
        show(explanation, Console(highlight=False), now)
    raise typer.Exit(STUCK_STATUS if explanation.state in STUCK else 0)


async def _look(target: Target, asked: Place) -> tuple[Place, Descent]:
    """Return where the target was looked for, and what was found there."""
    with anyio.fail_after(ANSWER_SECONDS):
        async with connect(asked.kubeconfig, context=asked.context, user_agent=USER_AGENT) as transport:
            place = replace(asked, namespace=asked.namespace or transport.namespace or DEFAULT_NAMESPACE)
            reader = Reader(Client(transport, USER_AGENT), place.namespace)
            return place, await reader.look(target)


def in_a_line(error: Exception) -> str:
    """Return why there is no answer, in one line."""
    match error:
        case Forbidden():
            return f"you lack a permission that the role view has: {error.message}"
        case Unauthorized():
            return "the API server does not know who you are: the credentials have expired, or are another cluster's"
        case TimeoutError():
            return f"the API server has not answered within {ANSWER_SECONDS:g} s"
        case ValidationError() | msgspec.ValidationError() | msgspec.DecodeError():
            return f"this version of kubectl-foo cannot read what the cluster has: {error}"
        case _:
            return str(error)


def main() -> None:
    """Run the program. What libraries log is not for a person who asked something else."""
    logging.getLogger().addHandler(logging.NullHandler())
    app(prog_name="kubectl foo")
