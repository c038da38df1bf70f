"""What is asked of a population, and the answer: a dashboard at each rate, and the lowest rate that sees a change."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.sampling.estimate import (
    Estimate,
    Spread,
    p75,
    proportion,
    sessions_needed,
    spread_of_p75,
    spread_of_share,
    total,
)
from loadgen.jobs.sampling.population import VITALS, Population
from loadgen.model import Noun
from loadgen.rum.quotas import DOLLARS_PER_EVENT

MONTH = 30 * 86400.0
ERRORS = "sessions with JS errors"


class Question(Noun):
    """Rates to compare, and the change to be seen."""

    rates: tuple[float, ...]
    change: float = 0.1  # relative
    power: float = 0.8
    over: float | None = None  # seconds before and after the change; None: the scenario's duration
    price: float = DOLLARS_PER_EVENT


class Dashboard(Noun):
    """What a monitor shows at one rate; totals are already divided by the rate."""

    rate: float
    recorded: int  # sessions of the population that the dashboard knows
    sessions: Estimate
    page_views: Estimate
    error_share: Estimate
    p75: dict[str, Estimate]
    events_per_month: float
    dollars_per_month: float


class Sight(Noun):
    """What it takes to see the change in one figure; None where the population has too little of it."""

    figure: str
    value: float
    sessions: float  # recorded, before and after alike
    rate: float | None  # the lowest; None: not even all sessions of the period are enough
    seconds: float  # a period in which all sessions would be enough
    dollars_per_month: float | None


class Answer(Noun):
    """All of it."""

    scenario: str
    seed: int
    visits: int  # drawn
    of: float  # visits of the whole run
    over: float  # seconds
    change: float
    power: float
    truth: Dashboard
    dashboards: tuple[Dashboard, ...]
    sights: tuple[Sight, ...]


def answer(scenario: str, seed: int, population: Population, question: Question) -> Answer:
    """Look at one population at each rate."""
    over = question.over or population.duration
    return Answer(
        scenario=scenario,
        seed=seed,
        visits=population.visits,
        of=population.expected,
        over=over,
        change=question.change,
        power=question.power,
        truth=dashboard(population, 1.0, question.price),
        dashboards=tuple(dashboard(population, rate, question.price) for rate in question.rates),
        sights=tuple(sights(population, question, over)),
    )


def dashboard(population: Population, rate: float, price: float) -> Dashboard:
    """What the monitor would show of the population at this rate."""
    recorded = population.draw < rate
    events = events_per_month(population) * rate
    return Dashboard(
        rate=rate,
        recorded=int(recorded.sum()),
        sessions=total(np.ones(int(recorded.sum()), dtype=np.int64), rate),
        page_views=total(population.views[recorded], rate),
        error_share=proportion(population.failed[recorded], rate),
        p75={name: p75(population.vitals[name], recorded, rate) for name in VITALS},
        events_per_month=events,
        dollars_per_month=events * price,
    )


def events_per_month(population: Population) -> float:
    """Events of 30 days at the run's mean rate, all sessions recorded."""
    return float(population.events.mean()) * population.sessions_per_second * MONTH if population.sessions else 0.0


def sights(population: Population, question: Question, over: float) -> list[Sight]:
    """The lowest rate for each figure."""
    spreads: dict[str, Spread | None] = {
        f"p75 {name}": spread_of_p75(population.vitals[name], population.sessions) for name in VITALS
    }
    spreads[ERRORS] = spread_of_share(population.failed)
    return [
        sight(figure, spread, population, question, over) for figure, spread in spreads.items() if spread is not None
    ]


def sight(figure: str, spread: Spread, population: Population, question: Question, over: float) -> Sight:
    """What it takes to see the change in one figure."""
    needed = sessions_needed(spread, question.change, question.power)
    rate = needed / (population.sessions_per_second * over)
    enough = rate <= 1
    cost = events_per_month(population) * rate * question.price
    return Sight(
        figure=figure,
        value=spread.value,
        sessions=needed,
        rate=rate if enough else None,
        seconds=needed / population.sessions_per_second,
        dollars_per_month=cost if enough else None,
    )
