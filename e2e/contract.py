"""What docs/contract.md promises that each component may do, and no more."""

import re
from pathlib import Path
from typing import Final

Permission = tuple[str, str]
"""A resource as `plural.group/subresource`, and a verb."""

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "contract.md"
ROW: Final = re.compile(r"^\| (?P<component>\w+) \| `(?P<resource>\S+)` \| (?P<verbs>[a-z ]+) \| .+ \|$", re.MULTILINE)
ONLY_WITHOUT_POLICY: Final = frozenset({("namespaces", "list"), ("namespaces", "watch")})
"""What servicefooset may only where it, and not a policy, names the scheduler."""


def promised(component: str) -> set[Permission]:
    """Return the rows of the page's table that are about a component."""
    rows = ROW.finditer(PAGE.read_text(encoding="utf-8"))
    return {(row["resource"], verb) for row in rows if row["component"] == component for verb in row["verbs"].split()}


def qualified(resource: str, group: str) -> str:
    """Return a resource, perhaps with a subresource, as the page writes it."""
    plural, slash, subresource = resource.partition("/")
    return f"{plural}.{group}{slash}{subresource}" if group else resource
