"""How near the generated traffic is to the recorded: distances, what chance alone allows, and a word for each.

Rule: `close` is within what matters (5 points of 100, or 5 %) or within chance; `off` is beyond both; `too little data`
is when chance alone could hide a difference that matters greatly. Chance is found by dealing the sessions of both sides
out again at random, whole sessions at a time, because what one visitor does is not independent. The deals are fixed, so
the same data give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimate import Seen
from loadgen.jobs.fit.observe import Observations, Pairing, list_pairings
from loadgen.jobs.fit.recorded import Bools, Floats
from loadgen.model import Noun

DEALS = 60
CHANCE = (0.025, 0.975)

VARIATION, KOLMOGOROV, RATIO = "total variation", "Kolmogorov–Smirnov", "ratio"


class Distance(NamedTuple):
    """A distance, and what 95 of 100 random deals lie between."""

    value: float
    low: float
    high: float


Statistic = Callable[[Floats, Bools], float]
"""Takes all values, and which of them are the recorded ones."""


def measure_distance(
    one: Observations, other: Observations, sessions: tuple[int, int], statistic: Statistic
) -> Distance:
    """The distance of two sides with so many sessions each."""
    owner = np.concatenate((one.session, other.session + sessions[0]))
    values = np.concatenate((one.value, other.value))
    order = np.argsort(values, kind="stable")
    owner, values = owner[order], values[order]
    found = statistic(values, owner < sessions[0])
    dealt = [statistic(values, deal[owner]) for deal in deal_sessions(*sessions)]
    low, high = np.nanquantile(dealt, CHANCE) if np.isfinite(dealt).any() else (np.nan, np.nan)
    return Distance(found, float(low), float(high))


@lru_cache(maxsize=4)
def deal_sessions(one: int, other: int) -> tuple[Bools, ...]:
    """Random divisions of all sessions into parts of these sizes; True: the first."""
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


def find_mean_ratio(values: Floats, first: Bools) -> float:
    """The generated mean over the recorded one."""
    if not first.any() or first.all():
        return float("nan")
    mean = float(values[first].mean())
    return float(values[~first].mean()) / mean if mean else float("nan")


Verdict = Literal["close", "off", "too little data"]

MATTERS = 0.05
"""A distance that users notice: 5 points of 100 of a distribution, 5 % of a figure. Our choice."""

BLIND = 3.0
"""Chance that hides so many times what matters makes a comparison say nothing."""

FEWEST = 20
"""Observations on each side below which nothing is said."""

SHOWN = 41
"""Quantiles of a pair that are kept for plots."""


class FitComparison(Noun):
    """One figure of the recorded traffic beside that of the generated."""

    group: str
    name: str
    kind: str  # total variation, Kolmogorov–Smirnov, ratio
    distance: float  # NaN: nothing to compare
    low: float  # what chance alone gives, 95 of 100 times
    high: float
    verdict: Verdict
    recorded_count: int
    generated_count: int
    recorded: float | None = None  # the figure itself, where it is one
    generated: float | None = None
    unit: str = ""


class Pair(Noun):
    """A distribution of both, for plots: shares by label, or quantiles at equal steps from 0 to 1."""

    group: str
    name: str
    labels: tuple[str, ...]  # of shares; empty for quantiles
    recorded: tuple[float, ...]
    generated: tuple[float, ...]
    unit: str = ""


class Judgement(Noun):
    """The whole comparison."""

    recorded_sessions: int
    generated_sessions: int
    held_out: bool  # the recorded sessions were not fitted
    comparisons: tuple[FitComparison, ...]
    pairs: tuple[Pair, ...]

    def count(self, verdict: Verdict) -> int:
        """How many comparisons have a verdict."""
        return sum(each.verdict == verdict for each in self.comparisons)


def judge(recorded: Seen, generated: Seen, held_out: bool = False) -> Judgement:
    """Compare everything that both sides show."""
    sizes = (len(recorded.recorded.sessions.user), len(generated.recorded.sessions.user))
    comparisons: list[FitComparison] = []
    pairs: list[Pair] = []
    for pairing in list_pairings((recorded, generated)):
        comparisons += compare_pairing(pairing, sizes)
        if len(pairing.recorded.value) >= FEWEST and len(pairing.generated.value) >= FEWEST and pairing.shown:
            pairs.append(make_pair(pairing))
    return Judgement(*sizes, held_out, tuple(comparisons), tuple(pairs))


def compare_pairing(pairing: Pairing, sizes: tuple[int, int]) -> list[FitComparison]:
    """The comparisons of one thing that both sides show."""
    one, other = pairing.recorded, pairing.generated
    found = []
    if pairing.labels:
        found.append(_compare(pairing, "", VARIATION, sizes, find_variation))
    if pairing.as_distribution:
        found.append(_compare(pairing, "", KOLMOGOROV, sizes, find_kolmogorov))
    if pairing.as_mean:
        figures = (mean_of(one), mean_of(other))
        found.append(_compare(pairing, "mean", RATIO, sizes, find_mean_ratio, figures))
    for share in pairing.quantiles:
        quantiles = (quantile_of(one, share), quantile_of(other, share))
        found.append(_compare(pairing, f"p{share * 100:.0f}", RATIO, sizes, find_quantile_ratio(share), quantiles))
    return found


def mean_of(side: Observations) -> float:
    return float(side.value.mean()) if len(side.value) else float("nan")


def quantile_of(side: Observations, share: float) -> float:
    return float(np.quantile(side.value, share)) if len(side.value) else float("nan")


def _compare(
    pairing: Pairing,
    figure: str,
    kind: str,
    sizes: tuple[int, int],
    statistic: Statistic,
    figures: tuple[float, float] | None = None,
) -> FitComparison:
    one, other = pairing.recorded, pairing.generated
    counts = len(one.value), len(other.value)
    few = min(counts) < FEWEST
    nothing = float("nan")
    found = Distance(nothing, nothing, nothing) if few else measure_distance(one, other, sizes, statistic)
    return FitComparison(
        pairing.group,
        " ".join(part for part in (pairing.name, figure) if part),
        kind,
        found.value,
        found.low,
        found.high,
        give_verdict(kind, found),
        counts[0],
        counts[1],
        figures[0] if figures else None,
        figures[1] if figures else None,
        pairing.unit,
    )


def give_verdict(kind: str, found: Distance) -> Verdict:
    """The word for a distance."""
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
    """What plots show of a pairing."""
    sides = (pairing.recorded.value, pairing.generated.value)
    if pairing.labels:
        size = len(pairing.labels)
        shown = [np.bincount(side.astype(np.int64), minlength=size) / max(len(side), 1) for side in sides]
    else:
        shown = [np.quantile(side, np.linspace(0, 1, SHOWN)) for side in sides]
    recorded, generated = (tuple(np.round(each, 5).tolist()) for each in shown)
    return Pair(pairing.group, pairing.name, pairing.labels, recorded, generated, pairing.unit)
