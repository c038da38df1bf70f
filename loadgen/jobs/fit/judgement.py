"""How near the generated traffic is to the recorded: distances, what chance alone allows, and a word for each.

Rule: `close` is within what matters (5 points of 100, or 5 %) or within chance; `off` is beyond both; `too little data`
is when chance alone could hide a difference that matters greatly.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from loadgen.jobs.fit import distances
from loadgen.jobs.fit.distances import KOLMOGOROV, RATIO, VARIATION, Distance, Observations
from loadgen.jobs.fit.estimate import Seen
from loadgen.jobs.fit.observe import Pairing, list_pairings
from loadgen.model import Noun

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
        found.append(_compare(pairing, "", VARIATION, sizes, distances.find_variation))
    if pairing.as_distribution:
        found.append(_compare(pairing, "", KOLMOGOROV, sizes, distances.find_kolmogorov))
    if pairing.as_mean:
        figures = (mean_of(one), mean_of(other))
        found.append(_compare(pairing, "mean", RATIO, sizes, distances.find_mean_ratio, figures))
    for share in pairing.quantiles:
        quantiles = (quantile_of(one, share), quantile_of(other, share))
        found.append(
            _compare(pairing, f"p{share * 100:.0f}", RATIO, sizes, distances.find_quantile_ratio(share), quantiles)
        )
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
    statistic: distances.Statistic,
    figures: tuple[float, float] | None = None,
) -> FitComparison:
    one, other = pairing.recorded, pairing.generated
    counts = len(one.value), len(other.value)
    few = min(counts) < FEWEST
    nothing = float("nan")
    found = Distance(nothing, nothing, nothing) if few else distances.measure(one, other, sizes, statistic)
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
        beyond = not found.low <= found.value <= found.high
    else:
        off, chance = found.value, found.high
        beyond = found.value > found.high
    if beyond and off > MATTERS:
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
