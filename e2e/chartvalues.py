"""The table of values in each chart's README, from the comments of its values.yaml.

    python -m e2e.chartvalues [--check]

A comment stands right above the key that it is about, in Markdown. A key with a comment is a row, with everything
below it; a key without one must have keys below it that do.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

CHARTS: Final = Path(__file__).resolve().parents[1] / "charts"
BEGIN: Final = "<!-- The table is written by `make generate`, from values.yaml. -->"
END: Final = "<!-- End of the table. -->"
TABLE: Final = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One value that can be set."""

    name: str
    default: Any
    text: str

    @property
    def line(self) -> str:
        """The row in Markdown."""
        text = self.text.replace("|", r"\|")
        return f"| `{self.name}` | `{json.dumps(self.default)}` | {text} |"


def rows(values: str) -> list[Row]:
    """Return the values of a file in its order; raises ValueError for one that nothing is said about."""
    return list(_rows(yaml.compose(values), values.splitlines(), ""))


def table(values: str) -> str:
    """Return the rows as a Markdown table."""
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *(row.line for row in rows(values))])


def with_table(readme: str, values: str) -> str:
    """Return a README with its table up to date; raises ValueError if it has no place for one."""
    text, found = TABLE.subn(lambda _: f"{BEGIN}\n{table(values)}\n{END}", readme)
    if found != 1:
        raise ValueError(f"there must be one place for the table, between {BEGIN} and {END}")
    return text


def _rows(node: Any, lines: list[str], above: str) -> Iterator[Row]:
    for key, value in node.value:
        name, text = f"{above}{key.value}", _comment(lines, key.start_mark)
        if text:
            yield Row(name, yaml.SafeLoader("").construct_document(value), text)
        elif isinstance(value, yaml.MappingNode):
            yield from _rows(value, lines, f"{name}.")
        else:
            raise ValueError(f"values.yaml says nothing about {name}")


def _comment(lines: list[str], mark: Any) -> str:
    """Return the lines right above a key that are comments of its depth, as one."""
    start, found = f"{' ' * mark.column}#", list[str]()
    for line in reversed(lines[: mark.line]):
        if not line.startswith(start):
            break
        found.insert(0, line.removeprefix(start).strip())
    return " ".join(found)


def main() -> int:
    """Write the tables, or with --check say which of them is out of date."""
    parser = argparse.ArgumentParser(prog="python -m e2e.chartvalues", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a table is out of date")
    check = parser.parse_args().check
    stale = False
    for file in sorted(CHARTS.glob("*/values.yaml")):
        readme = file.with_name("README.md")
        before = readme.read_text(encoding="utf-8")
        text = with_table(before, file.read_text(encoding="utf-8"))
        if not check:
            readme.write_text(text, encoding="utf-8")
        elif text != before:
            sys.stderr.write(f"{readme} is not what values.yaml says: run `make generate` and commit the result\n")
            stale = True
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
