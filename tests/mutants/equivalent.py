"""Mistakes that nobody could notice, with the reason: by file, what stood there, and what stands there instead."""

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    ("batchfooset/plan.py", "account.completed & pods.held", "(account.completed | pods.held)"): (
        "whether it is worth looking at pod after pod; a look that was not worth it finds nothing"
    ),
    ("planning/indexes.py", "attempt > self[index]", "(attempt >= self[index])"): (
        "attempts that are as high already are written over by themselves; an absent one by the 0 that it counts as"
    ),
    (
        "planning/indexes.py",
        "False",
        "(True)",
    ): "a hint to the garbage collector (`gc=False`), which costs or saves time",
    ("planning/indexes.py", "True", "(False)"): "`frozen=True` is the type checker's to hold: nothing here assigns",
}
