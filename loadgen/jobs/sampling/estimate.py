"""Draw a population of client sessions, and estimate figures with confidence intervals from a sample of them.

Rule: the web client records a session whole or not at all, by one random draw: at sample rate r it records the sessions
whose draw is below r. So the sessions recorded at a low rate are among those recorded at a higher rate, and every
interval is computed over sessions, because the values of one session are correlated. Intervals include the finite
population correction: at sample rate 1 they have no width.

One exception is not modelled: an unsampled session ends sessionLengthSeconds after its start, whatever happens in it,
and a longer visit draws again.
"""

from __future__ import annotations

from collections import defaultdict
from math import log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from loadgen import client, traffic
from loadgen.ids import draw_sampling
from loadgen.jobs.progress import OnProgress, Ticker, ignore_progress, track
from loadgen.model import Batch, Noun, Session
from loadgen.planned import planned
from loadgen.rum.events import JS_ERROR, PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.traffic import Bools, Floats, Ints
from loadgen.wire import read_vital

VITALS = ("LCP", "FCP", "TTFB", "INP", "CLS")

Z95 = 1.959964
"""Standard normal quantile of a two-sided interval of 95 %."""

SLOPE_SPAN = 0.05
"""The slope of the quantile function is taken from this share below to this share above the quantile."""

FEWEST_VALUES = 8
"""Values that the estimate of a percentile needs at least."""


class VitalColumn(NamedTuple):
    """The values of one web vital, with the client session of each value."""

    session: Ints
    value: Floats


class SessionPopulation(NamedTuple):
    """The client sessions of the drawn visits, with figures of what they send at sample rate 1."""

    visits: int  # drawn visits
    expected: float  # visits of the scenario's whole run
    duration: float  # of the run, seconds
    draw: Floats  # [session]: it is recorded at every sample rate above its draw
    views: Ints  # [session]: page views
    events: Ints  # [session]
    failed: Bools  # [session]: whether a JavaScript error occurred
    vitals: dict[str, VitalColumn]

    @property
    def sessions(self) -> int:
        """Number of client sessions."""
        return len(self.draw)

    @property
    def sessions_per_second(self) -> float:
        """Client sessions per second of the run, on average."""
        return self.sessions / max(self.visits, 1) * self.expected / self.duration


class _Columns:
    """Columns of a population that grow session by session."""

    def __init__(self) -> None:
        self.draw: list[float] = []
        self.views: list[int] = []
        self.events: list[int] = []
        self.failed: list[bool] = []
        self.vitals: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))

    def add(self, session: Session, batches: tuple[Batch, ...]) -> None:
        """Add a visit's client sessions, which the session ids of its batches distinguish."""
        by_id: dict[str, list[Batch]] = defaultdict(list)
        for batch in batches:
            by_id[batch.session_id].append(batch)
        number = 0
        for session_id, own in by_id.items():
            while client.make_session_id(session.key, number) != session_id:
                number += 1
            self._add_one(draw_sampling(session.key, number), own)

    def _add_one(self, draw: float, batches: list[Batch]) -> None:
        events = [event for batch in batches for event in batch.events]
        types = [event.type for event in events]
        for event in events:
            if (vital := read_vital(event)) is not None:
                rows, values = self.vitals[vital[0]]
                rows.append(len(self.draw))
                values.append(vital[1])
        self.draw.append(draw)
        self.views.append(types.count(PAGE_VIEW))
        self.events.append(len(types))
        self.failed.append(JS_ERROR in types)


def draw_population(
    scenario: Scenario, seed: int, most: int, on_progress: OnProgress = ignore_progress
) -> SessionPopulation:
    """Draw the visits of a run or, if they are more than `most`, one in n blocks of them."""
    expected = traffic.compute_mean_rate(scenario).expected
    columns, visits = _Columns(), 0
    share = -(-int(expected) // most) or 1
    tick = Ticker(on_progress, f"drawing {scenario.name}", expected / share, "visits")
    for session, plan in track(planned(scenario.adjust(sample_rate=1.0), seed, (0, share)), tick):
        visits += 1
        columns.add(session, plan.batches)
    vitals = {
        name: VitalColumn(
            np.array(columns.vitals[name][0], dtype=np.int64), np.array(columns.vitals[name][1], dtype=float)
        )
        for name in VITALS
    }
    return SessionPopulation(
        visits,
        expected,
        scenario.duration,
        np.array(columns.draw),
        np.array(columns.views, dtype=np.int64),
        np.array(columns.events, dtype=np.int64),
        np.array(columns.failed, dtype=bool),
        vitals,
    )


class IntervalEstimate(Noun):
    """A figure of a dashboard with its 95 % interval; None: too few sessions."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = IntervalEstimate(None, None, None)


def estimate_total(counts: Ints, rate: float) -> IntervalEstimate:
    """Estimate a sum over all sessions from the recorded ones: their sum divided by the rate."""
    whole = float(counts.sum()) / rate
    half = Z95 * sqrt(float((counts.astype(float) ** 2).sum()) * (1 - rate)) / rate
    return IntervalEstimate(whole, max(whole - half, 0.0), whole + half)


def estimate_share(some: Bools, rate: float) -> IntervalEstimate:
    """Estimate a share of the sessions (Wilson's interval with the finite population correction)."""
    number = len(some)
    if not number:
        return UNKNOWN
    share = float(some.mean())
    z = Z95 * sqrt(1 - rate)
    centre = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number)) / (1 + z * z / number)
    return IntervalEstimate(share, max(centre - half, 0.0), min(centre + half, 1.0))


def estimate_p75(vital: VitalColumn, recorded: Bools, rate: float) -> IntervalEstimate:
    """Estimate the 75th percentile of a vital from the recorded sessions (Woodruff's interval)."""
    kept = recorded[vital.session]
    session, value = vital.session[kept], np.sort(vital.value[kept])
    if len(value) < FEWEST_VALUES:
        return UNKNOWN
    found = find_quantile(value, 0.75)
    off = sum_deviations(session, vital.value[kept] <= found)
    half = Z95 * sqrt(float((off**2).sum()) * (1 - rate)) / len(value)
    return IntervalEstimate(found, find_quantile(value, 0.75 - half), find_quantile(value, 0.75 + half))


def find_quantile(ascending: Floats, share: float) -> float:
    """Return the quantile of ascending values at a share, which is limited to 0 to 1."""
    return float(np.quantile(ascending, min(max(share, 0.0), 1.0)))


def sum_deviations(session: Ints, below: Bools) -> Floats:
    """Return for each session its number of values below the 75th percentile, minus 0.75 for each of its values."""
    names, place = np.unique(session, return_inverse=True)
    return np.asarray(np.bincount(place, weights=below - 0.75, minlength=len(names)), dtype=np.float64)


class SessionVariation(NamedTuple):
    """The precision of a figure that one session gives."""

    value: float
    relative_error: float  # standard error of the figure from one session, relative; from n sessions it is this / √n


def measure_p75_variation(vital: VitalColumn, sessions: int) -> SessionVariation | None:
    """Measure one session's precision of a vital's 75th percentile (delta method on its logarithm); None if unknown."""
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
    """Measure one session's precision of a share; None if the share is 0."""
    share = float(some.mean()) if len(some) else 0.0
    return SessionVariation(share, sqrt((1 - share) / share)) if share > 0 else None


def count_needed_sessions(variation: SessionVariation, change: float, power: float) -> float:
    """Return the recorded sessions of each period that detect a relative change with this power (two-sided, 5 %)."""
    z = Z95 + NormalDist().inv_cdf(power)
    return 2 * (z * variation.relative_error / log(1 + change)) ** 2
