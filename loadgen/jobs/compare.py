"""`loadgen compare`: compare runs, using only their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loadgen.jobs.inputs import prepare_output
from loadgen.options import list_given, require_path
from loadgen.output import write_output
from loadgen.report import Comparison, build_comparison_page, check_conditions, compare_runs, parse_condition
from loadgen.results import RunData, list_data_files


def compare(
    run_dirs: Sequence[Path | str], *, html: Path | str | None = None, fail_on: Sequence[str] = ()
) -> Comparison:
    """Compare runs with the first run, with intervals that tell a difference from chance.

    `html` is the file for a page that overlays the runs; None: no page. `fail_on` are conditions such as
    `latency_p99_ms > +10%`; `Comparison.conditions` says which of them fail. LoadgenError: fewer than two runs, a
    folder that is no folder of a run, or a text that is no condition.
    """
    conditions = list_given(fail_on, "fail_on")
    for text in conditions:
        parse_condition(text)
    folders = [require_path(run_dir, "run_dirs") for run_dir in list_given(run_dirs, "run_dirs")]
    page = prepare_output(html, "html", [file for folder in folders for file in list_data_files(folder)])
    runs = [RunData.open(folder) for folder in folders]
    comparison = check_conditions(compare_runs(runs), conditions)
    if page is not None:
        write_output(page, build_comparison_page(runs, comparison))
    return comparison
