import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import PLANS, noticing, plan_files
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.mutate import mutants

ROOT = Path(__file__).parents[2]


def changes(source: str) -> list[str]:
    return [str(mutant).partition(" ")[2] for mutant in mutants("f.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["`a < b` -> `(a <= b)`"]),
        ("a is None", ["`a is None` -> `(a is not None)`"]),
        ("a and b", ["`a and b` -> `(a or b)`"]),
        ("a - b", ["`a - b` -> `(a + b)`"]),
        ("not a", ["`not a` -> `(a)`"]),
        ("x = True", ["`True` -> `(False)`"]),
        ("x = 7", ["`7` -> `(8)`"]),
        ("x.y = z", ["`x.y = z` -> `pass`"]),
        ("x += y", ["`x += y` -> `pass`"]),
        ("del x[y]", ["`del x[y]` -> `pass`"]),
        ("f(x)", ["`f(x)` -> `pass`"]),
        ("x = [y for y in z if y.w]", ["`y.w` -> `(not (y.w))`"]),
        ("x = y if z else w", ["`z` -> `(not (z))`"]),
        ("def f() -> X | None:\n    return x", ["`return x` -> `return None`"]),
        ("def f() -> tuple[X, ...]:\n    return x", ["`return x` -> `return ()`"]),
    ],
)
def test_a_mistake_of_each_kind(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    ['"""Words."""', "x = 'words'", "x: Final[int | None]", "def f() -> int | None: ...", "def f() -> X: return x"],
)
def test_words_and_types_are_left_alone(source: str) -> None:
    assert changes(source) == []


def test_a_mistake_is_in_its_place_whatever_stands_before_it() -> None:
    source = 'x = "é"; y = a < b\n'
    (mutant,) = mutants("f.py", source)
    assert mutant.applied(source) == 'x = "é"; y = (a <= b)\n'


def test_every_mistake_in_the_plans_is_another_program_with_tests_to_notice_it() -> None:
    for file in map(str, plan_files()):
        source = (ROOT / file).read_text()
        original = ast.dump(ast.parse(source))
        assert all(ast.dump(ast.parse(mutant.applied(source))) != original for mutant in mutants(file, source))
        assert all((ROOT / path).exists() for selected in noticing(file) for path in selected)
    assert {Path(file).parent.name for file in plan_files()} == {"planning", *PLANS}


def test_what_is_said_of_equivalent_mistakes_is_said_of_mistakes_that_there_are() -> None:
    there = {
        (f"{file.parent.name}/{file.name}", mutant.before, mutant.after)
        for file in plan_files()
        for mutant in mutants(str(file), (ROOT / file).read_text())
    }
    assert EQUIVALENT.keys() <= there
