"""Laws of times on pages: the one that is nearest to measured times, and how laws are moved.

Rule: a law has the mean of the times, and the spread of their logarithms; which family it is of, their distance tells.
"""

from __future__ import annotations

from functools import cache
from math import exp, gamma
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Floats

FEW, LEAST, SHAPE = 8, 30, 0.75
"""Times from which the mean of a law is fitted, with the usual shape (Liu, White, Dumais 2010), and from which its
shape is too."""

SHAPES = 0.15, 5.0
"""The least and the largest shape or sigma."""

DRAWN = 10_000
ROUNDS = 12

POOR = 0.05
"""Distance from which no law fits, and measured quantiles are written; with enough times."""

MANY = 1_000
STEPS = 20


class DwellLaw(NamedTuple):
    """A law as the scenario writes it."""

    distribution: str
    first: float  # scale, median or mean
    second: float  # shape or sigma
    number: int  # times on which it stands
    distance: float  # Kolmogorov's, from the times
    seconds: tuple[float, ...] = ()  # of quantiles
    bounded: bool = False  # the times are not known, but between which bounds they are

    def write(self) -> dict[str, Any]:
        """Members of a scenario's think time."""
        match self.distribution:
            case "weibull":
                return {"distribution": "weibull", "shape": self.second, "scale": self.first}
            case "lognormal":
                return {"distribution": "lognormal", "median": self.first, "sigma": self.second}
            case "exponential":
                return {"distribution": "exponential", "mean": self.first}
        return {"distribution": "quantiles", "seconds": list(self.seconds)}


def fit_law(seconds: Floats, quantiles: bool = True) -> DwellLaw | None:
    """The law that is nearest to these times; None for too few."""
    if len(seconds) < FEW:
        return None
    if len(seconds) < LEAST:
        return _match_mean(seconds)
    laws = [_match(kind, seconds) for kind in ("weibull", "lognormal", "exponential")]
    best = min(laws, key=lambda law: law.distance + (0.002 if law.distribution != "weibull" else 0.0))
    if quantiles and best.distance > POOR and len(seconds) >= MANY:
        steps = np.quantile(seconds, np.linspace(0, 0.999, STEPS + 1))
        return DwellLaw("quantiles", 0.0, 0.0, len(seconds), 0.0, tuple(np.round(steps, 1).tolist()))
    return best


@cache
def _spread_evenly() -> tuple[Floats, Floats]:
    """An exponential and a normal variable at even steps of probability."""
    share = (np.arange(DRAWN) + 0.5) / DRAWN
    normal = NormalDist()
    return -np.log1p(-share), np.array([normal.inv_cdf(each) for each in share.tolist()])


def _draw(kind: str, first: float, second: float) -> Floats:
    """Times by a law, at even steps of probability."""
    wait, normal = _spread_evenly()
    match kind:
        case "weibull":
            return np.asarray(first * wait ** (1 / second), dtype=np.float64)
        case "lognormal":
            return np.asarray(first * np.exp(second * normal), dtype=np.float64)
    return np.asarray(first * wait, dtype=np.float64)


def draw_times(law: DwellLaw) -> Floats:
    """Times by a law, ascending, at even steps of probability."""
    if law.seconds:
        return np.interp(np.linspace(0, 1, DRAWN), np.linspace(0, 1, len(law.seconds)), law.seconds)
    return np.sort(_draw(law.distribution, law.first, law.second))


def _match(kind: str, seconds: Floats) -> DwellLaw:
    """The member of a family whose mean, and spread of logarithms, are those of the times."""
    mean, spread = float(seconds.mean()), find_spread(seconds)
    first, second = mean, 1.0 if kind != "weibull" else 0.8
    for _ in range(ROUNDS):
        if kind != "exponential":
            ratio = float(np.clip(find_spread(_draw(kind, first, second)) / spread, 0.5, 2.0))
            second = float(np.clip(second * ratio if kind == "weibull" else second / ratio, *SHAPES))
        first *= mean / float(_draw(kind, first, second).mean())
    return DwellLaw(kind, first, second, len(seconds), compute_distance(seconds, _draw(kind, first, second)))


def _match_mean(seconds: Floats) -> DwellLaw:
    """The law of the usual shape with the mean of few times."""
    scale = float(seconds.mean()) / gamma(1 + 1 / SHAPE)
    return DwellLaw("weibull", scale, SHAPE, len(seconds), compute_distance(seconds, _draw("weibull", scale, SHAPE)))


def find_law_mean(law: dict[str, Any]) -> float:
    """The mean of a think time as the scenario writes it, seconds."""
    match law["distribution"]:
        case "weibull":
            return float(law["scale"] * gamma(1 + 1 / law["shape"]))
        case "lognormal":
            return float(law["median"] * exp(law["sigma"] ** 2 / 2))
        case "exponential":
            return float(law["mean"])
    return float(np.mean((np.array(law["seconds"][1:]) + law["seconds"][:-1]) / 2))


def stretch_law(law: dict[str, Any], factor: float) -> None:
    """Make a think time longer by a factor."""
    for name in ("scale", "median", "mean"):
        if name in law:
            law[name] *= factor
    if "seconds" in law:
        law["seconds"] = [round(each * factor, 1) for each in law["seconds"]]


def spread_law(law: dict[str, Any], ratio: float) -> None:
    """Make a think time differ more from one view to the next by a ratio."""
    for name, power in (("sigma", 1), ("shape", -1)):
        if name in law:
            law[name] = float(np.clip(law[name] * ratio**power, *SHAPES))


def find_spread(seconds: Floats) -> float:
    """The distance of the quartiles' logarithms."""
    low, high = np.quantile(seconds, (0.25, 0.75))
    return max(float(np.log(max(high, 1e-3) / max(low, 1e-3))), 1e-3)


def compute_distance(one: Floats, other: Floats) -> float:
    """Kolmogorov's distance of two samples."""
    a, b = np.sort(one), np.sort(other)
    both = np.concatenate((a, b))
    gap = np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b)
    return float(np.abs(gap).max())
