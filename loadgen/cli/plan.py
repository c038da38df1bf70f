"""loadgen plan: predict what a scenario will send, cost and lose, without sending it."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import show_beside_page


@shared.job_command("verb_options.PlanOptions", "loadgen plan storefront --sessions-per-day 500k --quota 50")
@shared.SCENARIO
@click.option(
    "--with",
    "others",
    multiple=True,
    type=shared.ScenarioFile(),
    metavar="SCENARIO",
    help="Scenario of a further app monitor under the same quota; repeatable.",
)
@shared.VISITS_A_DAY
@shared.PEAK_TO_TROUGH
@click.option("--growth", type=shared.PERCENT, help="Growth of all visits, such as 30%.")
@click.option("--weekday-peak", type=shared.CountOption(), help="Visits of the busiest weekday by the mean day's.")
@shared.DURATION_OPTION
@shared.RATE
@shared.SAMPLE_RATE
@shared.SEED
@click.option("--quota", type=shared.CountOption(), help="Quota of the account, requests a second.")
@click.option("--burst", type=shared.CountOption(), help="Requests at once; the quota unless given.")
@click.option("--max-loss", type=shared.SHARE, help="Share of events that may be lost, for the quota needed.")
@click.option("--margin", type=shared.PERCENT, help="Margin of the quota to request.")
@click.option("--rates", type=shared.RATES, help="Sample rates to compare.")
@click.option("--budget", type=shared.CountOption(), metavar="DOLLARS", help="A month, for the advised sample rate.")
@click.option(
    "--wanted-precision", type=shared.SHARE, help="Of a day's p75 LCP and share of failing sessions; 5% if no --budget."
)
@shared.PRICE
@click.option("--free-events", type=shared.WholeCountOption(), help="Free events; an account has 1M, once.")
@click.option("--precision", type=shared.SHARE, help="Half of the 95 % interval of sums.")
@click.option("--exact", is_flag=True, help="Rehearse every session; over 20,000 would be sampled.")
@click.option("--answer-time", "answer_seconds", type=shared.SECONDS, help="Mean time until an answer.")
@shared.JSON
@click.option("--html", type=shared.WritablePath(), help="Write one page with plots.")
def plan(scenario: Path, others: tuple[Path, ...], as_json: bool, html: Path | None, **options: Any) -> None:
    """Predict what a scenario will send, cost and lose, before a byte is sent."""
    from loadgen.jobs.plan import build_plan_view, describe_plan
    from loadgen.jobs.progress import ProgressView

    with ProgressView() as view:
        found = loadgen.plan(scenario, others=others, html=html, on_progress=view, **options)
    show_beside_page(describe_plan(found) if as_json else found, build_plan_view, html, as_json)
