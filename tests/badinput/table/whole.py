"""The whole table, by class."""

from collections.abc import Mapping
from typing import Final

from tests.badinput.rows import Of, Row
from tests.badinput.table.collisions import COLLISIONS
from tests.badinput.table.numbers import NUMBERS
from tests.badinput.table.security import SECURITY
from tests.badinput.table.strings import STRINGS
from tests.badinput.table.structure import STRUCTURE, STRUCTURE_OF_JSON
from tests.badinput.table.timing import TIMING
from tests.badinput.table.trace import TRACE

OBJECTS: Final[Mapping[Of, tuple[Row, ...]]] = {
    Of.NUMBERS: NUMBERS,
    Of.STRINGS: STRINGS,
    Of.COLLISIONS: COLLISIONS,
    Of.STRUCTURE: STRUCTURE + STRUCTURE_OF_JSON,
    Of.SECURITY: SECURITY,
    Of.TRACE: TRACE,
    Of.TIMING: TIMING,
}
"""What is sent; what is answered has a table of its own."""
