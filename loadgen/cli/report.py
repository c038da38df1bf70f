"""loadgen report, compare: runs that are over, shown again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from loadgen.cli.options import FILE, JSON, JUNIT, RUN_DIR, SUMMARY_MD, html_option
from loadgen.cli.terminal import echo, echo_error

IN_FOLDER = Path("RUN_DIR/report.html")  # what --html without a file stands for
PAGE = html_option("Write its page; RUN_DIR/report.html.", is_flag=False, flag_value=str(IN_FOLDER), metavar="[FILE]")


@click.command(epilog="Example: loadgen report results/20261125T211713Z-quickstart --html page.html")
@RUN_DIR
@JSON
@PAGE
@JUNIT
@SUMMARY_MD
def report(run_dir: Path, as_json: bool, html: Path | None, junit: Path | None, summary_md: Path | None) -> None:
    """Show the summary of a run again, or of what was written of one that was cut off."""
    from loadgen.jobs import report as job
    from loadgen.report import render_summary, write_ci_files

    page = job.name_page(run_dir) if html == IN_FOLDER else html
    summary = job.report(run_dir, html=page, on_progress=echo_error)
    show_beside_page(summary, render_summary, page, as_json)
    write_ci_files(summary, junit, summary_md)


RUNS = click.argument("run_dirs", type=FILE, metavar="RUN RUN...", nargs=-1, required=True)


FAIL_ON = click.option(
    "--fail-on", multiple=True, metavar="TEXT", help="Exit 1 if so, and more than chance: 'latency_p99_ms > +10%'."
)


@click.command(epilog="Example: loadgen compare results/before results/after --fail-on 'latency_p99_ms > +10%'")
@RUNS
@html_option("Write a page that overlays the runs.")
@FAIL_ON
@JSON
def compare(run_dirs: tuple[Path, ...], html: Path | None, fail_on: tuple[str, ...], as_json: bool) -> None:
    """Compare runs with the first one, with intervals that tell a difference from chance."""
    from loadgen.jobs import compare as job
    from loadgen.report import render_comparison

    comparison = job.compare(run_dirs, html=html, fail_on=fail_on)
    show_beside_page(comparison, render_comparison, html, as_json)
    if any(each.fails for each in comparison.conditions):
        sys.exit(1)


def show_beside_page(value: Any, render: Callable[[Any], Any], page: Path | None, as_json: bool) -> None:
    """Show what a page may show too: as JSON, or as people read it unless the page takes standard output."""
    from loadgen.output import format_json, is_stream
    from loadgen.report import show

    if as_json:
        click.echo(format_json(value), nl=False)
    elif page is None or not is_stream(page):
        show(render(value))
    if page is not None:
        echo(f"page      {page}", err=as_json or is_stream(page))
