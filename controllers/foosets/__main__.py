"""`foosets run ROOM`: run one component. `foosets prove FOOSET`: see a set become pods and one complete trace."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from foosets.api.names import Component


def _end(_number: int, _frame: object) -> None:
    sys.exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line; run the component until SIGTERM or SIGINT, or prove the set and exit."""
    # The first process of a container ignores a signal that it has no handler for. One that is told to end while it
    # starts would live on until it is killed, and meanwhile take the lease of its component.
    signal.signal(signal.SIGTERM, _end)
    parser = argparse.ArgumentParser(prog="foosets", description="Controllers that refine a FooSet down to pods.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run one component")
    running.add_argument("room", choices=[str(component) for component in Component], help="which one")
    proving = commands.add_parser("prove", help="create a FooSet, check its trace in Jaeger, and remove it")
    proving.add_argument("fooset", help="the FooSet as JSON, with its namespace; a batch part and a service part")
    proving.add_argument("--jaeger", metavar="URL", required=True, help="Jaeger's query API")
    options = parser.parse_args(argv)
    # a component imports its own room only, since memory is per process, and nothing before it listens to signals
    if options.command == "run":
        run = import_module("foosets.runtime.manager").run
        run(Component(options.room), import_module(f"foosets.{options.room}.controller").assemble)
    else:
        sys.exit(import_module("foosets.proof.prove").prove(options.fooset, options.jaeger))


if __name__ == "__main__":
    main()
