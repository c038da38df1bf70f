"""The dashboard of one population at each sample rate, and the lowest rate that shows a change in each figure."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.sampling.estimate import (
    VITALS,
    IntervalEstimate,
    SessionPopulation,
    SessionVariation,
    count_needed_sessions,
    estimate_p75,
    estimate_share,
    estimate_total,
    measure_p75_variation,
    measure_share_variation,
)
from loadgen.model import Noun
from loadgen.verb_options import SamplingOptions

MONTH_SECONDS = 30 * 86400.0
ERRORS = "sessions with JS errors"


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
