"""loadgen seed: fill an app monitor with a scenario's past."""

import sys
from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import ask_on_terminal
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.units import Bounds, parse_number


def parse_days(text: str) -> float:
    """Read the length of a period in days."""
    try:
        return parse_number(text, Bounds(0, is_open=True))
    except ValueError:
        most = f"{RETENTION_SECONDS / 86_400:.0f}"
        raise ValueError(
            f"{text!r} is no length; write days, such as 7 or 0.5, up to the {most} that RUM keeps"
        ) from None


@shared.job_command("verb_options.SeedOptions", "loadgen seed storefront --target http://127.0.0.1:8000 --days 7")
@shared.SCENARIO
@shared.target_options
@click.option("--monitor", metavar="NAME", help="App monitor; the scenario's unless given. Created if missing.")
@click.option("--days", type=shared.ParsedOption("days", parse_days), help="Length of the period. [default: 7]")
@click.option("--from", "start", metavar="TIME", help="Start of the period, in place of --days; UTC.")
@click.option("--to", "--end", "end", metavar="TIME", help="End of the period. [default: now]")
@click.option("--live", is_flag=True, help="After the past, go on in real time until Ctrl-C.")
@shared.RATE
@shared.SAMPLE_RATE
@click.option("--seed", type=shared.Integer(min=0), help="Same scenario, seed and period, same events.")
@click.option("--quota", type=shared.POSITIVE, help="PutRumEvents a second; else read from AWS or learned from 429s.")
@click.option("--senders", type=shared.Integer(1, 256), help="Most requests in flight.")
@shared.ACCEPT
@click.option("--identity-pool", metavar="ID", help="Send as a guest of this Cognito identity pool, as browsers do.")
@click.option("--guest-role", metavar="ARN", help="Role of the guests, for Cognito's basic flow.")
@click.option("--probe/--no-probe", default=None, help="First send old events, and read them back. [default: on AWS]")
@click.option("--out", type=shared.FILE, help="Folder; results/seed-<monitor>-<scenario> unless given.")
@shared.CONSENT
def seed(scenario: Path, yes: bool, **options: Any) -> None:
    """Fill a monitor with a scenario's past, each event exactly once; the same command again continues."""
    from loadgen.jobs.seed import SeedView

    with SeedView() as view:
        result = loadgen.seed(scenario, on_progress=view.show, confirm=ask_on_terminal(yes), **options)
    if not result.whole:
        sys.exit(130)
