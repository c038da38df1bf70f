"""loadgen compare: runs compared with the first one."""

import sys
from pathlib import Path

import click

import loadgen
from loadgen.cli.options import FILE, JSON, html_option
from loadgen.cli.terminal import show_beside_page

RUNS = click.argument("run_dirs", type=FILE, metavar="RUN RUN...", nargs=-1, required=True)


FAIL_ON = click.option(
    "--fail-on", multiple=True, metavar="TEXT", help="Exit 1 if true and more than chance, as 'latency_p99_ms > +10%'."
)


@click.command(epilog="Example: loadgen compare results/before results/after --fail-on 'latency_p99_ms > +10%'")
@RUNS
@html_option("Write a page that overlays the runs.")
@FAIL_ON
@JSON
def compare(run_dirs: tuple[Path, ...], html: Path | None, fail_on: tuple[str, ...], as_json: bool) -> None:
    """Compare runs with the first one, with intervals that tell a difference from chance."""
    from loadgen.report import render_comparison

    comparison = loadgen.compare(run_dirs, html=html, fail_on=fail_on)
    show_beside_page(comparison, render_comparison, html, as_json)
    if any(each.fails for each in comparison.conditions):
        sys.exit(1)
