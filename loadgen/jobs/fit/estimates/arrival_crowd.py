"""Fit a flash crowd to counts of sessions in equal spans of time: a usual rate, a steep rise, a top, and a decay.

Rule: a moment or a length is rounded to the largest usual unit that leaves the fit as good as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.arrival_rhythm import expect_counts
from loadgen.jobs.fit.reading.recorded import Floats
from loadgen.jobs.fit.support import NICE_SECONDS, round_rate, round_to

FIRST_WIDTHS = (0.02, 0.08, 0.2)
"""First guesses of the rise, the top and the decay's half-life, as shares of the data's length."""

REFINED = 3
"""Guesses that are refined."""

FIRST_STEP, HALVINGS = 0.06, 7
"""First step of the search, as a share of the data's length, and how often it is halved."""

MOVED = (("begin",), ("top",), ("end",), ("half_life",), ("end", "top"), ("top", "end"))
"""What the search moves: each alone, and the whole top to either side."""

LEAST_TIMES, MOST_TIMES = 2.0, 1000.0
"""Factor on the usual rate at the top from which a rise is a crowd, and the format's bound."""

SHORTEST = 1e-3
"""Shortest half-life that is tried, as a share of the data's length."""


class CrowdFit(NamedTuple):
    """The best crowd, the counts that it expects, and its error in units of chance."""

    members: dict[str, Any]  # of a scenario's arrivals: the rate in recorded sessions, and flash_crowds in seconds
    expected: Floats  # [span]
    cost: float


class _Shape(NamedTuple):
    """A crowd's moments and its half-life, in seconds."""

    begin: float
    top: float
    end: float
    half_life: float


def fit_crowd(counts: Floats, edges: Floats, variance: Floats, duration: float) -> CrowdFit | None:
    """Search for the crowd that explains the counts best; None: no crowd does."""

    def judge(shape: _Shape) -> float:
        return _scale(shape, counts, edges, variance, duration)[1]

    peak = max(float(edges[int(np.argmax(np.convolve(counts, np.ones(3), "same")))]), 0.0)
    tried = [
        _Shape(max(peak - rise * duration, 0.0), peak, min(peak + hold * duration, duration), decay * duration)
        for rise, hold, decay in product(FIRST_WIDTHS, FIRST_WIDTHS, FIRST_WIDTHS)
    ]
    best = min((_improve(each, judge, duration) for each in sorted(tried, key=judge)[:REFINED]), key=judge)
    best = _round_shape(best, judge(best) / len(counts), judge)
    excess, cost, expected = _scale(best, counts, edges, variance, duration)
    times = round_to(1 + excess, excess * 0.05)
    if not LEAST_TIMES <= times <= MOST_TIMES:
        return None
    crowd = _write(best, times)
    rate = float(counts.sum() / expect_counts({"rate": 1.0, "flash_crowds": (crowd,)}, duration, edges).sum())
    return CrowdFit({"rate": round_rate(rate, int(counts.sum())), "flash_crowds": [crowd]}, expected, cost)


def _improve(shape: _Shape, judge: Callable[[_Shape], float], duration: float) -> _Shape:
    """Move the moments and the half-life, in smaller and smaller steps, as long as the error falls."""
    cost, step = judge(shape), FIRST_STEP * duration
    for _ in range(HALVINGS):
        for names, sign in product(MOVED, (1, -1, 1, -1)):
            moved = shape
            for name in names:
                moved = _move(moved, name, sign * step, duration)
            if (found := judge(moved)) < cost:
                shape, cost = moved, found
        step /= 2
    return shape


def _move(shape: _Shape, name: str, step: float, duration: float) -> _Shape:
    """Move one moment, but not past its neighbours, or multiply the half-life."""
    if name == "half_life":
        longer = shape.half_life * float(np.exp(step / duration / FIRST_STEP))
        return shape._replace(half_life=float(np.clip(longer, SHORTEST * duration, duration)))
    moments = [0.0, *shape[:3], duration]
    place = _Shape._fields.index(name) + 1
    return shape._replace(**{name: float(np.clip(moments[place] + step, moments[place - 1], moments[place + 1]))})


def _write(shape: _Shape, times: float) -> dict[str, float]:
    """Return the members of a scenario's flash crowd."""
    rise, hold = round(shape.top - shape.begin, 3), round(shape.end - shape.top, 3)
    return {"at": shape.begin, "times": times, "rise": rise, "hold": hold, "half_life": shape.half_life}


def _scale(
    shape: _Shape, counts: Floats, edges: Floats, variance: Floats, duration: float
) -> tuple[float, float, Floats]:
    """Find the excess over the usual rate at the top, as a part of that, with the least error; return also the error
    and the counts that are expected."""
    usual = np.diff(np.clip(edges, 0, duration))
    more = expect_counts({"rate": 1.0, "flash_crowds": (_write(shape, 2.0),)}, duration, edges) - usual
    table = np.stack((usual, more), axis=1)
    weighed = table / np.sqrt(variance)[:, None]
    low, high = np.linalg.lstsq(weighed, counts / np.sqrt(variance), rcond=None)[0].tolist()
    low, high = max(low, 1e-12), max(high, 0.0)
    expected = np.maximum(table @ (low, high), 1e-9)
    return high / low, float(((counts - expected) ** 2 / variance).sum()), expected


def _round_shape(shape: _Shape, chance: float, judge: Callable[[_Shape], float]) -> _Shape:
    """Round each moment and the half-life; `chance` is the error of a span, by which the error may rise for each."""
    for name in _Shape._fields:
        least = judge(shape) + max(chance, 1.0)
        for unit in reversed(NICE_SECONDS):
            rounded = shape._replace(**{name: round(getattr(shape, name) / unit) * unit})
            if rounded.begin <= rounded.top <= rounded.end and rounded.half_life > 0 and judge(rounded) <= least:
                shape = rounded
                break
    return shape
