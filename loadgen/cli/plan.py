"""loadgen plan: what a scenario will send, cost and lose, without sending it."""

from pathlib import Path
from typing import Any

import click

from loadgen.cli import options as shared
from loadgen.cli.terminal import echo, echo_json, show_view

EXAMPLE = "Example: loadgen plan storefront --sessions-per-day 500k --quota 50"


@click.command(epilog=EXAMPLE)
@shared.SCENARIO
@click.option(
    "--with",
    "others",
    multiple=True,
    type=shared.ScenarioFile(),
    metavar="SCENARIO",
    help="A further app monitor of the account, under the same quota; may be given again.",
)
@shared.VISITS_A_DAY
@shared.PEAK_TO_TROUGH
@click.option("--growth", type=shared.PERCENT, default="0%", help="Of all visits, such as 30%.")
@click.option(
    "--weekday-peak", type=shared.CountOption(), default=1.0, help="Busiest weekday's visits by the mean day's."
)
@shared.DURATION_OPTION
@shared.RATE
@shared.SAMPLE_RATE
@shared.SEED
@click.option("--quota", type=shared.CountOption(), default=50.0, help="Requests a second of the account.")
@click.option("--burst", type=shared.CountOption(), help="Requests at once; as many as the quota unless given.")
@click.option("--max-loss", type=shared.SHARE, default="0.1%", help="Of the events, for the quota needed.")
@click.option("--margin", type=shared.PERCENT, default="25%", help="Of the quota to request.")
@click.option("--rates", type=shared.RATES, default="0.01,0.1,0.25,0.5,1", help="Sample rates to compare.")
@click.option(
    "--budget", type=shared.CountOption(), metavar="DOLLARS", help="A month, for the sample rate that is advised."
)
@click.option(
    "--wanted-precision",
    type=shared.SHARE,
    help="Of a day's p75 LCP and share of sessions with errors, for that rate; 5% if there is no budget.",
)
@shared.PRICE
@click.option(
    "--free-events", type=shared.WholeCountOption(), default=0, help="That cost nothing; an account has 1M, once."
)
@click.option("--precision", type=shared.SHARE, default=0.02, help="Half the 95 % interval of sums.")
@click.option("--exact", is_flag=True, help="Rehearse every session, however many; a sample stands for over 20,000.")
@click.option(
    "--answer-time", "answer_seconds", type=shared.CountOption(), default=0.05, help="Mean seconds until an answer."
)
@shared.JSON
@click.option("--html", type=shared.WritablePath(), help="Write one page with plots.")
def plan(scenario: Path, others: tuple[Path, ...], as_json: bool, html: Path | None, **options: Any) -> None:
    """Say what a scenario will send, cost and lose, before a byte is sent."""
    from loadgen.jobs import plan as job
    from loadgen.jobs.progress import ProgressView
    from loadgen.output import write_output

    with ProgressView() as view:
        found = job.plan(scenario, others=others, on_progress=view, **options)
    if html is not None:
        write_output(html, job.build_plan_page(found))
    if as_json:
        echo_json(job.leave_out_curves(found))
    else:
        show_view(job.build_plan_view(found))
    if html is not None:
        echo(f"page      {html}")
