"""The tables of the endpoint's README are whole."""

from __future__ import annotations

from loadgen.rum.service_model import load_service_model
from tests.paths import ROOT

README = ROOT / "loadgen" / "endpoint" / "README.md"


def rows(heading: str) -> list[list[str]]:
    """Cells of the first table under a heading, without its head."""
    section = README.read_text().partition(heading)[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_of_operations_has_each_and_no_empty_cell() -> None:
    table = rows("The 20 operations")
    assert sorted(row[0] for row in table) == sorted(load_service_model().operations)
    assert all(len(row) == 3 and all(row) for row in table)


def test_the_table_of_guesses_has_no_empty_cell() -> None:
    table = rows("What we had to guess")
    assert table
    assert all(len(row) == 3 and all(row) for row in table)
