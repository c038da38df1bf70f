"""`loadgen compare`: runs beside each other, from their folders alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loadgen.output import check_output, write_output
from loadgen.report import Comparison, build_comparison_page, compare_runs
from loadgen.results import RunData


def compare(run_dirs: Sequence[Path | str], *, html: Path | str | None = None) -> Comparison:
    """Compare runs with the first one, with intervals that tell a difference from chance.

    `html` is where a page that overlays the runs is written, if anywhere. LoadgenError: fewer than two runs, or a
    folder that is none of a run.
    """
    if html is not None:
        check_output(Path(html))
    runs = [RunData.open(Path(run_dir)) for run_dir in run_dirs]
    comparison = compare_runs(runs)
    if html is not None:
        write_output(Path(html), build_comparison_page(runs, comparison))
    return comparison
