"""loadgen check, generate, report: the commands that read and write files alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from loadgen.cli.values import SCENARIO

GENERATE_START = datetime(2026, 1, 1, tzinfo=UTC)
REPORT_IN_FOLDER = "-"  # what --html without a file stands for


@click.command()
@SCENARIO
def check(scenario: Path) -> None:
    """Check a scenario file: say all that is wrong with it, or which traffic it implies."""
    from loadgen import traffic
    from loadgen.cli.implied import lines
    from loadgen.scenario import load

    checked = load(scenario)
    pages = "1 page" if len(checked.pages) == 1 else f"{len(checked.pages)} pages"
    click.echo(f"{scenario}: fine. {checked.name}, {checked.duration:g} s, {pages}")
    click.echo("\n".join(lines(checked, traffic.implied(checked))))


@click.command()
@SCENARIO
@click.option("--sessions", type=click.IntRange(1, 10_000_000), required=True, help="How many visits.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="NDJSON file, a PutRumEvents body a line.")
@click.option("--seed", type=click.IntRange(min=0), help="In place of the scenario's; 0 when it has none.")
@click.option(
    "--start", type=click.DateTime(), help=f"UTC; unless given, {GENERATE_START:%Y-%m-%d}, so that bytes repeat."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that share the work."
)
def generate(scenario: Path, sessions: int, out: Path, seed: int | None, start: datetime | None, workers: int) -> None:
    """Write the PutRumEvents bodies of a scenario's first sessions; the same seed gives the same bytes."""
    from loadgen.jobs import generate as bodies
    from loadgen.jobs import ground_truth
    from loadgen.jobs.first_monitor import first_alone
    from loadgen.scenario import load, resolve_seed
    from loadgen.wire import Clock

    checked = first_alone(load(scenario), "generate")
    epoch = (start.replace(tzinfo=UTC) if start else GENERATE_START).timestamp()
    chosen = resolve_seed(checked, seed, otherwise=0)
    written = bodies.write(checked, chosen, sessions, epoch, out, workers)
    truth = out.with_name(f"{out.stem}.{ground_truth.FILE}")
    whole = bodies.long_enough(checked, chosen, sessions)
    if ground_truth.write(whole, chosen, Clock(epoch), truth, sessions):
        click.echo(f"{truth}: which of them incidents hit")
    click.echo(f"{out}: {written:,} batches of {sessions:,} sessions, seed {chosen}")


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
    from loadgen.report.html import room_for_page, write_report
    from loadgen.report.terminal import show, summary_view
    from loadgen.results import RunFolder
    from loadgen.results.recovery import scenario_of
    from loadgen.results.run_data import RunData, summary_of
    from loadgen.results.store import pretty

    named = None if html == Path(REPORT_IN_FOLDER) else html
    room_for_page(named)
    folder = RunFolder.existing(run_dir)
    summary = summary_of(folder)
    if summary.lost_workers:
        summary = noted(folder, scenario_of(folder), summary)
    if as_json:
        click.echo(pretty(summary), nl=False)
    else:
        show(summary_view(summary))
    if html is not None:
        page = write_report(RunData(folder, summary=summary), named)
        click.echo(f"page      {page}", err=as_json)
