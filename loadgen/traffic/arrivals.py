"""A rate curve → the intended starts of all sessions, decided before the run (a non-homogeneous Poisson process)."""

from __future__ import annotations

import numpy as np

from loadgen.scenario.arrivals import Arrivals
from loadgen.traffic.draws import Floats
from loadgen.traffic.seeds import Seeds


class RateCurve:
    """Sessions per second over time: straight lines between knots; two knots at one time are a jump."""

    def __init__(self, times: Floats, rates: Floats) -> None:
        self.times, self.rates = times, rates
        areas = np.diff(times) * (rates[1:] + rates[:-1]) / 2
        self.cumulative = np.concatenate(([0.0], np.cumsum(areas)))

    @property
    def expected(self) -> float:
        """Mean number of sessions under the whole curve."""
        return float(self.cumulative[-1])

    def scaled(self, factor: float) -> RateCurve:
        """The same curve with every rate multiplied."""
        return RateCurve(self.times, self.rates * factor)

    def when(self, count: Floats) -> Floats:
        """The time by which so many sessions are expected: the cumulative rate's inverse."""
        last = len(self.times) - 2
        line = np.clip(np.searchsorted(self.cumulative, count, side="right") - 1, 0, last)
        rest = count - self.cumulative[line]
        length = np.maximum(self.times[line + 1] - self.times[line], 1e-12)
        start = self.rates[line]
        slope = (self.rates[line + 1] - start) / length
        root = start + np.sqrt(np.maximum(start**2 + 2 * slope * rest, 0.0))
        return self.times[line] + np.minimum(2 * rest / np.maximum(root, 1e-12), length)


def curve(arrivals: Arrivals, duration: float) -> RateCurve:
    """The stages as a curve, held at the last target or cut at the run's end."""
    times, rates = [0.0], [arrivals.start_rate]
    for stage in arrivals.stages:
        times.append(times[-1] + stage.duration)
        rates.append(stage.target)
    if times[-1] < duration:
        times.append(duration)
        rates.append(rates[-1])
    return _cut(np.array(times), np.array(rates), duration)


def _cut(times: Floats, rates: Floats, duration: float) -> RateCurve:
    inside = int(np.searchsorted(times, duration, side="left"))
    rate = np.interp(duration, times[inside - 1 : inside + 1], rates[inside - 1 : inside + 1])
    return RateCurve(np.append(times[:inside], duration), np.append(rates[:inside], rate))


def starts(rate: RateCurve, seeds: Seeds) -> Floats:
    """Sorted starts in seconds from the run's zero, to the microsecond."""
    stream = seeds.stream("arrivals")
    number = int(stream.poisson(rate.expected))
    return np.round(rate.when(np.sort(stream.random(number)) * rate.expected), 6)
