"""loadgen plan: what a scenario will send, cost and lose, without sending it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadgen.cli.values import SCENARIO, DurationOption, RatesOption, ShareOption, echo_error


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
    "--sessions-per-day",
    type=float,
    help="Plan 24 hours with so many visits (of the first scenario; others keep their mean rate).",
)
@click.option(
    "--peak-to-trough",
    type=float,
    help="Busiest hour of that day against the quietest in one country, if the scenario is shorter; 4 unless given.",
)
@click.option("--duration", type=DurationOption(), help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--rate", type=float, default=1.0, help="A factor on the arrivals.")
@click.option("--sample-rate", type=float, help="In place of the monitor's.")
@click.option("--seed", type=int, help="As for run: same scenario and seed, same sessions.")
@click.option("--quota", type=float, default=50.0, show_default=True, help="Requests a second of the account.")
@click.option("--burst", type=float, help="Requests at once; as many as the quota unless given.")
@click.option(
    "--max-loss",
    type=ShareOption(),
    default="0.1%",
    show_default=True,
    help="Events that may be lost, for the quota needed.",
)
@click.option(
    "--rates", type=RatesOption(), default="0.01,0.1,0.25,0.5,1", show_default=True, help="Sample rates to compare."
)
@click.option("--price", type=float, default=1e-5, show_default=True, help="Dollars an event.")
@click.option(
    "--free-events",
    type=int,
    default=0,
    show_default=True,
    help="Events of the month that cost nothing; an account has 1,000,000, once.",
)
@click.option(
    "--precision",
    type=float,
    default=0.02,
    show_default=True,
    help="Half the 95 % interval that a sample of more than 20,000 sessions must reach.",
)
@click.option("--exact", is_flag=True, help="Rehearse every session, however many.")
@click.option(
    "--answer-time",
    "answer_seconds",
    type=float,
    default=0.05,
    show_default=True,
    help="Mean seconds from a request to its answer.",
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
            click.echo(f"page      {html}")
