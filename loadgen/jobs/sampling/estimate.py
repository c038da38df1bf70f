"""A sample of sessions → figures with confidence intervals, and what it takes to see a change.

Rule: sessions are drawn, not events, so every interval is by sessions: values of one session go together. Those of a
finite population shrink with what is known of it: at a rate of 1 nothing is left to guess.
"""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from loadgen.jobs.sampling.population import Vital
from loadgen.model import Noun
from loadgen.traffic import Bools, Floats, Ints

Z95 = 1.959964
"""Standard normal quantile of a two-sided interval of 95 %."""

SLOPE = 0.05
"""Half the span of shares over which the slope of the quantiles is taken."""


class Estimate(Noun):
    """A figure as a dashboard tells it, and the 95 % interval for the truth; None: too few sessions to tell."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Estimate(None, None, None)


def total(counts: Ints, rate: float) -> Estimate:
    """A sum over all sessions from those recorded: what is shown, divided by the rate."""
    whole = float(counts.sum()) / rate
    spread = Z95 * sqrt(float((counts.astype(float) ** 2).sum()) * (1 - rate)) / rate
    return Estimate(whole, max(whole - spread, 0.0), whole + spread)


def proportion(some: Bools, rate: float) -> Estimate:
    """A share of the sessions (Wilson's interval, with the finite population in it)."""
    number = len(some)
    if not number:
        return UNKNOWN
    share = float(some.mean())
    z = Z95 * sqrt(1 - rate)
    centre = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number)) / (1 + z * z / number)
    return Estimate(share, max(centre - half, 0.0), min(centre + half, 1.0))


def p75(vital: Vital, recorded: Bools, rate: float) -> Estimate:
    """The 75th percentile of the recorded sessions' values, by Woodruff's interval."""
    kept = recorded[vital.session]
    session, value = vital.session[kept], np.sort(vital.value[kept])
    if len(value) < FEWEST:
        return UNKNOWN
    found = quantile(value, 0.75)
    off = by_session(session, vital.value[kept] <= found)
    half = Z95 * sqrt(float((off**2).sum()) * (1 - rate)) / len(value)
    return Estimate(found, quantile(value, 0.75 - half), quantile(value, 0.75 + half))


FEWEST = 8
"""Values below which no percentile is told."""


def quantile(ascending: Floats, share: float) -> float:
    """A value that this share of the others does not exceed."""
    return float(np.quantile(ascending, min(max(share, 0.0), 1.0)))


def by_session(session: Ints, below: Bools) -> Floats:
    """How much each session's values lie below the percentile more often than they should."""
    names, place = np.unique(session, return_inverse=True)
    return np.asarray(np.bincount(place, weights=below - 0.75, minlength=len(names)), dtype=np.float64)


class Spread(NamedTuple):
    """What one session tells of a figure."""

    value: float
    relative: float  # standard error of the figure from one session, as a part of it: of n it is this over √n


def spread_of_p75(vital: Vital, sessions: int) -> Spread | None:
    """How much of a vital's p75 one session tells (the delta method on its logarithm)."""
    value = np.sort(vital.value)
    if len(value) < FEWEST:
        return None
    found = quantile(value, 0.75)
    slope = (quantile(value, 0.75 + SLOPE) - quantile(value, 0.75 - SLOPE)) / (2 * SLOPE)
    if found <= 0 or slope <= 0:
        return None
    off = by_session(vital.session, vital.value <= found)
    one = sqrt(float((off**2).sum()) / sessions) / (len(value) / sessions)
    return Spread(found, one * slope / found)


def spread_of_share(some: Bools) -> Spread | None:
    """How much of a share one session tells."""
    share = float(some.mean()) if len(some) else 0.0
    return Spread(share, sqrt((1 - share) / share)) if share > 0 else None


def sessions_needed(spread: Spread, change: float, power: float) -> float:
    """Recorded sessions, before and after alike, that show a relative change with this power (two-sided, 5 %)."""
    z = Z95 + normal_quantile(power)
    return 2 * (z * spread.relative / log(1 + change)) ** 2


def normal_quantile(share: float) -> float:
    """The standard normal distribution's quantile."""
    return NormalDist().inv_cdf(share)
