"""What a run shows while it goes fits a terminal, and a log."""

from __future__ import annotations

import msgspec
from rich.console import Console

from loadgen.jobs.run.view import format_log_line, render_second
from loadgen.results import TimelineRow


def test_a_live_view_fits_in_80_columns_and_a_log_line_in_one_line() -> None:
    row = msgspec.convert(dict.fromkeys(TimelineRow.__struct_fields__, 99_999), TimelineRow)
    console = Console(width=80, record=True, highlight=False)
    with console.capture() as captured:
        console.print(render_second(row, row, 100_000))
    assert max(map(len, captured.get().splitlines())) <= 80
    assert "\n" not in format_log_line(row, 100_000)
