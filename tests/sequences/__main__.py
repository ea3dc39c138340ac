"""Play one case, show its trace, and say what does not hold: `python -m tests.sequences STORY --seed N`."""

import argparse
import logging
import sys

import structlog

import foosets
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
    parser.add_argument("--late", default="", help="the plural of what is seen ten minutes late")
    parser.add_argument("--quiet", action="store_true", help="say only what does not hold")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.stderr.write(f"playing {foosets.__file__}\n")
    case = Case(options.story, Order(options.seed), options.kill, options.late)
    found = problems(case)
    if not options.quiet:
        sys.stdout.write(f"{trace(case.play())}\n")
    sys.stdout.write("".join(f"{problem}\n" for problem in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
