"""Measure distances between recorded and generated observations, and the distances that chance alone gives.

Rule: chance is measured by dividing the visitors of both sides again at random, each with all sessions, because the
sessions of one visitor are not independent. The divisions are fixed, so the same data give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.observe import Observations
from loadgen.jobs.fit.recorded import Bools, Floats, Ints, SessionTable

DIVISIONS = 60
CHANCE = (0.025, 0.975)


class Distance(NamedTuple):
    """A distance, and the interval that has 95 of 100 distances of random divisions."""

    value: float
    low: float
    high: float


Statistic = Callable[[Floats, Bools], float]
"""statistic(values of both sides, which of them are recorded) → distance."""


class SessionVisitors(NamedTuple):
    """The visitors of one side's sessions."""

    of_session: Ints  # [session]: number of its visitor
    total: int


def number_people(sessions: SessionTable) -> SessionVisitors:
    """Number the visitors by user id, in the order of their first sessions; a session without id is its own visitor."""
    first, place = np.unique(sessions.visitor, return_index=True, return_inverse=True)[1:]
    numbers = np.argsort(np.argsort(first))[place]
    return SessionVisitors(numbers, int(numbers.max(initial=-1)) + 1)


def measure_distance(
    one: Observations, other: Observations, people: tuple[SessionVisitors, SessionVisitors], statistic: Statistic
) -> Distance:
    """Measure the distance of two sides, and the interval of distances by chance."""
    first = people[0].total
    owner = np.concatenate((people[0].of_session[one.session], people[1].of_session[other.session] + first))
    values = np.concatenate((one.value, other.value))
    order = np.argsort(values, kind="stable")
    owner, values = owner[order], values[order]
    found = statistic(values, owner < first)
    by_chance = [statistic(values, division[owner]) for division in divide_visitors(first, people[1].total)]
    low, high = np.nanquantile(by_chance, CHANCE) if np.isfinite(by_chance).any() else (np.nan, np.nan)
    return Distance(found, float(low), float(high))


@lru_cache(maxsize=4)
def divide_visitors(one: int, other: int) -> tuple[Bools, ...]:
    """Return random divisions of all visitors into two parts of these sizes; True: the first part."""
    stream = np.random.default_rng(31)
    divisions = []
    for _ in range(DIVISIONS):
        chosen = np.zeros(one + other, dtype=bool)
        chosen[stream.permutation(one + other)[:one]] = True
        divisions.append(chosen)
    return tuple(divisions)


def find_variation(values: Floats, first: Bools) -> float:
    """Return the total variation of two distributions: the share of one that would have to change its category."""
    place = values.astype(np.int64)
    size = int(place.max(initial=0)) + 1
    one, other = np.bincount(place[first], minlength=size), np.bincount(place[~first], minlength=size)
    if not one.sum() or not other.sum():
        return float("nan")
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def find_kolmogorov(values: Floats, first: Bools) -> float:
    """Return the greatest distance of two cumulative distributions; `values` ascend."""
    ones = int(first.sum())
    others = len(first) - ones
    if not ones or not others:
        return float("nan")
    gap = np.cumsum(first) / ones - np.cumsum(~first) / others
    return float(np.abs(gap[np.append(values[1:] != values[:-1], True)]).max())


def find_quantile_ratio(share: float) -> Statistic:
    """Return a statistic: the generated quantile divided by the recorded one; its `values` ascend."""

    def statistic(values: Floats, first: Bools) -> float:
        one, other = values[first], values[~first]
        if not len(one) or not len(other):
            return float("nan")
        low, high = (float(np.interp(share * (len(each) - 1), np.arange(len(each)), each)) for each in (one, other))
        return high / low if low > 0 else float("nan")

    return statistic


def find_part(values: Floats, first: Bools) -> float:
    """Return the share of recorded observations among all."""
    return float(first.mean())


def find_mean_ratio(values: Floats, first: Bools) -> float:
    """Return the generated mean divided by the recorded one."""
    if not first.any() or first.all():
        return float("nan")
    mean = float(values[first].mean())
    return float(values[~first].mean()) / mean if mean else float("nan")
