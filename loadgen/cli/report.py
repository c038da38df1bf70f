"""loadgen report: the summary and page of an earlier run."""

from pathlib import Path

import click

import loadgen
from loadgen.cli.options import JSON, JUNIT, RUN_DIR, SUMMARY_MD, html_option
from loadgen.cli.terminal import echo_error, show_beside_page
from loadgen.output import refuse_overwriting

IN_FOLDER = Path("RUN_DIR/report.html")  # stands for --html without a file
PAGE = html_option("Write a page; RUN_DIR/report.html.", is_flag=False, flag_value=str(IN_FOLDER), metavar="[FILE]")


@click.command(epilog="Example: loadgen report results/20261125T211713Z-quickstart --html page.html")
@RUN_DIR
@JSON
@PAGE
@JUNIT
@SUMMARY_MD
def report(run_dir: Path, as_json: bool, html: Path | None, junit: Path | None, summary_md: Path | None) -> None:
    """Show the summary of a run again; recover it if the run was cut off."""
    from loadgen.report import render_summary

    refuse_overwriting([html, junit, summary_md], [])
    found = loadgen.Run.load(run_dir)
    page = None if html is None else found.write_page(None if html == IN_FOLDER else html, on_progress=echo_error)
    show_beside_page(found.summary, render_summary, page, as_json)
    found.write_ci_files(junit, summary_md)
