"""`foosets run ROOM`: run one component."""

import argparse
from collections.abc import Sequence
from importlib import import_module

from foosets.api.names import Component
from foosets.runtime.manager import run


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run the component until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="foosets", description="Controllers that refine a FooSet down to pods.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run one component")
    running.add_argument("room", choices=[str(component) for component in Component], help="which one")
    room = Component(parser.parse_args(argv).room)
    # a component imports its own room only: memory is per process
    run(room, import_module(f"foosets.{room}.controller").assemble)


if __name__ == "__main__":
    main()
