"""Measure distances between recorded and generated observations, and the distances that chance alone gives.

Rule: chance is measured by dividing the visitors of both sides again at random, each with all sessions, because the
sessions of one visitor are not independent. The divisions are fixed, so the same data give the same figures. If the
scenario was fitted to other sessions than it is compared with, these are a sample too, whose chance the divisions lack:
then each division leaves visitors out, so that its two parts differ as much as three samples do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.jobs.fit.comparison.observe import Observations
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, SessionTable

DIVISIONS = 60
CHANCE = (0.025, 0.975)
RECORDED, GENERATED, LEFT_OUT = 1, 0, -1
"""The sides of a division, and the visitors in neither."""


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


class Sides(NamedTuple):
    """The visitors of both sides, and the share of them that each division has."""

    recorded: SessionVisitors
    generated: SessionVisitors
    part: float = 1.0


def find_part_of_three(recorded: int, generated: int, fitted: int) -> float:
    """Return the share of each side's sessions that makes two samples differ as three of these sizes do.

    The variance of a difference is proportional to the sum of 1/n over the samples that it has its chance from.
    """
    two = 1 / recorded + 1 / generated
    return two / (two + 1 / fitted)


def number_people(sessions: SessionTable) -> SessionVisitors:
    """Number the visitors by user id, in the order of their first sessions; a session without id is its own visitor."""
    first, place = np.unique(sessions.visitor, return_index=True, return_inverse=True)[1:]
    numbers = np.argsort(np.argsort(first))[place]
    return SessionVisitors(numbers, int(numbers.max(initial=-1)) + 1)


def measure_distance(one: Observations, other: Observations, people: Sides, statistic: Statistic) -> Distance:
    """Measure the distance of two sides, and the interval of distances by chance."""
    first = people.recorded.total
    owner = np.concatenate(
        (people.recorded.of_session[one.session], people.generated.of_session[other.session] + first)
    )
    values = np.concatenate((one.value, other.value))
    order = np.argsort(values, kind="stable")
    owner, values = owner[order], values[order]
    found = statistic(values, owner < first)
    by_chance = []
    for division in divide_visitors(first, people.generated.total, people.part):
        side = division[owner]
        kept = side != LEFT_OUT
        by_chance.append(statistic(values[kept], side[kept] == RECORDED))
    low, high = np.nanquantile(by_chance, CHANCE) if np.isfinite(by_chance).any() else (np.nan, np.nan)
    return Distance(found, float(low), float(high))


@lru_cache(maxsize=4)
def divide_visitors(one: int, other: int, part: float) -> tuple[NDArray[np.int8], ...]:
    """Return random divisions of all visitors into two sides with `part` of these sizes, and those left out."""
    stream = np.random.default_rng(31)
    ones, others = (max(round(size * part), min(size, 1)) for size in (one, other))
    divisions = []
    for _ in range(DIVISIONS):
        sides, order = np.full(one + other, LEFT_OUT, dtype=np.int8), stream.permutation(one + other)
        sides[order[:ones]] = RECORDED
        sides[order[one : one + others]] = GENERATED
        divisions.append(sides)
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
