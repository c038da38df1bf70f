"""Laws of times on pages: fit the law that is nearest to measured times, and stretch or spread a law.

Rule: a law has the mean of the times and the spread of their logarithms; the family with the least distance is taken.
"""

from __future__ import annotations

from functools import cache
from math import exp, gamma
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats

FEW, LEAST, SHAPE = 8, 30, 0.75
"""Times that are needed to fit the mean of a law with the usual shape (Liu, White, Dumais 2010), and to fit its shape;
the usual shape."""

SHAPES = 0.15, 5.0
"""Smallest and largest shape or sigma."""

DRAWN = 10_000
SHARES = (np.arange(DRAWN) + 0.5) / DRAWN
ROUNDS = 12

POOR = 0.05
"""Distance from which no law fits; then measured quantiles are written, if there are at least MANY times."""

BY_HIDDEN = 0.5
"""What hidden tabs add to that distance, as a part of their share."""

MANY = 1_000
STEPS = 20


class DwellLaw(NamedTuple):
    """A think time law as a scenario has it."""

    distribution: str
    first: float  # scale, median or mean
    second: float  # shape or sigma
    number: int  # times that the law was fitted to
    distance: float  # Kolmogorov distance from the times
    seconds: tuple[float, ...] = ()  # the quantiles of a law of quantiles
    bounded: bool = False  # True: fitted to bounds of unknown times

    def write(self) -> dict[str, Any]:
        """Return the members of a scenario's think time."""
        match self.distribution:
            case "weibull":
                return {"distribution": "weibull", "shape": self.second, "scale": self.first}
            case "lognormal":
                return {"distribution": "lognormal", "median": self.first, "sigma": self.second}
            case "exponential":
                return {"distribution": "exponential", "mean": self.first}
        return {"distribution": "quantiles", "seconds": list(self.seconds)}


def fit_law(seconds: Floats, hidden: float = 0.0) -> DwellLaw | None:
    """Fit the law that is nearest to these times; None: too few times.

    `hidden`: the share of views whose tab is hidden for a while. These are longer, so no law is near the times then;
    measured quantiles would count the hidden time twice, as the scenario hides tabs by itself.
    """
    if len(seconds) < FEW:
        return None
    if len(seconds) < LEAST:
        scale = float(seconds.mean()) / gamma(1 + 1 / SHAPE)
        return DwellLaw(
            "weibull", scale, SHAPE, len(seconds), compute_distance(seconds, _draw("weibull", scale, SHAPE))
        )
    laws = [_match(kind, seconds) for kind in ("weibull", "lognormal", "exponential")]
    best = min(laws, key=lambda law: law.distance + (0.002 if law.distribution != "weibull" else 0.0))
    if best.distance > POOR + BY_HIDDEN * hidden and len(seconds) >= MANY:
        steps = np.quantile(seconds, np.linspace(0, 0.999, STEPS + 1))
        return DwellLaw("quantiles", 0.0, 0.0, len(seconds), 0.0, tuple(np.round(steps, 1).tolist()))
    return best


@cache
def _spread_normally() -> Floats:
    return np.array([NormalDist().inv_cdf(each) for each in SHARES.tolist()])


def _draw(kind: str, first: float, second: float) -> Floats:
    """Return the times of a family's law at even steps of probability."""
    wait = -np.log1p(-SHARES)
    match kind:
        case "weibull":
            return np.asarray(first * wait ** (1 / second), dtype=np.float64)
        case "lognormal":
            return np.asarray(first * np.exp(second * _spread_normally()), dtype=np.float64)
    return np.asarray(first * wait, dtype=np.float64)


def draw_times(law: DwellLaw) -> Floats:
    """Return the times of a law, ascending, at even steps of probability."""
    if law.seconds:
        return np.interp(np.linspace(0, 1, DRAWN), np.linspace(0, 1, len(law.seconds)), law.seconds)
    return np.sort(_draw(law.distribution, law.first, law.second))


def _match(kind: str, seconds: Floats) -> DwellLaw:
    """Return the law of a family with the mean and the spread of logarithms of the times."""
    mean, spread = float(seconds.mean()), find_spread(seconds)
    first, second = mean, 1.0 if kind != "weibull" else 0.8
    for _ in range(ROUNDS):
        if kind != "exponential":
            ratio = float(np.clip(find_spread(_draw(kind, first, second)) / spread, 0.5, 2.0))
            second = float(np.clip(second * ratio if kind == "weibull" else second / ratio, *SHAPES))
        first *= mean / float(_draw(kind, first, second).mean())
    return DwellLaw(kind, first, second, len(seconds), compute_distance(seconds, _draw(kind, first, second)))


def find_law_mean(law: dict[str, Any]) -> float:
    """Return the mean of a scenario's think time, in seconds."""
    match law["distribution"]:
        case "weibull":
            return float(law["scale"] * gamma(1 + 1 / law["shape"]))
        case "lognormal":
            return float(law["median"] * exp(law["sigma"] ** 2 / 2))
        case "exponential":
            return float(law["mean"])
    return float(np.mean((np.array(law["seconds"][1:]) + law["seconds"][:-1]) / 2))


def stretch_law(law: dict[str, Any], factor: float) -> None:
    """Multiply the times of a scenario's think time by a factor."""
    for name in ("scale", "median", "mean"):
        if name in law:
            law[name] *= factor
    if "seconds" in law:
        law["seconds"] = [round(each * factor, 1) for each in law["seconds"]]


def spread_law(law: dict[str, Any], ratio: float) -> None:
    """Multiply the spread of a scenario's think time by a ratio."""
    for name, power in (("sigma", 1), ("shape", -1)):
        if name in law:
            law[name] = float(np.clip(law[name] * ratio**power, *SHAPES))


def find_spread(seconds: Floats) -> float:
    """Return the difference of the quartiles' logarithms."""
    low, high = np.quantile(seconds, (0.25, 0.75))
    return max(float(np.log(max(high, 1e-3) / max(low, 1e-3))), 1e-3)


def compute_distance(one: Floats, other: Floats) -> float:
    """Return the Kolmogorov distance of two samples."""
    a, b = np.sort(one), np.sort(other)
    both = np.concatenate((a, b))
    gap = np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b)
    return float(np.abs(gap).max())
