"""loadgen compare: runs beside each other, from their folders alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run_dirs", type=click.Path(path_type=Path), metavar="RUN RUN...", nargs=-1, required=True)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that overlays the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def compare(run_dirs: tuple[Path, ...], html: Path | None, as_json: bool) -> None:
    """Compare runs with the first one, with intervals that tell a difference from chance."""
    from loadgen.output import format_json
    from loadgen.report.comparison import compare as compared
    from loadgen.report.comparison_view import comparison_view
    from loadgen.report.html import comparison_page, room_for_page, write_page
    from loadgen.report.terminal import show
    from loadgen.results import RunData

    room_for_page(html)
    readings = [RunData.of(run_dir) for run_dir in run_dirs]
    comparison = compared(readings)
    if as_json:
        click.echo(format_json(comparison), nl=False)
    else:
        show(comparison_view(comparison))
    if html is not None:
        click.echo(f"page      {write_page(comparison_page(readings, comparison), html)}", err=as_json)
