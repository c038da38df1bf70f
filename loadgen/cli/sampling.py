"""loadgen sampling: what a dashboard shows at other sample rates, and how low the rate may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadgen.cli.implied import span
from loadgen.cli.values import POSITIVE, SCENARIO, DurationOption, RatesOption

if TYPE_CHECKING:
    from loadgen.jobs.sampling import Answer
    from loadgen.jobs.sampling.estimate import Estimate


@click.command()
@SCENARIO
@click.option(
    "--rates",
    type=RatesOption(),
    default="0.01,0.1,1",
    show_default=True,
    help="Sample rates to compare, above 0 to 1.",
)
@click.option(
    "--change", type=click.FloatRange(0.001, 10), default=0.1, show_default=True, help="To be seen; 0.1 is +10 %."
)
@click.option(
    "--power", type=click.FloatRange(0.5, 0.99), default=0.8, show_default=True, help="Probability of seeing it."
)
@click.option(
    "--over", type=DurationOption(), help="Time before and after the change, such as 1d; the scenario's unless given."
)
@click.option("--rate", type=POSITIVE, default=1.0, help="A factor on the arrivals.")
@click.option("--duration", type=DurationOption(), help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--seed", type=click.IntRange(min=0), help="In place of the scenario's; 0 when it has none.")
@click.option(
    "--sessions", type=click.IntRange(100, 1_000_000), default=20_000, show_default=True, help="Visits drawn at most."
)
@click.option("--price", type=click.FloatRange(min=0), default=1e-5, show_default=True, help="Dollars an event.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, and nothing else.")
def sampling(scenario: Path, as_json: bool, **options: Any) -> None:
    """Show what a dashboard would tell of one population at each sample rate, and which rate sees a change."""
    from loadgen.jobs.first_monitor import first_alone
    from loadgen.jobs.sampling import Question, answer, draw
    from loadgen.results.store import pretty
    from loadgen.scenario import load, resolve_seed

    checked = first_alone(load(scenario), "sampling").adjusted(duration=options["duration"], rate=options["rate"])
    seed = resolve_seed(checked, options["seed"], otherwise=0)
    question = Question(options["rates"], options["change"], options["power"], options["over"], options["price"])
    found = answer(checked.name, seed, draw(checked, seed, options["sessions"]), question)
    click.echo(pretty(found) if as_json else "\n".join(lines(found)), nl=not as_json)


def lines(found: Answer) -> Iterator[str]:
    """The answer in 80 columns."""
    drawn = (
        f"{found.visits:,} visits" if found.visits >= 0.9 * found.of else f"{found.visits:,} of {found.of:,.0f} visits"
    )
    yield f"{found.scenario}, seed {found.seed}: {drawn}, drawn once; a session is recorded whole or not at all"
    yield ""
    yield from columns(found)
    yield ""
    periods = f"{span(found.over)} before against as long after"
    yield f"to see a change of {found.change:+.0%} with {found.power:.0%} power, {periods}:"
    for sight in found.sights:
        needs = f"{sight.sessions:>11,.0f} sessions"
        if sight.rate is not None:
            yield f"  {sight.figure:<24}{needs}  rate {sight.rate:.2g}, ${sight.dollars_per_month:,.0f} a month"
        else:
            yield f"  {sight.figure:<24}{needs}  not even at 1; all visits of {span(sight.seconds)}"


def columns(found: Answer) -> Iterator[str]:
    """A column for each rate, beside the truth."""
    boards = (found.truth, *(board for board in found.dashboards if board.rate < 1))
    heads = ["truth", *(f"rate {board.rate:g}" for board in boards[1:])]
    yield row("", heads)
    yield row("recorded sessions", [f"{board.recorded:,}" for board in boards])
    figures = {
        "sessions": ([board.sessions for board in boards], "{:,.0f}"),
        "page views": ([board.page_views for board in boards], "{:,.0f}"),
        "with JS errors": ([board.error_share for board in boards], "{:.1%}"),
    }
    for name in found.truth.p75:
        figures[f"p75 {name}"] = [board.p75[name] for board in boards], "{:.3f}" if name == "CLS" else "{:,.0f} ms"
    for name, (estimates, form) in figures.items():
        yield row(name, [told(each, form, whole=not place) for place, each in enumerate(estimates)])
    yield row("events a month", [f"{board.events_per_month:,.0f}" for board in boards])
    yield row("dollars a month", [f"${board.dollars_per_month:,.0f}" for board in boards])


def row(label: str, cells: list[str]) -> str:
    """A label, the truth, and what each rate shows."""
    return f"{label:<18}{cells[0]:>14}" + "".join(f"{cell:>22}" for cell in cells[1:])


def told(estimate: Estimate, form: str, *, whole: bool) -> str:
    """A figure and half its 95 % interval."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "too few"
    value = form.format(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return value if whole else f"{value} ± {form.format(half).removesuffix(' ms').removesuffix('%')}"
