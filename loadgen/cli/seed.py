"""loadgen seed: fill an app monitor with a scenario's past."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from loadgen.cli.targets import ACCEPT, ask_on_terminal, target_options
from loadgen.cli.values import SCENARIO, SHARE, CountOption


@click.command()
@SCENARIO
@target_options
@click.option("--monitor", metavar="NAME", help="App monitor; the scenario's unless given. Made when it is missing.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Length of the period. [default: 7]")
@click.option("--from", "start", metavar="TIME", help="Begin of the period, in place of --days; UTC.")
@click.option("--to", "--end", "end", metavar="TIME", help="End of the period. [default: now]")
@click.option("--live", is_flag=True, help="After the past, go on in real time until Ctrl-C.")
@click.option("--rate", type=CountOption(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals.")
@click.option("--sample-rate", type=SHARE, help="Share of sessions that are recorded.")
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario, seed and period, same events.")
@click.option(
    "--quota",
    type=CountOption(min=0, min_open=True),
    help="PutRumEvents a second; unless given, asked of Service Quotas (AWS) or learned from 429s.",
)
@click.option("--senders", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests in flight.")
@ACCEPT
@click.option("--identity-pool", metavar="ID", help="Send as a guest of this Cognito identity pool, as browsers do.")
@click.option("--guest-role", metavar="ARN", help="The guests' role: Cognito's basic flow.")
@click.option(
    "--probe/--no-probe", default=None, help="Send a few old events first and read them back. [default: on AWS]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder; results/seed-<monitor>-<scenario> unless given.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
def seed(scenario: Path, yes: bool, **options: Any) -> None:
    """Fill a monitor with a scenario's past, each event exactly once; the same command again goes on."""
    from rich.console import Console

    from loadgen.jobs import seed as job

    with job.SeedView(Console(), Console(stderr=True)) as view:
        result = job.seed(scenario, on_progress=view.show, confirm=ask_on_terminal(yes), **options)
    if not result.whole:
        sys.exit(130)
