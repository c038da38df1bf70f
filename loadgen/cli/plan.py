"""loadgen plan: what a scenario will send, cost and lose, without sending it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadgen.cli.values import SCENARIO, DurationOption

if TYPE_CHECKING:
    from loadgen.scenario import Scenario, resolve_seed


class Rates(click.ParamType[tuple[float, ...]]):
    """Sample rates between commas."""

    name = "rates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Sample rates, each above 0 and at most 1."""
        try:
            rates = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            rates = ()
        if not rates or not all(0 < rate <= 1 for rate in rates):
            self.fail(f"{value!r} is no list of sample rates; write shares such as 0.01,0.1,1", param, ctx)
        return rates


class Share(click.ParamType[float]):
    """A share, as 0.001 or 0.1%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share from 0 to 1."""
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{text!r} is no share; write one such as 0.001 or 0.1%", param, ctx)
        return share


POSITIVE = click.FloatRange(min=0, min_open=True, max=1e12)


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
    type=POSITIVE,
    help="Plan 24 hours with so many visits (of the first scenario; others keep their mean rate).",
)
@click.option(
    "--peak-to-trough",
    type=click.FloatRange(1, 1000),
    help="Busiest hour of that day against the quietest in one country, if the scenario is shorter; 4 unless given.",
)
@click.option("--duration", type=DurationOption(), help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--rate", type=POSITIVE, default=1.0, help="A factor on the arrivals.")
@click.option("--sample-rate", type=click.FloatRange(0, 1), help="In place of the monitor's.")
@click.option("--seed", type=click.IntRange(min=0), help="As for run: same scenario and seed, same sessions.")
@click.option("--quota", type=POSITIVE, default=50.0, show_default=True, help="Requests a second of the account.")
@click.option(
    "--burst", type=click.FloatRange(min=1, max=1e12), help="Requests at once; as many as the quota unless given."
)
@click.option(
    "--max-loss", type=Share(), default="0.1%", show_default=True, help="Events that may be lost, for the quota needed."
)
@click.option(
    "--rates", type=Rates(), default="0.01,0.1,0.25,0.5,1", show_default=True, help="Sample rates to compare."
)
@click.option("--price", type=click.FloatRange(min=0), default=1e-5, show_default=True, help="Dollars an event.")
@click.option(
    "--free-events",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Events of the month that cost nothing; an account has 1,000,000, once.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0.001, 0.5),
    default=0.02,
    show_default=True,
    help="Half the 95 % interval that a sample of more than 20,000 sessions must reach.",
)
@click.option("--exact", is_flag=True, help="Rehearse every session, however many.")
@click.option(
    "--answer-time",
    type=click.FloatRange(0, 60),
    default=0.05,
    show_default=True,
    help="Mean seconds from a request to its answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, and nothing else.")
@click.option("--html", type=click.Path(path_type=Path), help="Write one page with plots.")
def plan(scenario: Path, as_json: bool, html: Path | None, **options: Any) -> None:
    """Say what a scenario will send, cost and lose, before a byte is sent."""
    from loadgen.jobs.plan.page import plan_page
    from loadgen.jobs.plan.plan import plan as planned
    from loadgen.jobs.plan.terminal import plan_view
    from loadgen.report.html import room_for_page, write_page
    from loadgen.report.terminal import show
    from loadgen.results.store import pretty

    room_for_page(html)
    scenarios = [
        each
        for place, file in enumerate((scenario, *options["others"]))
        for each in _scenario(file, options, first=not place).monitors
    ]
    seed = resolve_seed(scenarios[0], options["seed"])
    answer = planned(scenarios, seed, _question(options), lambda line: click.echo(line, err=True))
    if html is not None:
        write_page(plan_page(answer), html)
    if as_json:
        click.echo(pretty(answer.plan), nl=False)
    else:
        show(plan_view(answer.plan))
        if html is not None:
            click.echo(f"page      {html}")


def _scenario(file: Path, options: dict[str, Any], first: bool) -> Scenario:
    from loadgen.jobs.plan.day import DAY_SECONDS, over_a_day
    from loadgen.scenario import load
    from loadgen.traffic import rate as mean_rate

    read = load(file).adjusted(duration=options["duration"], sample_rate=options["sample_rate"])
    if visits := options["sessions_per_day"]:
        if not first:
            visits = mean_rate(read).expected * DAY_SECONDS / read.duration
        read = over_a_day(read, visits, options["peak_to_trough"])
    return read.adjusted(rate=options["rate"] if first else 1.0)


def _question(options: dict[str, Any]) -> Any:
    from loadgen.jobs.plan.plan import Question

    return Question(
        quota=options["quota"],
        burst=options["burst"],
        most_lost=options["max_loss"],
        rates=options["rates"],
        price=options["price"],
        free_events=options["free_events"],
        precision=options["precision"],
        exact=options["exact"],
        answer_seconds=options["answer_time"],
    )
