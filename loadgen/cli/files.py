"""loadgen report: the summary of a run again."""

from __future__ import annotations

from pathlib import Path

import click

REPORT_IN_FOLDER = "-"  # what --html without a file stands for


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=REPORT_IN_FOLDER,
    metavar="[FILE]",
    help="Write the page of the run, unless told otherwise as report.html in its folder.",
)
def report(run_dir: Path, as_json: bool, html: Path | None) -> None:
    """Show the summary of a run again, or of what was written of one that was cut off."""
    from loadgen.jobs.run.incomplete_sessions import noted
    from loadgen.output import format_json
    from loadgen.report.html import room_for_page, write_report
    from loadgen.report.terminal import show, summary_view
    from loadgen.results import RunData, RunFolder, read_summary

    named = None if html == Path(REPORT_IN_FOLDER) else html
    room_for_page(named)
    folder = RunFolder.open(run_dir)
    summary = read_summary(folder)
    if summary.lost_workers:
        summary = noted(folder, folder.spec().scenario, summary)
    if as_json:
        click.echo(format_json(summary), nl=False)
    else:
        show(summary_view(summary))
    if html is not None:
        page = write_report(RunData(folder, summary=summary), named)
        click.echo(f"page      {page}", err=as_json)
