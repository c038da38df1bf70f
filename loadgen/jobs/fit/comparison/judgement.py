"""Judge how near generated traffic is to recorded traffic: distances, the distances of chance, and verdicts.

Rule: `close` means a distance within what matters (5 points of 100, or 5 %) or within chance; `off` means beyond both;
`too little data` means that chance alone could hide a large difference. A figure that one side shows and the other
hardly ever does is `off` too.
"""

from __future__ import annotations

from math import isfinite
from statistics import median
from typing import Literal

import numpy as np

from loadgen.jobs.fit.comparison.distances import (
    Distance,
    Sides,
    Statistic,
    find_kolmogorov,
    find_mean_ratio,
    find_part,
    find_part_of_three,
    find_quantile_ratio,
    find_variation,
    measure_distance,
    number_people,
)
from loadgen.jobs.fit.comparison.observe import Observations, Pairing, list_pairings
from loadgen.jobs.fit.estimates.estimate import Seen
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
    one, other = pairing.recorded, pairing.generated
    found = []
    if pairing.labels:
        found.append(_compare(pairing, "", VARIATION, people, find_variation))
    if pairing.as_distribution:
        found.append(_compare(pairing, "", KOLMOGOROV, people, find_kolmogorov))
    if pairing.as_mean:
        figures = (compute_mean(one), compute_mean(other))
        found.append(_compare(pairing, "mean", RATIO, people, find_mean_ratio, figures))
    for share in pairing.quantiles:
        quantiles = (compute_quantile(one, share), compute_quantile(other, share))
        found.append(_compare(pairing, f"p{share * 100:.0f}", RATIO, people, find_quantile_ratio(share), quantiles))
    return found


def compute_mean(side: Observations) -> float:
    return float(side.value.mean()) if len(side.value) else float("nan")


def compute_quantile(side: Observations, share: float) -> float:
    return float(np.quantile(side.value, share)) if len(side.value) else float("nan")


def _compare(
    pairing: Pairing,
    figure: str,
    kind: str,
    people: Sides,
    statistic: Statistic,
    figures: tuple[float, float] | None = None,
) -> FitComparison:
    one, other = pairing.recorded, pairing.generated
    counts = len(one.value), len(other.value)
    few = min(counts) < FEWEST
    nothing = float("nan")
    found = Distance(nothing, nothing, nothing) if few else measure_distance(one, other, people, statistic)
    return FitComparison(
        pairing.group,
        " ".join(part for part in (pairing.name, figure) if part),
        kind,
        found.value,
        found.low,
        found.high,
        "off" if few and is_one_sided(one, other, people) else give_verdict(kind, found),
        counts[0],
        counts[1],
        figures[0] if figures else None,
        figures[1] if figures else None,
        pairing.unit,
    )


def is_one_sided(one: Observations, other: Observations, people: Sides) -> bool:
    """Whether one side shows something that the other hardly ever shows, beyond chance."""
    counts = len(one.value), len(other.value)
    if max(counts) < FEWEST or min(counts) > HARDLY * max(counts):
        return False
    part = measure_distance(one, other, people, find_part)
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
