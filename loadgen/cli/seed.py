"""loadgen seed, verify, clean: fill a monitor with a past, read it back, and take away what was made."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from loadgen.cli.targets import target_options
from loadgen.cli.values import SCENARIO

RUN_DIR = click.argument("run_dir", type=click.Path(path_type=Path))


@click.command()
@SCENARIO
@target_options
@click.option("--monitor", metavar="NAME", help="App monitor; the scenario's unless given. Made when it is missing.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Length of the period. [default: 7]")
@click.option("--from", "start", metavar="TIME", help="Begin of the period, in place of --days; UTC.")
@click.option("--to", "--end", "end", metavar="TIME", help="End of the period. [default: now]")
@click.option("--live", is_flag=True, help="After the past, go on in real time until Ctrl-C.")
@click.option("--rate", type=click.FloatRange(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals.")
@click.option("--sample-rate", type=click.FloatRange(0, 1), help="Share of sessions that are recorded.")
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario, seed and period, same events.")
@click.option(
    "--quota",
    type=click.FloatRange(min=0, min_open=True),
    help="PutRumEvents a second; unless given, asked of Service Quotas (AWS) or learnt from 429s.",
)
@click.option("--senders", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests in flight.")
@click.option("--identity-pool", metavar="ID", help="Send as a guest of this Cognito identity pool, as browsers do.")
@click.option("--guest-role", metavar="ARN", help="The guests' role: Cognito's basic flow.")
@click.option(
    "--probe/--no-probe", default=None, help="Send a few old events first and read them back. [default: on AWS]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder; results/seed-<monitor>-<scenario> unless given.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
def seed(scenario: Path, **options: object) -> None:
    """Fill a monitor with a scenario's past, each event exactly once; the same command again goes on."""
    from loadgen.jobs.seed.prepare import seed_scenario
    from loadgen.jobs.seed.run import Options

    if not seed_scenario(scenario, Options(**options)):  # type: ignore[arg-type]  # click has checked them
        sys.exit(130)


@click.command()
@RUN_DIR
@click.option("--wait", type=click.FloatRange(min=0), help="Seconds to wait for events; as long as RUM may take.")
@click.option("--json", "as_json", is_flag=True, help="Print the result, and nothing else, as JSON.")
def verify(run_dir: Path, wait: float | None, as_json: bool) -> None:
    """Read back what `loadgen seed` sent and compare with its ledger; exit 1 if anything is lost or there twice."""
    from loadgen.cli.verifying import verify_run

    if not verify_run(run_dir, wait, as_json):
        sys.exit(1)


@click.command()
@RUN_DIR
@click.option("--dry-run", is_flag=True, help="Show what would go, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(run_dir: Path, dry_run: bool, yes: bool) -> None:
    """Delete the app monitors that a `loadgen seed` made (they carry its tag), and nothing else."""
    from loadgen.cli.cleaning import clean_run

    clean_run(run_dir, dry_run, yes)
