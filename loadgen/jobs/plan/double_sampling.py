"""How a sample of rehearsed visits represents all visits of a run: weights, precision of the sums, and sample sizes.

A visit is rehearsed if it is drawn, planned and encoded completely; it is walked if only its traits are drawn
(`traffic.draw_traits`: which pages it shows, and how long).

Rule: what a visit sends follows almost completely from its traits, and a walk costs a tenth of a rehearsal. So few
visits are rehearsed and many are walked. Rehearsed visits get weights with which their mean traits are those of the
walked visits (double sampling with a calibration estimator: Deville and Särndal 1992). The error of a sum has two
parts: the variance that traits do not explain, divided by the number of rehearsed visits, and the variance that they
explain, divided by the number of walked visits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from loadgen.jobs.plan.batch_profile import BatchProfile
from loadgen.traffic import BLOCK, BLOCKS_EACH, Floats, Ints

FEWEST_REHEARSED, ENOUGH_REHEARSED, LEAST_STOOD_FOR = BLOCKS_EACH * BLOCK, 8_192, 8
"""Bounds of the number of rehearsed visits. Fewer than FEWEST would be no whole blocks, and all visits would be drawn
for them. ENOUGH represent each part of a day by visits of its own. A visit stands for a whole number of arrivals, so
there are at least LEAST_STOOD_FOR arrivals for each."""

MOST_LEVERAGE = 0.9
"""The greatest leverage of a visit, the weight of its own figure in the figure that its traits predict."""

WALK_COST = 0.1
"""Cost of a walk relative to a rehearsal: 0.06 of 0.65 ms for the storefront."""

PART_SHARE, FEWEST_IN_PART = 0.1, 1_000
"""A part of the run has this share of the rehearsed visits, but at least FEWEST_IN_PART of them."""

CONFIDENCE = 1.96  # standard deviations of a two-sided interval of 95 %


def count_fewest(run_visits: int) -> int:
    """Return how many visits of a run to rehearse at least."""
    return max(min(ENOUGH_REHEARSED, run_visits // LEAST_STOOD_FOR), FEWEST_REHEARSED)


def count_parts(rehearsed: int) -> int:
    """Return the number of parts of the run within which a rehearsed visit stands for arrivals of its own part."""
    return max(round(rehearsed / min(max(rehearsed * PART_SHARE, FEWEST_IN_PART), max(rehearsed, 1))), 1)


class MeanTraits(NamedTuple):
    """Mean and covariance of the traits of walked visits, in the whole run and in its parts."""

    visits: int
    mean: Floats
    covariance: Floats
    parts: Floats  # [part of the run, trait]: mean traits; NaN in a part without a walked visit

    @classmethod
    def sum_up(cls, drawn: Iterable[tuple[Ints, Floats]], parts: int, run_visits: int) -> MeanTraits:
        """Sum up chunks of traits, [visit, trait], with the visits' numbers in the run; there is at least one visit."""
        visits, numbers = 0, np.zeros((parts, 1))
        for index, rows in drawn:
            if not visits:
                zero = rows.mean(axis=0)  # moments about a value near the mean lose no digits
                total, squares = np.zeros((parts, len(zero))), np.zeros((len(zero), len(zero)))
            centred, inside = rows - zero, np.arange(parts)[:, None] == index * parts // run_visits
            visits += len(rows)
            numbers += inside.sum(axis=1, keepdims=True)
            total += inside @ centred
            squares += centred.T @ centred
        mean = total.sum(axis=0) / visits
        by_part = zero + np.divide(total, numbers, out=np.full_like(total, np.nan), where=numbers > 0)
        return cls(visits, zero + mean, squares / visits - np.outer(mean, mean), by_part)


class Spread(NamedTuple):
    """The variance of one figure between visits, relative to its squared mean: what traits explain, and the rest."""

    explained: float  # by traits: depends on the number of walked visits
    residual: float

    def measure_interval(self, rehearsed: int, walked: int, run_visits: int) -> float:
        """Return half the relative 95 % interval of the figure's sum over the run."""
        return CONFIDENCE * math.sqrt(
            self.residual * _measure_relative_variance(rehearsed, run_visits)
            + self.explained * _measure_relative_variance(walked, run_visits)
        )

    def choose_rehearsed(self, precision: float, run_visits: int) -> float:
        """Return how many visits to rehearse for `precision` (half an interval) at the least cost, walks included."""
        variance, root = (precision / CONFIDENCE) ** 2, math.sqrt(self.residual)
        allowed = variance + (self.explained + self.residual) / run_visits
        both = root + math.sqrt(self.explained * WALK_COST)
        if math.sqrt(self.explained / WALK_COST) * both / allowed > run_visits:  # all are walked
            return self.residual / (variance + self.residual / run_visits)
        return root * both / allowed

    def choose_walked(self, precision: float, rehearsed: int, run_visits: int) -> float:
        """Return how many visits to walk for `precision` beside `rehearsed` visits; all if no number is enough."""
        allowed = (
            (precision / CONFIDENCE) ** 2
            - self.residual * _measure_relative_variance(rehearsed, run_visits)
            + self.explained / run_visits
        )
        return min(self.explained / allowed, run_visits) if allowed > 0 else run_visits


def _measure_relative_variance(visits: int, run_visits: int) -> float:
    """Return the variance of the mean of `visits` drawn from the run, relative to the variance between its visits."""
    return 1 / visits - 1 / run_visits


def _calibrate_weights(weights: Floats, traits: Floats, mean: Floats) -> Floats:
    """Change weights as little as needed to give the visits these mean traits; none is below 0, their mean is 1."""
    conditions = np.column_stack((np.ones(len(traits)), traits - mean))
    missing = -weights @ conditions
    missing[0] += len(weights)
    factors = np.linalg.pinv((conditions.T * weights) @ conditions, rcond=1e-10, hermitian=True) @ missing
    changed = np.maximum(weights * (1 + conditions @ factors), 0.0)
    return np.asarray(changed * (len(changed) / changed.sum()), dtype=np.float64)


class Calibration:
    """The regression of the rehearsed visits' figures (requests, events, bytes) on their traits."""

    def __init__(self, traits: Floats, profile: BatchProfile) -> None:
        self._figures = (
            profile.batches_per_session.astype(np.float64),
            profile.sum_by_session(profile.attempts.events),
            profile.sum_by_session(profile.attempts.wire_bytes),
        )
        self._mean, scale = traits.mean(axis=0), traits.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._centred = (traits - self._mean) / self._scale
        self._inverse = np.linalg.pinv(self._centred.T @ self._centred / len(traits), rcond=1e-10, hermitian=True)

    def weigh(self, walked: MeanTraits) -> Floats:
        """Return the visits' weights, 1 on average, with which their mean traits are those of the walked visits.

        Each part of the run is weighted first, as well as its few visits allow without weights below 0; then the whole.
        """
        weights = np.ones(len(self._centred))
        part = np.arange(len(weights)) * len(walked.parts) // len(weights)
        for number, mean in enumerate(walked.parts):
            if not np.isnan(mean).any():
                rows = np.flatnonzero(part == number)
                weights[rows] = _calibrate_weights(
                    weights[rows], self._centred[rows], (mean - self._mean) / self._scale
                )
        return _calibrate_weights(weights, self._centred, (walked.mean - self._mean) / self._scale)

    def measure_spreads(self, walked: MeanTraits | None = None) -> tuple[Spread, ...]:
        """Return the spreads of requests, events and bytes as sent; `walked` gives the variance of traits, if known.

        The residual of a visit is its distance from the figure that the other visits predict (HC3: MacKinnon and White
        1985): the longest visits are few, have the largest errors, and pull the regression towards themselves.
        """
        visits = len(self._centred)
        leverage = (self._centred @ self._inverse * self._centred).sum(axis=1) / visits + 1 / visits
        leverage = np.minimum(leverage, MOST_LEVERAGE)
        weights = np.ones(visits) if walked is None else self.weigh(walked)
        found = []
        for figure in self._figures:
            centred, mean = figure - figure.mean(), float(figure.mean()) or 1.0
            slopes = self._inverse @ (self._centred.T @ centred) / visits
            fitted = self._centred @ slopes
            explained = float(fitted.var())
            if walked is not None:
                explained = float(slopes / self._scale @ walked.covariance @ (slopes / self._scale))
            residual = float(np.mean((weights * (centred - fitted) / (1 - leverage)) ** 2))
            found.append(Spread(explained / mean**2, residual / mean**2))
        return tuple(found)
