"""`make size`: lines of code per room, without blanks, comments and docstrings."""

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent.parent / "controllers" / "foosets"
BUDGET: Final = 6000
"""Lines that a person can read in an afternoon. The command line is beside it: no controller needs it."""
BESIDE: Final = "cli"
_NOTHING: Final = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Return how many lines of a module hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NOTHING:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstring_lines(ast.parse(source)))


def _docstring_lines(tree: ast.AST) -> set[int]:
    """Return the lines of bare strings: docstrings, and those that document an attribute."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def sizes() -> Counter[str]:
    """Return the lines of code of every room; files beside the rooms count under their own name."""
    counted: Counter[str] = Counter()
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        counted[room] += code_lines(path.read_text())
    return counted


def main() -> None:
    """Print the table."""
    counted = sizes()
    for room, lines in counted.most_common():
        print(f"{lines:6}  {room}")
    print(f"{counted.total() - counted[BESIDE]:6}  of {BUDGET} in all but {BESIDE}")


if __name__ == "__main__":
    main()
