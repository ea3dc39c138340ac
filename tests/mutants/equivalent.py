"""Mistakes that nobody could notice, with the reason: by file, what stood there, and what stands there instead."""

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {}
