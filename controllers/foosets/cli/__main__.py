"""The program `kubectl-foo`, which kubectl runs for `kubectl foo`. It needs what foosets[cli] installs."""

import sys
from importlib import import_module
from typing import Final

EXTRAS: Final = frozenset({"typer", "rich"})
"""What the command line is made of, and what no controller needs."""


def main() -> None:
    """Run it; where the extra packages are not installed, say so in one line and exit with 2."""
    try:
        run = import_module("foosets.cli.command").main
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRAS:
            raise
        sys.stderr.write(f"error: kubectl-foo needs {missing.name}: install foosets[cli]\n")
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
