"""A sample of sessions → figures with confidence intervals, and how many sessions it takes to see a change.

Rule: the client samples sessions, not events, so every interval is computed over sessions: values of one session belong
together. Intervals include the finite population correction: at sample rate 1 they have no width.
"""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from loadgen.jobs.sampling.population import VitalColumn
from loadgen.model import Noun
from loadgen.traffic import Bools, Floats, Ints

Z95 = 1.959964
"""Standard normal quantile of a two-sided interval of 95 %."""

SLOPE_SPAN = 0.05
"""Half the span of shares over which the slope of the quantiles is taken."""

FEWEST_VALUES = 8
"""With fewer values no percentile is estimated."""


class IntervalEstimate(Noun):
    """A figure as a dashboard shows it, and its 95 % interval; None: too few sessions."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = IntervalEstimate(None, None, None)


def estimate_total(counts: Ints, rate: float) -> IntervalEstimate:
    """A sum over all sessions from those recorded: what is shown, divided by the rate."""
    whole = float(counts.sum()) / rate
    half = Z95 * sqrt(float((counts.astype(float) ** 2).sum()) * (1 - rate)) / rate
    return IntervalEstimate(whole, max(whole - half, 0.0), whole + half)


def estimate_share(some: Bools, rate: float) -> IntervalEstimate:
    """A share of the sessions (Wilson's interval with the finite population correction)."""
    number = len(some)
    if not number:
        return UNKNOWN
    share = float(some.mean())
    z = Z95 * sqrt(1 - rate)
    centre = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number)) / (1 + z * z / number)
    return IntervalEstimate(share, max(centre - half, 0.0), min(centre + half, 1.0))


def estimate_p75(vital: VitalColumn, recorded: Bools, rate: float) -> IntervalEstimate:
    """The 75th percentile of the recorded sessions' values (Woodruff's interval)."""
    kept = recorded[vital.session]
    session, value = vital.session[kept], np.sort(vital.value[kept])
    if len(value) < FEWEST_VALUES:
        return UNKNOWN
    found = find_quantile(value, 0.75)
    off = sum_deviations(session, vital.value[kept] <= found)
    half = Z95 * sqrt(float((off**2).sum()) * (1 - rate)) / len(value)
    return IntervalEstimate(found, find_quantile(value, 0.75 - half), find_quantile(value, 0.75 + half))


def find_quantile(ascending: Floats, share: float) -> float:
    """A value that this share of the others does not exceed."""
    return float(np.quantile(ascending, min(max(share, 0.0), 1.0)))


def sum_deviations(session: Ints, below: Bools) -> Floats:
    """By session: how much more often its values lie below the 75th percentile than 75 times in 100."""
    names, place = np.unique(session, return_inverse=True)
    return np.asarray(np.bincount(place, weights=below - 0.75, minlength=len(names)), dtype=np.float64)


class SessionVariation(NamedTuple):
    """How much one session tells of a figure."""

    value: float
    relative_error: float  # standard error of the figure from one session, relative; from n sessions it is this / √n


def measure_p75_variation(vital: VitalColumn, sessions: int) -> SessionVariation | None:
    """How much one session tells of a vital's 75th percentile (the delta method on its logarithm)."""
    value = np.sort(vital.value)
    if len(value) < FEWEST_VALUES:
        return None
    found = find_quantile(value, 0.75)
    span = find_quantile(value, 0.75 + SLOPE_SPAN) - find_quantile(value, 0.75 - SLOPE_SPAN)
    slope = span / (2 * SLOPE_SPAN)
    if found <= 0 or slope <= 0:
        return None
    off = sum_deviations(vital.session, vital.value <= found)
    one = sqrt(float((off**2).sum()) / sessions) / (len(value) / sessions)
    return SessionVariation(found, one * slope / found)


def measure_share_variation(some: Bools) -> SessionVariation | None:
    """How much one session tells of a share; None if nothing has it."""
    share = float(some.mean()) if len(some) else 0.0
    return SessionVariation(share, sqrt((1 - share) / share)) if share > 0 else None


def count_needed_sessions(variation: SessionVariation, change: float, power: float) -> float:
    """Recorded sessions, before and after alike, that show a relative change with this power (two-sided, 5 %)."""
    z = Z95 + NormalDist().inv_cdf(power)
    return 2 * (z * variation.relative_error / log(1 + change)) ** 2
