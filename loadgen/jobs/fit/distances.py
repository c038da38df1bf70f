"""Distances of recorded and generated observations, and what chance alone gives.

Rule: chance is found by dealing the visitors of both sides out again at random, each with all their sessions, because
what one visitor does is not independent. The deals are fixed, so the same data give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.observe import Observations
from loadgen.jobs.fit.recorded import Bools, Floats, Ints, SessionTable

DEALS = 60
CHANCE = (0.025, 0.975)


class Distance(NamedTuple):
    """A distance, and what 95 of 100 random deals lie between."""

    value: float
    low: float
    high: float


Statistic = Callable[[Floats, Bools], float]
"""Takes all values, and which of them are the recorded ones."""


class SessionVisitors(NamedTuple):
    """Who made the sessions of one side."""

    of_session: Ints  # of each session the number of its visitor
    total: int


def number_people(sessions: SessionTable) -> SessionVisitors:
    """The visitors by their user ids, in the order of their first sessions; one without a user id is its own."""
    own = np.where(sessions.user >= 0, sessions.user, -1 - np.arange(len(sessions.user)))
    first, place = np.unique(own, return_index=True, return_inverse=True)[1:]
    numbers = np.argsort(np.argsort(first))[place]
    return SessionVisitors(numbers, int(numbers.max(initial=-1)) + 1)


def measure_distance(
    one: Observations, other: Observations, people: tuple[SessionVisitors, SessionVisitors], statistic: Statistic
) -> Distance:
    """The distance of two sides."""
    first = people[0].total
    owner = np.concatenate((people[0].of_session[one.session], people[1].of_session[other.session] + first))
    values = np.concatenate((one.value, other.value))
    order = np.argsort(values, kind="stable")
    owner, values = owner[order], values[order]
    found = statistic(values, owner < first)
    dealt = [statistic(values, deal[owner]) for deal in deal_people(first, people[1].total)]
    low, high = np.nanquantile(dealt, CHANCE) if np.isfinite(dealt).any() else (np.nan, np.nan)
    return Distance(found, float(low), float(high))


@lru_cache(maxsize=4)
def deal_people(one: int, other: int) -> tuple[Bools, ...]:
    """Random divisions of all visitors into parts of these sizes; True: the first."""
    stream = np.random.default_rng(31)
    deals = []
    for _ in range(DEALS):
        chosen = np.zeros(one + other, dtype=bool)
        chosen[stream.permutation(one + other)[:one]] = True
        deals.append(chosen)
    return tuple(deals)


def find_variation(values: Floats, first: Bools) -> float:
    """Total variation of two categorical distributions: the part of one that would have to change category."""
    place = values.astype(np.int64)
    size = int(place.max(initial=0)) + 1
    one, other = np.bincount(place[first], minlength=size), np.bincount(place[~first], minlength=size)
    if not one.sum() or not other.sum():
        return float("nan")
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def find_kolmogorov(values: Floats, first: Bools) -> float:
    """The greatest distance of two cumulative distributions; values are in order."""
    ones = int(first.sum())
    others = len(first) - ones
    if not ones or not others:
        return float("nan")
    gap = np.cumsum(first) / ones - np.cumsum(~first) / others
    return float(np.abs(gap[np.append(values[1:] != values[:-1], True)]).max())


def find_quantile_ratio(share: float) -> Statistic:
    """The generated quantile over the recorded one; values are in order."""

    def statistic(values: Floats, first: Bools) -> float:
        one, other = values[first], values[~first]
        if not len(one) or not len(other):
            return float("nan")
        low, high = (float(np.interp(share * (len(each) - 1), np.arange(len(each)), each)) for each in (one, other))
        return high / low if low > 0 else float("nan")

    return statistic


def find_part(values: Floats, first: Bools) -> float:
    """The part of all observations that are recorded ones."""
    return float(first.mean())


def find_mean_ratio(values: Floats, first: Bools) -> float:
    """The generated mean over the recorded one."""
    if not first.any() or first.all():
        return float("nan")
    mean = float(values[first].mean())
    return float(values[~first].mean()) / mean if mean else float("nan")
