"""The tables of the endpoint's README are whole."""

from __future__ import annotations

import re

import pytest

from loadgen.endpoint import EndpointSettings
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


def test_the_example_in_python_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(example, str(README), "exec"), {})
    assert capsys.readouterr().out == "0 []\n"


def test_the_table_of_bounds_states_the_settings_that_hold() -> None:
    """Each setting that the table names exists, and each limit of the settings is in the table."""
    named = {name for row in rows("## Bounds") for name in re.findall(r"`(\w+)`", row[3])}
    limits = {name for name in EndpointSettings.__struct_fields__ if name.startswith("max_") or "seconds" in name}
    assert named <= set(EndpointSettings.__struct_fields__)
    assert limits - {"deleting_seconds", "max_batch_events", "max_event_bytes"} <= named
