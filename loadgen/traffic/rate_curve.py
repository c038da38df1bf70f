"""The mean rate of sessions over a run, and the starts that are drawn from it (a non-homogeneous Poisson process)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from loadgen.scenario import FlashCrowd, Incident, Noise, Scenario, Spike
from loadgen.traffic.draws import Floats, Seeds
from loadgen.traffic.places import compute_activity

DAY_STEP, NOISE_STEP = 900.0, 60.0
"""Seconds between two knots of a day's curve, and between two knots of the noise."""

JUMP = 0.001
"""Seconds that a flash crowd's rise or an incident's ramp takes if the scenario states 0."""

DECAY_STEPS, HALVINGS = 6, 8
"""Knots in each half-life of a flash crowd's decay, and the number of half-lives that have knots."""


class RateCurve:
    """Sessions per second over time: straight lines between knots; two knots at one time are a jump."""

    def __init__(self, times: Floats, rates: Floats, noise: Noise | None = None) -> None:
        self.times, self.rates, self.noise = times, rates, noise
        areas = np.diff(times) * (rates[1:] + rates[:-1]) / 2
        self.cumulative = np.concatenate(([0.0], np.cumsum(areas)))

    @property
    def expected(self) -> float:
        """Mean number of sessions under the whole curve."""
        return float(self.cumulative[-1])

    def scale(self, factor: float) -> RateCurve:
        """Return the curve with every rate multiplied by a factor."""
        return RateCurve(self.times, self.rates * factor, self.noise)

    def multiply(self, knots: Floats, factor: Callable[[Floats], Floats]) -> RateCurve:
        """Return the curve multiplied by a factor that changes over time; `knots` are the times when it bends."""
        inside = knots[(knots > self.times[0]) & (knots < self.times[-1])]
        more = np.setdiff1d(inside, self.times)
        place = np.searchsorted(self.times, more)
        times = np.insert(self.times, place, more)
        rates = np.insert(self.rates, place, np.interp(more, self.times, self.rates))
        return RateCurve(times, rates * factor(times), self.noise)

    def find_times(self, count: Floats) -> Floats:
        """Return the time by which `count` sessions are expected: the inverse of the cumulative rate."""
        last = len(self.times) - 2
        line = np.clip(np.searchsorted(self.cumulative, count, side="right") - 1, 0, last)
        rest = count - self.cumulative[line]
        length = np.maximum(self.times[line + 1] - self.times[line], 1e-12)
        start = self.rates[line]
        slope = (self.rates[line + 1] - start) / length
        root = start + np.sqrt(np.maximum(start**2 + 2 * slope * rest, 0.0))
        return self.times[line] + np.minimum(2 * rest / np.maximum(root, 1e-12), length)


def compute_rate_curve(scenario: Scenario) -> RateCurve:
    """Compute the mean rate: the stages, multiplied by the factors of days, flash crowds and spikes.

    Stages are cut off at the run's end; after the last stage its target holds.
    """
    arrivals, duration = scenario.arrivals, scenario.duration
    times, rates = [0.0], [arrivals.start_rate]
    for stage in arrivals.stages:
        times.append(times[-1] + stage.duration)
        rates.append(stage.target)
    if times[-1] < duration:
        times.append(duration)
        rates.append(rates[-1])
    curve = _cut_curve(np.array(times), np.array(rates), duration, arrivals.noise)
    if arrivals.day is not None:
        curve = curve.multiply(np.arange(0, duration, DAY_STEP), partial(_compute_day_factor, scenario))
    for crowd in arrivals.flash_crowds:
        curve = curve.multiply(_find_bends(crowd), partial(_compute_flash_factor, crowd))
    for spike in list_spikes(scenario):
        share = _sum_share(spike.countries, scenario.population.countries)
        curve = curve.multiply(find_knots(spike), partial(_compute_spike, spike, share))
    return curve


def list_spikes(scenario: Scenario) -> list[Spike]:
    """List the scenario's spikes: incidents that bring more visitors."""
    return [each for each in scenario.incidents if isinstance(each, Spike)]


def _compute_day_factor(scenario: Scenario, at: Floats) -> Floats:
    """Compute the mean activity of the countries of `arrivals.day`, by default the population's, at run seconds."""
    day = scenario.arrivals.day
    assert day is not None
    countries = day.countries or scenario.population.countries
    return np.average(compute_activity(day, list(countries), at), axis=0, weights=list(countries.values()))


def _find_bends(crowd: FlashCrowd) -> Floats:
    """Return the times when a flash crowd's factor bends."""
    decay = np.arange(DECAY_STEPS * HALVINGS + 1) * crowd.half_life / DECAY_STEPS
    top = crowd.at + max(crowd.rise, JUMP)
    return np.concatenate(([crowd.at, top], top + crowd.hold + decay))


def _compute_flash_factor(crowd: FlashCrowd, at: Floats) -> Floats:
    """Compute a flash crowd's factor on the rate: 1, then a linear rise, a hold, and an exponential decay."""
    since, rise = at - crowd.at, max(crowd.rise, JUMP)
    rising = np.clip(since / rise, 0, 1)
    falling = np.exp2(-np.maximum(since - rise - crowd.hold, 0) / crowd.half_life)
    factor: Floats = 1 + (crowd.times - 1) * rising * falling
    return factor


def _sum_share(countries: tuple[str, ...], weights: dict[str, float]) -> float:
    """Return the share of all visitors who come from the named countries; 1 if none is named."""
    return min(sum(weights.get(name, 0.0) for name in countries) / sum(weights.values()), 1.0) if countries else 1.0


def _compute_spike(spike: Spike, share: float, at: Floats) -> Floats:
    """Compute a spike's factor on the rate of all visitors; the spike multiplies a share of them."""
    return 1 + (spike.times - 1) * share * compute_strength(spike, at)


def _add_noise(rate: RateCurve, noise: Noise, stream: np.random.Generator) -> RateCurve:
    """Return the curve multiplied by slow noise of mean 1."""
    knots = np.arange(rate.times[0], rate.times[-1] + NOISE_STEP, NOISE_STEP)
    keeps = np.exp(-NOISE_STEP / noise.memory)
    level, levels = stream.standard_normal(), []
    for fresh in stream.standard_normal(len(knots)).tolist():
        levels.append(level)
        level = keeps * level + np.sqrt(1 - keeps**2) * fresh
    factors = np.exp(noise.sd * np.array(levels) - noise.sd**2 / 2)
    return rate.multiply(knots, lambda at: np.interp(at, knots, factors))


def _cut_curve(times: Floats, rates: Floats, duration: float, noise: Noise | None) -> RateCurve:
    inside = int(np.searchsorted(times, duration, side="left"))
    rate = np.interp(duration, times[inside - 1 : inside + 1], rates[inside - 1 : inside + 1])
    return RateCurve(np.append(times[:inside], duration), np.append(rates[:inside], rate), noise)


def draw_starts(rate: RateCurve, seeds: Seeds) -> Floats:
    """Draw sorted starts in seconds from the run's zero, to the microsecond."""
    if rate.noise is not None:
        rate = _add_noise(rate, rate.noise, seeds.stream("noise"))
    stream = seeds.stream("arrivals")
    number = int(stream.poisson(rate.expected))
    return np.round(rate.find_times(np.sort(stream.random(number)) * rate.expected), 6)


def find_knots(incident: Incident) -> Floats:
    """Return the run seconds when an incident begins, reaches full strength, begins to shrink, and is over."""
    ramp = max(incident.ramp, JUMP)
    return incident.at + np.cumsum([0.0, ramp, incident.length, ramp])


def compute_strength(incident: Incident, at: Floats) -> Floats:
    """Compute an incident's strength, from 0 to 1, at run seconds."""
    return np.interp(at, find_knots(incident), [0.0, 1.0, 1.0, 0.0])


def compute_spike_factor(spikes: list[Spike], countries: list[str], at: Floats) -> Floats | None:
    """Compute the spikes' factor on the visitors of each country (column) at run seconds (row).

    None if no spike that names countries is active at any of these times.
    """
    factor = None
    for spike in spikes:
        grown = compute_strength(spike, at)
        if spike.countries and grown.any():
            factor = np.ones((len(at), len(countries))) if factor is None else factor
            part = np.array([name in spike.countries for name in countries])
            factor *= 1 + (spike.times - 1) * grown[:, None] * part
    return factor
