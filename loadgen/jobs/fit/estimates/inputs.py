"""The rate at which visitors click and type while they look at a page: a measure in the data, and its correction.

Rule: links are clicked whatever the rate is, so the measure is not proportional to the rate. Bursts of clicks (rage
clicks) are counted apart. If clicks are not recorded, the first inputs of loads give the measure.
"""

from __future__ import annotations

from math import isfinite, log

import numpy as np

from loadgen.jobs.fit.estimates.dwell import find_kinds, measure_dwells
from loadgen.jobs.fit.estimates.estimate import Seen
from loadgen.jobs.fit.estimates.tabs import CHROMIUM
from loadgen.jobs.fit.reading.metadata import WEB_VIEW
from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded
from loadgen.rum import events as rum

BLINK = CHROMIUM | {WEB_VIEW}
"""Browsers that report no target of some first inputs."""

FEW = 30
"""Times on pages that are needed to use their mean; with fewer, the mean of the think time laws is used."""

LEAST_MINUTES = 0.05
"""Shortest mean view in minutes by which a correction of the rate is divided, so that no step is too large."""

BURST = 3
"""Clicks on one element within a second that make a burst (Contentsquare's rage clicks)."""

LARGEST = 3.0
"""The largest factor by which one round corrects a rate."""


def guess_inputs(seen: Seen, usual: float = 0.0) -> float:
    """Guess the rate of inputs per minute as if no input were a click on a link. Rounds of correction start there."""
    return max(count_inputs(seen) / find_minutes(seen, usual), 1e-3)


def correct_inputs(rate: float, missing: float) -> float:
    """Return the next rate of inputs: the rate plus the missing inputs per minute, within one round's bound."""
    return max(rate * bound(max(rate + missing, 0.0) / rate), 1e-3)


def find_minutes(seen: Seen, usual: float = 0.0) -> float:
    """Return how much the measure of inputs grows with their rate per minute.

    That is the mean minutes of a view or, if clicks are not recorded, of a load without input in a browser that
    measures inputs; `usual` if too few times are known.
    """
    dwells = measure_dwells(seen.recorded, seen.visits)
    if len(dwells.view) < FEW:
        return max(usual, LEAST_MINUTES)
    if not len(seen.recorded.find_rows(rum.DOM)):
        told = np.zeros(len(seen.visits.page), dtype=bool)
        told[seen.loads.view[np.isfinite(seen.loads.delay)]] = True
        kind = find_kinds(seen.recorded, seen.visits)
        able = np.isin(kind, np.unique(kind[told]))
        quiet = ~told[dwells.view] & seen.visits.hard[dwells.view]
        lengths = np.where(able[dwells.view], dwells.seconds, 0.0)[quiet]
    else:
        lengths = dwells.seconds
    return max(float(lengths.mean()) / 60 if len(lengths) else 0.0, LEAST_MINUTES)


def count_inputs(seen: Seen) -> float:
    """Measure inputs: clicks per view if they are recorded, else minus the log of the share of loads without input."""
    views = max(len(seen.visits.page), 1)
    clicks, bursts = find_bursts(seen.recorded)
    if len(clicks):
        return max(float((~bursts).sum()) / views, 1e-6)
    share = float(np.isfinite(seen.loads.delay).mean()) if len(seen.loads.delay) else 0.0
    return -log(1 - min(max(share, 1e-4), 0.95))


def find_bursts(recorded: Recorded) -> tuple[Ints, Bools]:
    """Return the rows of clicks, sorted by session, page and element, and whether each belongs to a burst."""
    events, rows = recorded.events, recorded.find_rows(rum.DOM)
    rows = rows[np.lexsort((events.at[rows], events.key[rows], events.number[rows], events.session[rows]))]
    who = np.stack((events.session[rows], events.number[rows], events.key[rows]))
    begins = np.zeros(len(rows), dtype=bool)
    begins[: -(BURST - 1)] = (who[:, BURST - 1 :] == who[:, : -(BURST - 1)]).all(axis=0) & (
        events.at[rows[BURST - 1 :]] - events.at[rows[: -(BURST - 1)]] <= 1
    )
    bursts = begins.copy()
    for step in range(1, BURST):
        bursts[step:] |= begins[:-step]
    return rows, bursts


def find_named_inputs(seen: Seen) -> tuple[int, int]:
    """Count the first inputs by pointer that name their target, and all of them, in Chromium browsers.

    These browsers name the target if a script listens for pointer events.
    """
    recorded, rows = seen.recorded, seen.recorded.find_rows(rum.FID)
    able = np.array([word in BLINK for word in recorded.words] + [False])[recorded.sessions.browser]
    codes = recorded.events.code[rows[able[recorded.events.session[rows]]]]
    return int((codes == 1).sum()), int(np.isfinite(codes).sum())


def bound(ratio: float) -> float:
    """Limit a correction to the factor of one round; NaN and infinity give 1."""
    return float(np.clip(ratio, 1 / LARGEST, LARGEST)) if isfinite(ratio) else 1.0
