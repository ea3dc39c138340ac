"""Since when something has been as it is, as far as this process has seen.

Nothing in an object tells when it was changed last, and whoever is to answer the change counts as silent only after a
time. So the time is counted from the first look at the change; after a restart from the first look of all.
"""

from collections.abc import Hashable
from datetime import UTC, datetime

from foosets.planning.stamps import SECOND
from foosets.planning.trace import Microseconds


class Unchanged:
    """One value by key, with the time at which it was first seen to be this."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[object, datetime]] = {}

    def since(self, key: Hashable, value: object, at: Microseconds) -> datetime:
        """Return since when the value has been this one; `at` is now."""
        known = self._seen.get(key)
        if known is None or known[0] != value:
            known = self._seen[key] = (value, datetime.fromtimestamp(at / SECOND, UTC))
        return known[1]

    def forget(self, key: Hashable) -> None:
        """Drop what is known of a key."""
        self._seen.pop(key, None)
