"""The table of values is what the comments of values.yaml say."""

import pytest

from e2e.chartvalues import BEGIN, CHARTS, END, Row, rows, table, with_table

VALUES = """\
# About the file, and about no key.

image:
  # Where it is:
  # here.
  repository: foosets
  # Empty | so.
  tag: ""

# All of it.
resources:
  requests:
    cpu: 25m
"""


def test_a_row_is_a_key_with_its_comment_and_default() -> None:
    assert rows(VALUES) == [
        Row("image.repository", "foosets", "Where it is: here."),
        Row("image.tag", "", "Empty | so."),
        Row("resources", {"requests": {"cpu": "25m"}}, "All of it."),
    ]


def test_a_bar_does_not_end_the_cell() -> None:
    assert '| `image.tag` | `""` | Empty \\| so. |' in table(VALUES).splitlines()


@pytest.mark.parametrize("values", ["a: 1\n", "a:\n  b: 1\n", "# About something else.\n\na: 1\n"])
def test_a_value_without_a_word_is_refused(values: str) -> None:
    with pytest.raises(ValueError, match=r"says nothing about a"):
        rows(values)


def test_a_readme_keeps_everything_but_its_table() -> None:
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    written = with_table(readme, VALUES)
    assert written == f"before\n{BEGIN}\n{table(VALUES)}\n{END}\nafter\n"
    assert with_table(written, VALUES) == written


def test_a_readme_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="one place for the table"):
        with_table("nothing\n", VALUES)


@pytest.mark.parametrize("chart", ["foosets", "jaeger"])
def test_the_charts_tables_are_up_to_date(chart: str) -> None:
    readme = (CHARTS / chart / "README.md").read_text()
    assert with_table(readme, (CHARTS / chart / "values.yaml").read_text()) == readme
