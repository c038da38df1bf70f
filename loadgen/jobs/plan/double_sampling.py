"""How some rehearsed visits stand for all visits of a run: their weights, how far sums may be off, how many it takes.

Rule: what a visit sends follows almost wholly from its walk (`traffic.draw_traits`), and a walk costs a tenth of a
rehearsal. So few visits are rehearsed and many are walked. The rehearsed ones get weights with which they have the mean
traits of those that were walked (double sampling with a calibration estimator: Deville and Särndal 1992). What may be
off is what traits leave open, over the number rehearsed, and what they explain, over the number walked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from loadgen.jobs.plan.batch_profile import BatchProfile
from loadgen.traffic import BLOCK, BLOCKS_EACH, Floats, Ints

FEWEST_REHEARSED, ENOUGH_REHEARSED, LEAST_STOOD_FOR = BLOCKS_EACH * BLOCK, 8_192, 8
"""Fewer visits would not be whole blocks, so that all would be drawn for them. Up to `ENOUGH_REHEARSED`, so that each
part of a day is represented by visits of its own, as long as each stands for eight: it does for a whole number."""

MOST_PULL = 0.9
"""How much of its own estimate a visit may make at most."""

WALK_COST = 0.1
"""What a walk costs of a rehearsal: 0.06 of 0.65 ms, storefront."""

PART_SHARE, FEWEST_IN_PART = 0.1, 1_000
"""A part of the run has this share of the rehearsed visits, but at least so many."""

CONFIDENCE = 1.96  # standard deviations of a two-sided interval of 95 %


def count_fewest(of: int) -> int:
    """How many visits of a run to rehearse at least."""
    return max(min(ENOUGH_REHEARSED, of // LEAST_STOOD_FOR), FEWEST_REHEARSED)


def count_parts(rehearsed: int) -> int:
    """In how many parts of the run each visit stands for arrivals of its own part."""
    return max(round(rehearsed / min(max(rehearsed * PART_SHARE, FEWEST_IN_PART), max(rehearsed, 1))), 1)


class MeanTraits(NamedTuple):
    """The traits of many visits, summed up."""

    visits: int
    mean: Floats
    covariance: Floats
    parts: Floats  # [part of the run, trait]: the means; nan where no visit was walked

    @classmethod
    def sum_up(cls, drawn: Iterable[tuple[Ints, Floats]], parts: int, of: int) -> MeanTraits:
        """The traits of visits that come some at a time, with their numbers in a run of so many; at least one comes."""
        visits, numbers = 0, np.zeros((parts, 1))
        for index, rows in drawn:
            if not visits:
                zero = rows.mean(axis=0)  # moments about some mean lose no digits
                total, squares = np.zeros((parts, len(zero))), np.zeros((len(zero), len(zero)))
            apart, inside = rows - zero, np.arange(parts)[:, None] == index * parts // of
            visits += len(rows)
            numbers += inside.sum(axis=1, keepdims=True)
            total += inside @ apart
            squares += apart.T @ apart
        mean = total.sum(axis=0) / visits
        by_part = zero + np.divide(total, numbers, out=np.full_like(total, np.nan), where=numbers > 0)
        return cls(visits, zero + mean, squares / visits - np.outer(mean, mean), by_part)


class Spread(NamedTuple):
    """How one figure varies from visit to visit, as variances relative to its squared mean."""

    explained: float  # by traits
    left: float

    def measure_interval(self, rehearsed: int, walked: int, of: int) -> float:
        """Half the 95 % interval of the figure's sum over a run of so many visits, relative."""
        return CONFIDENCE * math.sqrt(self.left * _lack(rehearsed, of) + self.explained * _lack(walked, of))

    def choose_rehearsed(self, precision: float, of: int) -> float:
        """How many visits to rehearse of a run for an interval of this half width, at the least cost with the walks."""
        variance, root = (precision / CONFIDENCE) ** 2, math.sqrt(self.left)
        allowed, both = variance + (self.explained + self.left) / of, root + math.sqrt(self.explained * WALK_COST)
        if math.sqrt(self.explained / WALK_COST) * both / allowed > of:  # all are walked
            return self.left / (variance + self.left / of)
        return root * both / allowed

    def choose_walked(self, precision: float, rehearsed: int, of: int) -> float:
        """How many visits to walk when so many are rehearsed; all if that is not enough either."""
        allowed = (precision / CONFIDENCE) ** 2 - self.left * _lack(rehearsed, of) + self.explained / of
        return min(self.explained / allowed, of) if allowed > 0 else of


def _lack(visits: int, of: int) -> float:
    """The variance of a mean over some visits of a run about that over all, relative to the visits' own."""
    return 1 / visits - 1 / of


def _adjust(weights: Floats, traits: Floats, mean: Floats) -> Floats:
    """The weights, changed as little as gives the visits these mean traits, none below 0 and 1 on average."""
    beside = np.column_stack((np.ones(len(traits)), traits - mean))
    missing = -weights @ beside
    missing[0] += len(weights)
    factors = np.linalg.pinv((beside.T * weights) @ beside, rcond=1e-10, hermitian=True) @ missing
    changed = np.maximum(weights * (1 + beside @ factors), 0.0)
    return np.asarray(changed * (len(changed) / changed.sum()), dtype=np.float64)


class Calibration:
    """The rehearsed visits' traits and figures."""

    def __init__(self, traits: Floats, profile: BatchProfile) -> None:
        self._figures = (
            profile.batches_per_session.astype(np.float64),
            profile.sum_by_session(profile.attempts.events),
            profile.sum_by_session(profile.attempts.wire_bytes),
        )
        self._mean, scale = traits.mean(axis=0), traits.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._apart = (traits - self._mean) / self._scale
        self._inverse = np.linalg.pinv(self._apart.T @ self._apart / len(traits), rcond=1e-10, hermitian=True)

    def weigh(self, walked: MeanTraits) -> Floats:
        """Weights of the visits, 1 on average, with which they have the mean traits of the walked ones.

        First in each part of the run, as nearly as its few visits can without weights below 0; then in all.
        """
        weights = np.ones(len(self._apart))
        part = np.arange(len(weights)) * len(walked.parts) // len(weights)
        for number, mean in enumerate(walked.parts):
            if not np.isnan(mean).any():
                rows = np.flatnonzero(part == number)
                weights[rows] = _adjust(weights[rows], self._apart[rows], (mean - self._mean) / self._scale)
        return _adjust(weights, self._apart, (walked.mean - self._mean) / self._scale)

    def measure_spreads(self, walked: MeanTraits | None = None) -> tuple[Spread, ...]:
        """How requests, events and bytes as sent vary; what traits explain over the walked visits, if they are known.

        What they leave is taken as the error of each visit that the others foretell (HC3: MacKinnon and White 1985):
        the longest visits are few, have the largest errors, and draw the estimate to themselves.
        """
        visits = len(self._apart)
        pull = (self._apart @ self._inverse * self._apart).sum(axis=1) / visits + 1 / visits
        foretold = np.minimum(pull, MOST_PULL)
        weights = np.ones(visits) if walked is None else self.weigh(walked)
        found = []
        for figure in self._figures:
            apart, mean = figure - figure.mean(), float(figure.mean()) or 1.0
            slopes = self._inverse @ (self._apart.T @ apart) / visits
            fitted = self._apart @ slopes
            explained = float(fitted.var())
            if walked is not None:
                explained = float(slopes / self._scale @ walked.covariance @ (slopes / self._scale))
            left = float(np.mean((weights * (apart - fitted) / (1 - foretold)) ** 2))
            found.append(Spread(explained / mean**2, left / mean**2))
        return tuple(found)
