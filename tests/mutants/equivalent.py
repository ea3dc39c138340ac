"""Mistakes that nobody could notice, with the reason: by file, what stood there, and what stands there instead."""

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    ("batchfooset/plan.py", "account.completed & pods.held", "(account.completed | pods.held)"): (
        "whether it is worth looking at pod after pod; a look that was not worth it finds nothing"
    ),
}
