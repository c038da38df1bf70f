"""A run's folder → what people see of it: the terminal, one HTML page, and comparisons of runs."""

from pathlib import Path

from loadgen.output import write_output
from loadgen.report.comparison import Comparison, compare_runs
from loadgen.report.comparison_page import build_comparison_page
from loadgen.report.page import build_report_page
from loadgen.report.terminal import format_log_line, render_comparison, render_second, render_summary, show
from loadgen.results import RunData

REPORT = "report.html"

__all__ = [
    "REPORT",
    "Comparison",
    "build_comparison_page",
    "build_report_page",
    "compare_runs",
    "format_log_line",
    "render_comparison",
    "render_second",
    "render_summary",
    "show",
    "write_report",
]


def write_report(data: RunData, file: Path | None = None) -> Path:
    """Write a run's page, by default as `report.html` into its folder; the path of the page."""
    file = file or data.folder.path / REPORT
    write_output(file, build_report_page(data))
    return file
