"""A run's folder → views for people: the terminal, one HTML page, files for CI, and comparisons of runs."""

from pathlib import Path

from loadgen.output import write_output
from loadgen.report.ci import build_junit, build_markdown
from loadgen.report.comparison import Comparison, compare_runs
from loadgen.report.comparison_view import build_comparison_page, render_comparison
from loadgen.report.conditions import check_conditions, parse_condition
from loadgen.report.page import build_report_page
from loadgen.report.terminal import render_summary, show
from loadgen.results import RunData, Summary

REPORT = "report.html"

__all__ = [
    "REPORT",
    "Comparison",
    "build_comparison_page",
    "check_conditions",
    "compare_runs",
    "parse_condition",
    "render_comparison",
    "render_summary",
    "show",
    "write_ci_files",
    "write_report",
]


def write_ci_files(summary: Summary, junit: Path | None, summary_md: Path | None) -> None:
    """Write a run's JUnit XML and its summary in Markdown; None: do not write the file."""
    if junit is not None:
        write_output(junit, build_junit(summary))
    if summary_md is not None:
        write_output(summary_md, build_markdown(summary))


def write_report(data: RunData, file: Path | None = None) -> Path:
    """Write a run's page, by default as `report.html` into its folder; return the path of the page."""
    file = file or data.folder.path / REPORT
    write_output(file, build_report_page(data))
    return file
