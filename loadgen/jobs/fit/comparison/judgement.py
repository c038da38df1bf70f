"""Judge how near generated traffic is to recorded traffic: distances, the distances of chance, and verdicts.

Rule: `close` means a distance within what matters (5 points of 100, or 5 %) or within chance; `off` means beyond both;
`too little data` means that chance alone could hide a large difference. A figure that one side shows and the other
hardly ever does is `off` too. Chance is measured by dividing the visitors of both sides again at random, each with all
sessions, because the sessions of one visitor are not independent. The divisions are fixed, so the same data give the
same figures. If the scenario was fitted to other sessions than it is compared with, these are a sample too, whose
chance the divisions lack: then each division leaves visitors out, so that its parts differ as much as three samples do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isfinite, nan
from statistics import median
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.jobs.fit.comparison.observe import Observations, Pairing, list_pairings
from loadgen.jobs.fit.estimates.estimate import Seen
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, SessionTable
from loadgen.model import Noun

VARIATION, KOLMOGOROV, RATIO = "total variation", "Kolmogorov–Smirnov", "ratio"

FitVerdict = Literal["close", "off", "too little data"]

MATTERS = 0.05
"""A distance that users notice: 5 points of 100 of a distribution, 5 % of a figure. Our choice."""

BLIND = 3.0
"""If chance could hide this many times what matters, a comparison has too little data."""

FEWEST = 20
"""Observations on each side below which their values are not compared."""

HARDLY = 1 / 3
"""Observations of one side relative to the other from which its few observations may be due to chance."""

SHOWN = 41
"""Quantiles that a plot of a pair has."""

DIVISIONS = 60
CHANCE = (0.025, 0.975)
RECORDED, GENERATED, LEFT_OUT = 1, 0, -1
"""The sides of a division, and the visitors in neither."""


class FitComparison(Noun):
    """The comparison of one figure between recorded and generated traffic."""

    group: str
    name: str
    kind: str  # total variation, Kolmogorov–Smirnov, ratio
    distance: float  # NaN: nothing to compare
    low: float  # interval that has 95 of 100 distances by chance alone
    high: float
    verdict: FitVerdict
    recorded_count: int
    generated_count: int
    recorded: float | None = None  # the figure itself, if the comparison is of one figure
    generated: float | None = None
    unit: str = ""


class Pair(Noun):
    """A distribution on both sides, for plots: shares by label, or quantiles at equal steps from 0 to 1."""

    group: str
    name: str
    labels: tuple[str, ...]  # of shares; empty for quantiles
    recorded: tuple[float, ...]
    generated: tuple[float, ...]
    unit: str = ""


class Judgement(Noun):
    """All comparisons of a fit."""

    recorded_sessions: int
    generated_sessions: int
    held_out: bool  # True: the recorded sessions were held out of the fit
    comparisons: tuple[FitComparison, ...]
    pairs: tuple[Pair, ...]
    sessions_to_tell: int  # sessions of each side with which half of the comparisons without data would have a verdict

    def count(self, verdict: FitVerdict) -> int:
        """Count the comparisons with this verdict."""
        return sum(each.verdict == verdict for each in self.comparisons)


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


def judge(recorded: Seen, generated: Seen, fitted: int = 0) -> Judgement:
    """Compare all figures that both sides show; `fitted`: sessions of the fit if it was made from others, else 0."""
    people = Sides(number_people(recorded.recorded.sessions), number_people(generated.recorded.sessions))
    sizes = len(people.recorded.of_session), len(people.generated.of_session)
    if fitted and min(sizes):
        people = people._replace(part=find_part_of_three(*sizes, fitted))
    comparisons: list[FitComparison] = []
    pairs: list[Pair] = []
    for pairing in list_pairings((recorded, generated)):
        comparisons += compare_pairing(pairing, people)
        if len(pairing.recorded.value) >= FEWEST and len(pairing.generated.value) >= FEWEST and pairing.shown:
            pairs.append(make_pair(pairing))
    return Judgement(*sizes, fitted > 0, tuple(comparisons), tuple(pairs), count_sessions_to_tell(comparisons, sizes))


def count_sessions_to_tell(comparisons: list[FitComparison], sizes: tuple[int, int]) -> int:
    """Estimate the sessions of each side with which half of the comparisons without enough data would have a verdict.

    The result has two digits; 0: all have a verdict. The interval of chance falls with the root of the sessions.
    """
    times = []
    for each in comparisons:
        if each.verdict == "too little data":
            chance = max(abs(each.low - 1), abs(each.high - 1)) if each.kind == RATIO else each.high
            few = FEWEST / max(min(each.recorded_count, each.generated_count), 1)
            times.append((chance / (BLIND * MATTERS)) ** 2 if isfinite(chance) else few)
    return int(float(f"{min(sizes) * max(median(times), 1):.1e}")) if times else 0


def compare_pairing(pairing: Pairing, people: Sides) -> list[FitComparison]:
    """Make all comparisons of one pairing."""
    sides, found = (pairing.recorded, pairing.generated), []
    if pairing.labels:
        found.append(_compare(pairing, "", VARIATION, people, find_variation))
    if pairing.as_distribution:
        found.append(_compare(pairing, "", KOLMOGOROV, people, find_kolmogorov))
    if pairing.as_mean:
        figures = [float(side.value.mean()) if len(side.value) else nan for side in sides]
        found.append(_compare(pairing, "mean", RATIO, people, find_mean_ratio, figures))
    for share in pairing.quantiles:
        figures = [float(np.quantile(side.value, share)) if len(side.value) else nan for side in sides]
        found.append(_compare(pairing, f"p{share * 100:.0f}", RATIO, people, find_quantile_ratio(share), figures))
    return found


def _compare(
    pairing: Pairing, figure: str, kind: str, people: Sides, statistic: Statistic,
    figures: Sequence[float | None] = (None, None),
) -> FitComparison:  # fmt: skip
    one, other = pairing.recorded, pairing.generated
    counts = len(one.value), len(other.value)
    few = min(counts) < FEWEST
    found = Distance(nan, nan, nan) if few else measure_distance(one, other, people, statistic)
    verdict: FitVerdict = "off" if few and is_one_sided(one, other, people) else give_verdict(kind, found)
    name = f"{pairing.name} {figure}".strip()
    return FitComparison(pairing.group, name, kind, *found, verdict, *counts, figures[0], figures[1], pairing.unit)


def is_one_sided(one: Observations, other: Observations, people: Sides) -> bool:
    """Whether one side shows something that the other hardly ever shows for its sessions, beyond chance."""
    scale = len(people.generated.of_session) / max(len(people.recorded.of_session), 1)
    counts = len(one.value), len(other.value) / max(scale, 1.0)
    if max(counts) < FEWEST or min(counts) > HARDLY * max(counts):
        return False
    part = measure_distance(one, other, people, lambda _, first: float(first.mean()))
    return not part.low <= part.value <= part.high


def give_verdict(kind: str, found: Distance) -> FitVerdict:
    """Return the verdict on a distance."""
    if not np.isfinite(found.value):
        return "too little data"
    if kind == RATIO:
        off, chance = abs(found.value - 1), max(abs(found.low - 1), abs(found.high - 1))
    else:
        off, chance = found.value, found.high
    if off > max(chance, MATTERS):
        return "off"
    return "too little data" if chance > BLIND * MATTERS else "close"


def make_pair(pairing: Pairing) -> Pair:
    """Return the shares or quantiles of a pairing for plots."""
    sides = (pairing.recorded.value, pairing.generated.value)
    if pairing.labels:
        size = len(pairing.labels)
        shown = [np.bincount(side.astype(np.int64), minlength=size) / max(len(side), 1) for side in sides]
    else:
        shown = [np.quantile(side, np.linspace(0, 1, SHOWN)) for side in sides]
    recorded, generated = (tuple(np.round(each, 5).tolist()) for each in shown)
    return Pair(pairing.group, pairing.name, pairing.labels, recorded, generated, pairing.unit)


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
        return nan
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def find_kolmogorov(values: Floats, first: Bools) -> float:
    """Return the greatest distance of two cumulative distributions; `values` ascend."""
    ones = int(first.sum())
    others = len(first) - ones
    if not ones or not others:
        return nan
    gap = np.cumsum(first) / ones - np.cumsum(~first) / others
    return float(np.abs(gap[np.append(values[1:] != values[:-1], True)]).max())


def find_mean_ratio(values: Floats, first: Bools) -> float:
    """Return the generated mean divided by the recorded one."""
    one, other = (float(side.mean()) if len(side) else nan for side in (values[first], values[~first]))
    return other / one if one > 0 else nan


def find_quantile_ratio(share: float) -> Statistic:
    """Return a statistic: the generated quantile divided by the recorded one; its `values` ascend."""

    def statistic(values: Floats, first: Bools) -> float:
        one, other = (float(np.interp(share * (len(side) - 1), np.arange(len(side)), side)) if len(side) else nan
                      for side in (values[first], values[~first]))  # fmt: skip
        return other / one if one > 0 else nan

    return statistic
