"""Fit curves to counts of sessions in equal spans of time: a rhythm of days, a flash crowd, and slow noise on a rate.

Rule: noise is variation of the counts beyond chance whose memory is short compared with the data. A crowd is a usual
rate, a steep rise, a top, and a decay; its moments and lengths are rounded to the largest usual unit that leaves the
fit as good as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from math import exp, log
from typing import Any, NamedTuple, TypeVar

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats
from loadgen.jobs.fit.support import NICE_SECONDS, round_rate, round_to
from loadgen.scenario import Arrivals, Day, Scenario
from loadgen.traffic import compute_mean_rate

Tried = TypeVar("Tried")

HALVINGS = 7
"""How often the first steps of a search are halved."""

FORGETS = 5.0
"""The data must be this many times as long as the noise's memory; else noise and stages cannot be distinguished."""

FIRST_STEPS = {"peak_hour": 4.0, "trough_hour": 4.0, "ratio": 1.5, "weekend": 0.3}
WHOLE_WEEK = 5 * 86_400.0
"""Seconds of data from which weekends can be distinguished from other days."""

FIRST_WIDTHS, FIRST_STEP = (0.02, 0.08, 0.2), 0.06
"""First guesses of a crowd's rise, top and half-life; first step of the search; as shares of the data's length."""

REFINED = 3
"""Guesses that are refined."""

MOVED = (("begin",), ("top",), ("end",), ("half_life",), ("end", "top"), ("top", "end"))
"""What the search moves: each alone, and the whole top to either side."""

LEAST_TIMES, MOST_TIMES = 2.0, 1000.0
"""Factor on the usual rate at the top from which a rise is a crowd, and the format's bound."""

SHORTEST = 1e-3
"""Shortest half-life that is tried, as a share of the data's length."""


PAGE = Scenario.model_validate({"name": "arrivals", "pages": {"page": {"path": "/", "exit": 1.0}}})
"""The least scenario; arrivals are tried in copies of it."""


class DayFit(NamedTuple):
    """The best rhythm of days, its mean rate (sessions per second), and its error in units of chance."""

    members: dict[str, Any]  # of a scenario's arrivals.day
    rate: float
    cost: float
    noise: dict[str, Any]  # a scenario's arrivals.noise; empty if the counts vary no more than by chance


class CrowdFit(NamedTuple):
    """The best crowd, the counts that it expects, and its error in units of chance."""

    members: dict[str, Any]  # of a scenario's arrivals: the rate in recorded sessions, and flash_crowds in seconds
    expected: Floats  # [span]
    cost: float


class _Shape(NamedTuple):
    """A crowd's moments and its half-life, in seconds."""

    begin: float
    top: float
    end: float
    half_life: float


def descend(best: Tried, judge: Callable[[Tried], float], moves: Sequence[Callable[[Tried, float], Tried]]) -> Tried:
    """Move in smaller and smaller steps as long as the error falls; a move takes a share of its first step."""
    cost = judge(best)
    for halving in range(HALVINGS):
        for move, sign in product(moves, (1, -1, 1, -1)):
            moved = move(best, sign / 2**halving)
            if (found := judge(moved)) < cost:
                best, cost = moved, found
    return best


def fit_day(start: float, duration: float, countries: dict[str, float] | None, counts: Floats, edges: Floats) -> DayFit:
    """Search for the rhythm that explains the counts best; `start` is the run's zero in Unix time."""
    zero = datetime.fromtimestamp(start, UTC)
    zero = (zero + timedelta(seconds=30)).replace(second=0, microsecond=0)
    fixed = {"starts": Day.name_start(zero)}
    usual: dict[str, float] = {"ratio": 3.0} | ({"weekend": 1.0} if duration >= WHOLE_WEEK else {})

    def judge(members: dict[str, float]) -> float:
        return _judge({**fixed, **members}, duration, countries, counts, edges)[0]

    trials = [{"peak_hour": peak, "trough_hour": (peak + 12) % 24} | usual for peak in (2.0, 8.0, 14.0, 20.0)]
    best = descend(min(trials, key=judge), judge, [partial(_move_day, name) for name in trials[0]])
    rounded = {name: round(value, 1 if name != "weekend" else 2) for name, value in best.items()}
    cost, rate, expected = _judge({**fixed, **rounded}, duration, countries, counts, edges)
    return DayFit({**fixed, **rounded}, rate, cost, find_noise(counts, expected, float(edges[1] - edges[0])))


def _move_day(name: str, members: dict[str, float], step: float) -> dict[str, float]:
    """Move one member of a rhythm by a share of its first step."""
    value, step = members[name], step * FIRST_STEPS[name]
    if name in ("peak_hour", "trough_hour"):
        return members | {name: (value + step) % 24}
    if name == "ratio":
        return members | {name: float(np.clip(value * np.exp(step / 2), 1.0, 200.0))}
    return members | {name: float(np.clip(value + step, 0.05, 5.0))}


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


def fit_crowd(counts: Floats, edges: Floats, variance: Floats, duration: float) -> CrowdFit | None:
    """Search for the crowd that explains the counts best; None: no crowd does."""

    def judge(shape: _Shape) -> float:
        return _scale(shape, counts, edges, variance, duration)[1]

    peak = max(float(edges[int(np.argmax(np.convolve(counts, np.ones(3), "same")))]), 0.0)
    tried = [
        _Shape(max(peak - rise * duration, 0.0), peak, min(peak + hold * duration, duration), decay * duration)
        for rise, hold, decay in product(FIRST_WIDTHS, FIRST_WIDTHS, FIRST_WIDTHS)
    ]
    moves = [partial(_move_crowd, names, duration) for names in MOVED]
    best = min((descend(each, judge, moves) for each in sorted(tried, key=judge)[:REFINED]), key=judge)
    best = _round_shape(best, judge(best) / len(counts), judge)
    excess, cost, expected = _scale(best, counts, edges, variance, duration)
    times = round_to(1 + excess, excess * 0.05)
    if not LEAST_TIMES <= times <= MOST_TIMES:
        return None
    crowd = _write(best, times)
    rate = float(counts.sum() / expect_counts({"rate": 1.0, "flash_crowds": (crowd,)}, duration, edges).sum())
    return CrowdFit({"rate": round_rate(rate, int(counts.sum())), "flash_crowds": [crowd]}, expected, cost)


def _move_crowd(names: Sequence[str], duration: float, shape: _Shape, step: float) -> _Shape:
    """Move moments, but not past their neighbours, or multiply the half-life, by a share of the first step."""
    for name in names:
        if name == "half_life":
            longer = float(np.clip(shape.half_life * float(np.exp(step)), SHORTEST * duration, duration))
            shape = shape._replace(half_life=longer)
            continue
        moments = [0.0, *shape[:3], duration]
        place = _Shape._fields.index(name) + 1
        moved = float(np.clip(moments[place] + step * FIRST_STEP * duration, moments[place - 1], moments[place + 1]))
        shape = shape._replace(**{name: moved})
    return shape


def _write(shape: _Shape, times: float) -> dict[str, float]:
    """Return the members of a scenario's flash crowd."""
    rise, hold = round(shape.top - shape.begin, 3), round(shape.end - shape.top, 3)
    return {"at": shape.begin, "times": times, "rise": rise, "hold": hold, "half_life": shape.half_life}


def _scale(
    shape: _Shape, counts: Floats, edges: Floats, variance: Floats, duration: float
) -> tuple[float, float, Floats]:
    """Find the excess over the usual rate at the top, as a part of that, with the least error; return also the error
    and the counts that are expected."""
    usual = np.diff(np.clip(edges, 0, duration))
    more = expect_counts({"rate": 1.0, "flash_crowds": (_write(shape, 2.0),)}, duration, edges) - usual
    table = np.stack((usual, more), axis=1)
    weighed = table / np.sqrt(variance)[:, None]
    low, high = np.linalg.lstsq(weighed, counts / np.sqrt(variance), rcond=None)[0].tolist()
    low, high = max(low, 1e-12), max(high, 0.0)
    expected = np.maximum(table @ (low, high), 1e-9)
    return high / low, float(((counts - expected) ** 2 / variance).sum()), expected


def _round_shape(shape: _Shape, chance: float, judge: Callable[[_Shape], float]) -> _Shape:
    """Round each moment and the half-life; `chance` is the error of a span, by which the error may rise for each."""
    for name in _Shape._fields:
        least = judge(shape) + max(chance, 1.0)
        for unit in reversed(NICE_SECONDS):
            rounded = shape._replace(**{name: round(getattr(shape, name) / unit) * unit})
            if rounded.begin <= rounded.top <= rounded.end and rounded.half_life > 0 and judge(rounded) <= least:
                shape = rounded
                break
    return shape
