"""loadgen compare: runs beside each other."""

import sys
from pathlib import Path

import click

from loadgen.cli.options import JSON, html_option
from loadgen.cli.terminal import echo

RUNS = click.argument("run_dirs", type=click.Path(path_type=Path), metavar="RUN RUN...", nargs=-1, required=True)


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
    from loadgen.output import format_json, is_stream
    from loadgen.report import render_comparison, show

    comparison = job.compare(run_dirs, html=html, fail_on=fail_on)
    if as_json:
        click.echo(format_json(comparison), nl=False)
    elif html is None or not is_stream(html):
        show(render_comparison(comparison))
    if html is not None:
        echo(f"page      {html}", err=as_json or is_stream(html))
    if any(each.fails for each in comparison.conditions):
        sys.exit(1)
