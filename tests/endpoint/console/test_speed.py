"""The console keeps its speed, measured beside a reference in the same run."""

from __future__ import annotations

import pytest

from loadgen.endpoint.console.console_table import ConsoleTable
from tests.benchmarks.console_speed import fill, least, logging_share, stored_rows, views

pytestmark = pytest.mark.bench

EVENTS = 100_000


def test_the_log_of_calls_slows_them_by_less_than_a_twentieth() -> None:
    assert logging_share() < 0.05


def test_each_view_takes_a_small_part_of_the_time_that_reading_its_events_takes() -> None:
    """Reading a million events takes about 12 s, so that a twenty-fourth is half a second."""
    table = ConsoleTable()
    reading = fill(table, list(stored_rows(EVENTS)))
    assert table.events >= EVENTS
    slow = {name: took / reading for name, view in views(table).items() if (took := least(view)) > reading / 12}
    assert not slow
