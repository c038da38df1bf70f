"""loadgen plan: what a scenario will send, cost and lose, without sending it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadgen.cli.terminal import echo
from loadgen.cli.values import (
    DURATION,
    PERCENT,
    RATES,
    SCENARIO,
    SHARE,
    CountOption,
    WholeCountOption,
    echo_error,
)


@click.command()
@SCENARIO
@click.option(
    "--with",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="SCENARIO",
    help="A further app monitor of the account, under the same quota; may be given again.",
)
@click.option(
    "--sessions-per-day", type=CountOption(), help="Plan 24 hours with so many visits; other scenarios keep their rate."
)
@click.option("--peak-to-trough", type=float, help="Of that day's hours in one country, if the scenario is shorter; 4.")
@click.option("--growth", type=PERCENT, default="0%", show_default=True, help="Of all visits, such as 30%.")
@click.option(
    "--weekday-peak",
    type=float,
    default=1.0,
    help="Busiest weekday's visits by the mean day's: quotas are for that day.",
)
@click.option("--duration", type=DURATION, help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--rate", type=CountOption(), default=1.0, help="A factor on the arrivals.")
@click.option("--sample-rate", type=SHARE, help="In place of the monitor's.")
@click.option("--seed", type=int, help="As for run: same scenario and seed, same sessions.")
@click.option("--quota", type=CountOption(), default=50.0, show_default=True, help="Requests a second of the account.")
@click.option("--burst", type=CountOption(), help="Requests at once; as many as the quota unless given.")
@click.option("--max-loss", type=SHARE, default="0.1%", show_default=True, help="Of the events, for the quota needed.")
@click.option("--margin", type=PERCENT, default="25%", show_default=True, help="Of the quota to request.")
@click.option("--rates", type=RATES, default="0.01,0.1,0.25,0.5,1", show_default=True, help="Sample rates to compare.")
@click.option("--budget", type=CountOption(), metavar="DOLLARS", help="A month, for the sample rate that is advised.")
@click.option(
    "--wanted-precision",
    type=SHARE,
    help="Of a day's p75 LCP and share of sessions with errors, for that rate; 5% if there is no budget.",
)
@click.option("--price", type=CountOption(), default=1e-5, show_default=True, help="Dollars an event.")
@click.option(
    "--free-events", type=WholeCountOption(), default=0, help="That cost nothing; an account has 1,000,000, once."
)
@click.option(
    "--precision",
    type=SHARE,
    default=0.02,
    help="Half the 95 % interval of a sample's sums.",
    show_default=True,
)
@click.option("--exact", is_flag=True, help="Rehearse every session, however many; a sample stands for over 20,000.")
@click.option(
    "--answer-time", "answer_seconds", type=float, default=0.05, help="Mean seconds from a request to its answer."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, and nothing else.")
@click.option("--html", type=click.Path(path_type=Path), help="Write one page with plots.")
def plan(scenario: Path, others: tuple[Path, ...], as_json: bool, html: Path | None, **options: Any) -> None:
    """Say what a scenario will send, cost and lose, before a byte is sent."""
    from loadgen.jobs import plan as job
    from loadgen.output import check_output, write_output
    from loadgen.report import show

    if html is not None:
        check_output(html)
    found = job.plan(scenario, others=others, on_progress=echo_error, **options)
    if html is not None:
        write_output(html, job.build_plan_page(found))
    if as_json:
        click.echo(job.encode_json(found), nl=False)
    else:
        show(job.build_plan_view(found))
        if html is not None:
            echo(f"page      {html}")
