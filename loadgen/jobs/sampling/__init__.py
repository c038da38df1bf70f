"""`loadgen sampling`: compute what a dashboard would show of one population at each sample rate, and how precisely.

Pure. The report on the terminal takes about 80 columns: one for each rate, then the lowest rate that shows a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from loadgen.jobs.inputs import read_scenario, take_first_monitor
from loadgen.jobs.plan.day import spread_over_day
from loadgen.jobs.progress import OnProgress, ignore_progress
from loadgen.jobs.sampling.estimate import (
    VITALS,
    IntervalEstimate,
    SessionPopulation,
    SessionVariation,
    count_needed_sessions,
    draw_population,
    estimate_p75,
    estimate_share,
    estimate_total,
    measure_p75_variation,
    measure_share_variation,
)
from loadgen.model import Noun
from loadgen.options import Positive, Price, SampleRate, Seconds, Seed, resolve_options
from loadgen.rum.quotas import DOLLARS_PER_EVENT
from loadgen.scenario import Scenario, resolve_seed
from loadgen.units import format_duration

__all__ = ["SamplingOptions", "SamplingReport", "list_lines", "sampling"]

MONTH_SECONDS = 30 * 86400.0
ERRORS = "sessions with JS errors"


class SamplingOptions(Noun, kw_only=True):
    """Options: the rates to compare, the change to detect, and changes of the scenario."""

    rates: tuple[SampleRate, ...] = (0.01, 0.1, 1.0)
    change: Annotated[float, msgspec.Meta(ge=0.001, le=10)] = 0.1  # relative
    power: Annotated[float, msgspec.Meta(ge=0.5, le=0.99)] = 0.8  # probability of detecting the change
    over: Seconds | None = None  # length of each period, before and after the change; None: the scenario's duration
    price: Price = DOLLARS_PER_EVENT
    sessions: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 20_000  # visits drawn at most
    duration: Seconds | None = None  # replaces the scenario's duration
    rate: Positive = 1.0  # factor on the arrivals
    sessions_per_day: Positive | None = None  # 24 hours with this number of visits instead
    peak_to_trough: Annotated[float, msgspec.Meta(ge=1, le=1000)] | None = None  # busiest by quietest hour of a country
    seed: Seed | None = None


class Dashboard(Noun):
    """The figures that an app monitor shows at one sample rate; totals are already divided by the rate."""

    rate: float
    recorded: int  # sessions of the population that are recorded at this rate
    sessions: IntervalEstimate
    page_views: IntervalEstimate
    error_share: IntervalEstimate
    p75: dict[str, IntervalEstimate]
    events_per_month: float
    dollars_per_month: float


class DetectableEffect(Noun):
    """The sessions, sample rate and time that it takes to detect the change in one figure."""

    figure: str
    value: float
    sessions: float  # recorded sessions in each period, before and after the change
    rate: float | None  # the lowest sufficient sample rate; None: even all sessions of the period are too few
    seconds: float  # shortest period at sample rate 1
    dollars_per_month: float | None


class SamplingReport(Noun):
    """The figures at each sample rate, and the lowest rate that shows a change in each figure."""

    scenario: str
    seed: int
    visits: int  # drawn visits
    of: float  # visits of the whole run
    over: float  # seconds of each period, before and after the change
    change: float
    power: float
    truth: Dashboard
    dashboards: tuple[Dashboard, ...]
    detectable_effects: tuple[DetectableEffect, ...]


def sampling(
    scenario: Scenario | Path | str, *, on_progress: OnProgress = ignore_progress, **options: Any
) -> SamplingReport:
    """Compute what a dashboard shows at each sample rate, and at which rate a change can be seen.

    Args:
        scenario: The scenario or its file; only its first app monitor counts.
        on_progress: Is called with lines of text, such as which neighbours are left out.
        **options: Fields of `SamplingOptions`; without a seed the scenario's, else 0.

    Raises:
        LoadgenError: An option is unknown or out of bounds.
    """
    asked = resolve_options(SamplingOptions, options)
    first = take_first_monitor(read_scenario(scenario, asked.duration), "sampling", on_progress)
    first = first.adjust(duration=asked.duration)
    if asked.sessions_per_day:
        first = spread_over_day(first, asked.sessions_per_day, asked.peak_to_trough, on_progress)
    first = first.adjust(rate=asked.rate)
    seed = resolve_seed(first, asked.seed, 0)
    return compare_rates(first.name, seed, draw_population(first, seed, asked.sessions, on_progress), asked)


def compare_rates(scenario: str, seed: int, population: SessionPopulation, options: SamplingOptions) -> SamplingReport:
    """Build the report: one population's dashboard at each rate, and the detectable effects."""
    over = options.over or population.duration
    return SamplingReport(
        scenario=scenario,
        seed=seed,
        visits=population.visits,
        of=population.expected,
        over=over,
        change=options.change,
        power=options.power,
        truth=build_dashboard(population, 1.0, options.price),
        dashboards=tuple(build_dashboard(population, rate, options.price) for rate in options.rates),
        detectable_effects=tuple(list_detectable_effects(population, options, over)),
    )


def build_dashboard(population: SessionPopulation, rate: float, price: float) -> Dashboard:
    """Return the figures that the monitor would show of the population at this rate."""
    recorded = population.draw < rate
    events = count_monthly_events(population) * rate
    return Dashboard(
        rate=rate,
        recorded=int(recorded.sum()),
        sessions=estimate_total(np.ones(int(recorded.sum()), dtype=np.int64), rate),
        page_views=estimate_total(population.views[recorded], rate),
        error_share=estimate_share(population.failed[recorded], rate),
        p75={name: estimate_p75(population.vitals[name], recorded, rate) for name in VITALS},
        events_per_month=events,
        dollars_per_month=events * price,
    )


def count_monthly_events(population: SessionPopulation) -> float:
    """Return the events of 30 days at the run's mean rate if all sessions are recorded."""
    if not population.sessions:
        return 0.0
    return float(population.events.mean()) * population.sessions_per_second * MONTH_SECONDS


def list_detectable_effects(
    population: SessionPopulation, options: SamplingOptions, over: float
) -> list[DetectableEffect]:
    """Find the lowest rate for each figure that the population has values of."""
    variations: dict[str, SessionVariation | None] = {
        f"p75 {name}": measure_p75_variation(population.vitals[name], population.sessions) for name in VITALS
    }
    variations[ERRORS] = measure_share_variation(population.failed)
    return [
        find_detectable_effect(figure, variation, population, options, over)
        for figure, variation in variations.items()
        if variation is not None
    ]


def find_detectable_effect(
    figure: str, variation: SessionVariation, population: SessionPopulation, options: SamplingOptions, over: float
) -> DetectableEffect:
    """Find what it takes to detect the change in one figure with periods of `over` seconds."""
    needed = count_needed_sessions(variation, options.change, options.power)
    rate = needed / (population.sessions_per_second * over)
    enough = rate <= 1
    cost = count_monthly_events(population) * rate * options.price
    return DetectableEffect(
        figure=figure,
        value=variation.value,
        sessions=needed,
        rate=rate if enough else None,
        seconds=needed / population.sessions_per_second,
        dollars_per_month=cost if enough else None,
    )


def list_lines(report: SamplingReport) -> Iterator[str]:
    """Yield the lines of the report."""
    drawn = f"{report.visits:,}" if report.visits >= 0.9 * report.of else f"{report.visits:,} of {report.of:,.0f}"
    yield f"{report.scenario}, seed {report.seed}: {drawn} visits, drawn once"
    yield "a session is recorded whole or not at all"
    yield ""
    yield from list_dashboard_rows(report)
    yield ""
    periods = f"{format_duration(report.over)} before and after"
    yield f"to see a change of {report.change:+.0%} with {report.power:.0%} power, {periods}:"
    for effect in report.detectable_effects:
        needs = f"{effect.sessions:>11,.0f} sessions"
        if effect.rate is not None:
            yield f"  {effect.figure:<24}{needs}  rate {effect.rate:.2g}, ${effect.dollars_per_month:,.0f} a month"
        else:
            yield f"  {effect.figure:<24}{needs}  even rate 1 needs {format_duration(effect.seconds)}"


def list_dashboard_rows(report: SamplingReport) -> Iterator[str]:
    """Yield the rows of the table: a column for the truth and one for each rate."""
    dashboards = (report.truth, *(each for each in report.dashboards if each.rate < 1))
    heads = ["truth", *(f"rate {each.rate:g}" for each in dashboards[1:])]
    yield format_row("", heads)
    yield format_row("recorded sessions", [f"{each.recorded:,}" for each in dashboards])
    figures = {
        "sessions": ([each.sessions for each in dashboards], "{:,.0f}"),
        "page views": ([each.page_views for each in dashboards], "{:,.0f}"),
        "with JS errors": ([each.error_share for each in dashboards], "{:.1%}"),
    }
    for name in report.truth.p75:
        figures[f"p75 {name}"] = [each.p75[name] for each in dashboards], "{:.3f}" if name == "CLS" else "{:,.0f} ms"
    for name, (estimates, form) in figures.items():
        yield format_row(name, [format_estimate(each, form, whole=not place) for place, each in enumerate(estimates)])
    yield format_row("events a month", [f"{each.events_per_month:,.0f}" for each in dashboards])
    yield format_row("dollars a month", [f"${each.dollars_per_month:,.0f}" for each in dashboards])


def format_row(label: str, cells: list[str]) -> str:
    """Format a row of the table: its label, the truth, and one cell for each rate."""
    return f"{label:<18}{cells[0]:>14}" + "".join(f"{cell:>22}" for cell in cells[1:])


def format_estimate(estimate: IntervalEstimate, form: str, *, whole: bool) -> str:
    """Format a figure with half its 95 % interval, or without it (`whole`) if it is the whole population's."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "too few"
    value = form.format(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return value if whole else f"{value} ± {form.format(half).removesuffix(' ms').removesuffix('%')}"
