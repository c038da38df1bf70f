"""Numbers for a scenario, rounded to what the data supports: a third of the standard error is where digits end."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite, log10, sqrt

NICE_SECONDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
LEAST_PART = 1e-4
"""Digits below this part of a number are never written."""


def round_to(value: float, error: float) -> float:
    """A value without the digits that a third of its standard error makes meaningless."""
    if not value or not isfinite(value):
        return 0.0
    unit = max(error / 3 if isfinite(error) else abs(value), abs(value) * LEAST_PART)
    digits = min(max(-floor(log10(unit)), -6), 6)
    rounded = round(value, digits)
    return float(rounded) if rounded else float(f"{value:.1g}")


def round_rate(rate: float, count: int) -> float:
    """A rate to the digits that so many events support."""
    return round_to(rate, rate / sqrt(max(count, 1)))


def round_share(share: float, count: float) -> float:
    """A probability to the digits that so many observations support."""
    return min(round_to(share, sqrt(max(share * (1 - share), 1e-6) / max(count, 1))), 1.0)


def round_span(seconds: float, error: float) -> float:
    """A length of time, to a whole number of the largest usual unit that the error allows."""
    room = max(3 * error, 1.0)
    for unit in reversed(NICE_SECONDS):
        rounded = round(seconds / unit) * unit
        if rounded and abs(rounded - seconds) <= room:
            return float(rounded)
    return round(seconds, 1) or 1.0


def round_shares(shares: Mapping[str, float], count: float) -> dict[str, float]:
    """Probabilities that add up to 1, rounded so that they still do; what is below half a unit is left out."""
    total = sum(shares.values())
    if total <= 0:
        return {}
    digits = min(max(floor(log10(sqrt(max(count, 1)))) + 1, 2), 4)
    units = 10**digits
    exact = {name: share / total * units for name, share in shares.items()}
    whole = {name: floor(value) for name, value in exact.items()}
    rest = units - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:rest]:
        whole[name] += 1
    return {name: round(number / units, digits) for name, number in whole.items() if number}
