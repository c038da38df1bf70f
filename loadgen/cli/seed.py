"""loadgen seed, verify, clean: an app monitor is filled with a scenario's past, read back, and emptied."""

import sys
from pathlib import Path
from typing import Any

import click

from loadgen.cli import options as shared
from loadgen.cli.terminal import ask_on_terminal, echo, show_result

DAYS = shared.CountOption(min=0, min_open=True)


@click.command(epilog="Example: loadgen seed storefront --target http://127.0.0.1:8000 --days 7")
@shared.SCENARIO
@shared.target_options
@click.option("--monitor", metavar="NAME", help="App monitor; the scenario's unless given. Made when it is missing.")
@click.option("--days", type=DAYS, help="Length of the period. [default: 7]")
@click.option("--from", "start", metavar="TIME", help="Begin of the period, in place of --days; UTC.")
@click.option("--to", "--end", "end", metavar="TIME", help="End of the period. [default: now]")
@click.option("--live", is_flag=True, help="After the past, go on in real time until Ctrl-C.")
@shared.RATE
@shared.SAMPLE_RATE
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario, seed and period, same events.")
@click.option("--quota", type=shared.POSITIVE, help="PutRumEvents a second; else asked of AWS, or learned from 429s.")
@click.option("--senders", type=click.IntRange(1, 256), default=16, help="Requests in flight.")
@shared.ACCEPT
@click.option("--identity-pool", metavar="ID", help="Send as a guest of this Cognito identity pool, as browsers do.")
@click.option("--guest-role", metavar="ARN", help="The guests' role: Cognito's basic flow.")
@click.option("--probe/--no-probe", default=None, help="First send old events, and read them. [default: on AWS]")
@click.option("--out", type=shared.FILE, help="Folder; results/seed-<monitor>-<scenario> unless given.")
@shared.CONSENT
def seed(scenario: Path, yes: bool, **options: Any) -> None:
    """Fill a monitor with a scenario's past, each event exactly once; the same command again goes on."""
    from rich.console import Console

    from loadgen.jobs import seed as job

    with job.SeedView(Console(), Console(stderr=True)) as view:
        result = job.seed(scenario, on_progress=view.show, confirm=ask_on_terminal(yes), **options)
    if not result.whole:
        sys.exit(130)


@click.command(epilog="Example: loadgen verify results/seed-shop-quickstart --wait 60")
@shared.RUN_DIR
@click.option("--wait", type=shared.CountOption(min=0), help="Seconds to wait for events; as long as RUM may take.")
@shared.network_options
@shared.JSON
def verify(run_dir: Path, wait: float | None, as_json: bool, **network: str | None) -> None:
    """Read back what `loadgen seed` sent and compare with its ledger; exit 1 if anything is lost or there twice."""
    from loadgen.jobs import seed as job
    from loadgen.jobs.progress import ProgressView, WorkProgress

    with ProgressView() as view:

        def show(told: job.Notice | WorkProgress) -> None:
            view(told.text if isinstance(told, job.Notice) else told)

        found = job.verify(run_dir, wait=wait, on_progress=show, **network)
    show_result(found, job.describe_verification(found), as_json)
    if not found.is_sound:
        sys.exit(1)


@click.command(epilog="Example: loadgen clean results/seed-shop-quickstart --dry-run")
@shared.RUN_DIR
@click.option("--dry-run", is_flag=True, help="Show what would go, and delete nothing.")
@shared.network_options
@shared.YES
def clean(run_dir: Path, yes: bool, **options: Any) -> None:
    """Delete the app monitors that a `loadgen seed` made (they carry its tag), and nothing else."""
    from loadgen.jobs import seed as job

    def notify(notice: job.Notice) -> None:
        echo(notice.text, err=True)

    found = job.clean(run_dir, confirm=ask_on_terminal(yes), on_progress=notify, **options)
    echo(*job.describe_cleanup(found))
