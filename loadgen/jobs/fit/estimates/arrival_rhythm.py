"""Fit the rhythm of days, and slow noise on the rate, to counts of sessions in equal spans of time.

Rule: noise is variation of the counts beyond chance whose memory is short compared with the data.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats
from loadgen.scenario import Arrivals, Day, Scenario
from loadgen.traffic import compute_mean_rate

FORGETS = 5.0
"""The data must be this many times as long as the noise's memory; else noise and stages cannot be distinguished."""


FIRST_STEPS = {"peak_hour": 4.0, "trough_hour": 4.0, "ratio": 1.5, "weekend": 0.3}
HALVINGS = 7
WHOLE_WEEK = 5 * 86_400.0
"""Seconds of data from which weekends can be distinguished from other days."""


PAGE = Scenario.model_validate({"name": "arrivals", "pages": {"page": {"path": "/", "exit": 1.0}}})
"""The least scenario; arrivals are tried in copies of it."""


class DayFit(NamedTuple):
    """The best rhythm of days, its mean rate (sessions per second), and its error in units of chance."""

    members: dict[str, Any]  # of a scenario's arrivals.day
    rate: float
    cost: float
    noise: dict[str, Any]  # a scenario's arrivals.noise; empty if the counts vary no more than by chance


def fit_day(start: float, duration: float, countries: dict[str, float] | None, counts: Floats, edges: Floats) -> DayFit:
    """Search for the rhythm that explains the counts best; `start` is the run's zero in Unix time."""
    zero = datetime.fromtimestamp(start, UTC)
    zero = (zero + timedelta(seconds=30)).replace(second=0, microsecond=0)
    fixed = {"starts": Day.name_start(zero)}
    best: dict[str, float] = {"peak_hour": 20.0, "trough_hour": 4.0, "ratio": 3.0}
    names = ["peak_hour", "trough_hour", "ratio"]
    if duration >= WHOLE_WEEK:
        best["weekend"] = 1.0
        names.append("weekend")

    def judge(members: dict[str, float]) -> float:
        return _judge({**fixed, **members}, duration, countries, counts, edges)[0]

    trials = [best | {"peak_hour": peak, "trough_hour": (peak + 12) % 24} for peak in (2.0, 8.0, 14.0, 20.0)]
    best = min(trials, key=judge)
    cost = judge(best)
    steps = dict(FIRST_STEPS)
    for _ in range(HALVINGS):
        for name in names:
            for sign in (1, -1, 1, -1):
                tried = best | {name: _move(name, best[name], sign * steps[name])}
                found = judge(tried)
                if found < cost:
                    best, cost = tried, found
        steps = {name: step / 2 for name, step in steps.items()}
    rounded = {name: round(value, 1 if name != "weekend" else 2) for name, value in best.items()}
    cost, rate, expected = _judge({**fixed, **rounded}, duration, countries, counts, edges)
    return DayFit({**fixed, **rounded}, rate, cost, find_noise(counts, expected, float(edges[1] - edges[0])))


def _move(name: str, value: float, step: float) -> float:
    if name in ("peak_hour", "trough_hour"):
        return (value + step) % 24
    if name == "ratio":
        return float(np.clip(value * np.exp(step / 2), 1.0, 200.0))
    return float(np.clip(value + step, 0.05, 5.0))


def _judge(
    members: dict[str, Any], duration: float, countries: dict[str, float] | None, counts: Floats, edges: Floats
) -> tuple[float, float, Floats]:
    """Return a rhythm's error, the mean rate with the least error, and the counts that it expects."""
    expected = expect_counts({"rate": 1.0, "day": members}, duration, edges, countries)
    rate = counts.sum() / max(expected.sum(), 1e-9)
    mean = np.maximum(rate * expected, 1e-9)
    return float(((counts - mean) ** 2 / mean).sum()), float(rate), mean


def expect_counts(
    arrivals: dict[str, Any], duration: float, edges: Floats, countries: dict[str, float] | None = None
) -> Floats:
    """Return the sessions that a scenario with these arrivals starts on average between each two edges (seconds)."""
    people = PAGE.population.model_copy(update={"countries": countries}) if countries else PAGE.population
    scenario = PAGE.model_copy(
        update={"arrivals": Arrivals.model_validate(arrivals), "duration": duration, "population": people}
    )
    curve, within = compute_mean_rate(scenario), np.clip(edges, 0, duration)
    times = np.union1d(curve.times, within)
    rates = np.interp(times, curve.times, curve.rates)
    started = np.concatenate(([0.0], np.cumsum(np.diff(times) * (rates[1:] + rates[:-1]) / 2)))
    return np.diff(np.interp(within, times, started))


def find_noise(counts: Floats, expected: Floats, width: float) -> dict[str, Any]:
    """Estimate slow noise: its variance is that beyond chance, its memory follows from neighbouring spans."""
    residual = (counts - expected) / expected
    variance = float((residual**2 - 1 / expected).mean())
    if variance * len(counts) < 3 * float((1 / expected).mean()) * np.sqrt(2 * len(counts)):
        return {}
    correlation = float((residual[1:] * residual[:-1]).mean()) / variance
    memory = -width / np.log(np.clip(correlation, 0.05, 0.98))
    return {"noise": {"sd": round(float(np.sqrt(variance)), 2), "memory": float(round(memory / 60) * 60 or 60)}}


def fit_noise(counts: Floats, expected: Floats, widths: Floats) -> tuple[float, dict[str, Any]] | None:
    """Return the error of the expected counts with slow noise on them, in units of chance, and the noise.

    None: there is no noise with a memory that is short enough. The noise is predicted from earlier counts (the Kalman
    filter of an AR(1) process).
    """
    width = float(widths[0])
    found = find_noise(counts, expected, width)
    if not found or found["noise"]["memory"] * FORGETS > widths.sum():
        return None
    keeps, whole = exp(-width / found["noise"]["memory"]), found["noise"]["sd"] ** 2
    level, variance, cost = 0.0, whole, 0.0
    for count, mean in zip(counts.tolist(), expected.tolist(), strict=True):
        gap, spread = count / mean - 1 - level, variance + 1 / mean
        cost += gap**2 / spread + log(spread * mean)
        gain = variance / spread
        level, variance = keeps * (level + gain * gap), keeps**2 * variance * (1 - gain) + (1 - keeps**2) * whole
    return cost, found
