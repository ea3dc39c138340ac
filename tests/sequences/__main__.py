"""Play one case, show its trace, and say what does not hold: `python -m tests.sequences STORY --seed N`."""

import argparse
import sys

from tests.sequences.case import Case, Kill, problems
from tests.sequences.orders import Order
from tests.sequences.stories import STORIES
from tests.sequences.trace import trace


def main() -> int:
    """Return 0 if all holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.sequences", description=__doc__)
    parser.add_argument("story", choices=STORIES)
    parser.add_argument("--seed", type=int, help="the order; the fixed one unless given")
    parser.add_argument("--kill", type=Kill.parse, help="component:write:before|after|lost")
    options = parser.parse_args()
    case = Case(options.story, Order(options.seed), options.kill)
    found = problems(case)
    sys.stdout.write(trace(case.play()))
    sys.stdout.write("".join(f"\n{problem}" for problem in found) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
