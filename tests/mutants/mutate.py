"""Small mistakes, one at a time: `<` for `<=`, `and` for `or`, a number off by one, a statement left out.

A mutant differs from its source in one place and is told by it: the line, what stood there and what stands there now.
Words are left alone (docstrings, messages, annotations): no behaviour hangs on them, or a name is misspelt and the
type checker says so. So is what it would see at once: a function returns nothing only where its type says that it may.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in a file: the text from `start` to `stop` was `before` and is `after`."""

    file: str
    line: int
    start: int
    stop: int
    before: str
    after: str

    def __str__(self) -> str:
        """Where it is and what was changed, on one line."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.file}:{self.line} `{before}` -> `{after}`"

    def applied(self, source: str) -> str:
        """Return the source with the mistake in it; offsets are in bytes, as the parser counts."""
        text = source.encode()
        return (text[: self.start] + self.after.encode() + text[self.stop :]).decode()


Swap = dict[type[ast.AST], type[ast.AST]]

COMPARISONS: Final[Swap] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: Final[Swap] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


EMPTY: Final = {"tuple": "()", "list": "[]", "dict": "{}", "Mapping": "{}", "str": '""'}
"""What a function of that type may return instead of what it found."""


def mutants(file: str, source: str) -> list[Mutant]:
    """Return every mutant of a file, in the order of their places."""
    offsets = _line_offsets(source)
    text = source.encode()

    def at(line: int | None, column: int | None) -> int:
        return offsets[(line or 1) - 1] + (column or 0)

    found = [
        Mutant(file, node.lineno, start, stop, text[start:stop].decode(), after)
        for node, after in _changes(ast.parse(source))
        for start, stop in [(at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset))]
    ]
    return sorted(found, key=lambda mutant: (mutant.start, mutant.stop, mutant.after))


def _line_offsets(source: str) -> list[int]:
    offsets = [0]
    for line in source.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    return offsets


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield what to replace, and by which text."""
    for node in _with_behaviour(tree):
        if isinstance(node, ast.expr):
            yield from ((node, f"({after})") for after in _of_expression(node))
        elif isinstance(node, ast.stmt):
            yield from ((node, after) for after in _of_statement(node))
        if isinstance(node, ast.FunctionDef):
            yield from _returns(node)
        for test in _tests(node):
            yield test, f"(not ({ast.unparse(test)}))"


def _with_behaviour(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over what runs: neither annotations nor text that is put together (whose places Python 3.11 gets wrong)."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                yield child
                yield from _with_behaviour(child)


def _of_expression(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield _swapped(node, lambda new: setattr(new, "ops", [COMPARISONS[type(op)]()]))
        case ast.BoolOp(op=op):
            yield _swapped(node, lambda new: setattr(new, "op", ast.Or() if isinstance(op, ast.And) else ast.And()))
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield _swapped(node, lambda new: setattr(new, "op", ARITHMETIC[type(op)]()))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield ast.unparse(operand)
        case ast.Constant(value=bool() as value):
            yield str(not value)
        case ast.Constant(value=int() as value):
            yield str(value + 1)
        case _:
            pass


def _swapped(node: ast.expr, change: Callable[[ast.AST], None]) -> str:
    copy = ast.parse(ast.unparse(node), mode="eval").body
    change(copy)
    return ast.unparse(copy)


def _of_statement(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete():
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case _:
            pass


def _returns(function: ast.FunctionDef) -> Iterator[tuple[ast.stmt, str]]:
    says = ast.unparse(function.returns) if function.returns is not None else ""
    empty = "None" if "| None" in says else EMPTY.get(says.partition("[")[0])
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and empty not in {None, ast.unparse(node.value)}:
            yield node, f"return {empty}"


def _tests(node: ast.AST) -> list[ast.expr]:
    """Return the bare conditions of a node: those that no other mutant turns round."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            tests = [test]
        case ast.comprehension(ifs=tests):
            pass
        case _:
            tests = []
    return [test for test in tests if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp)]
