"""`loadgen compare`: compare runs, using only their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loadgen.output import check_output, write_output
from loadgen.report import Comparison, build_comparison_page, check_conditions, compare_runs, parse_condition
from loadgen.results import RunData


def compare(
    run_dirs: Sequence[Path | str], *, html: Path | str | None = None, fail_on: Sequence[str] = ()
) -> Comparison:
    """Compare runs with the first run, with intervals that tell a difference from chance.

    `html` is the file for a page that overlays the runs; None: no page. `fail_on` are conditions such as
    `latency_p99_ms > +10%`; `Comparison.conditions` says which of them fail. LoadgenError: fewer than two runs, a
    folder that is no folder of a run, or a text that is no condition.
    """
    for text in fail_on:
        parse_condition(text)
    if html is not None:
        check_output(Path(html))
    runs = [RunData.open(Path(run_dir)) for run_dir in run_dirs]
    comparison = check_conditions(compare_runs(runs), fail_on)
    if html is not None:
        write_output(Path(html), build_comparison_page(runs, comparison))
    return comparison
