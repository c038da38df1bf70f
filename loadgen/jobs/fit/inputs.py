"""How often visitors click and type while they look at a page: what shows of it, and the rate behind that.

Rule: links are clicked whatever the rate, so what shows is no multiple of it, and bursts of clicks in anger are counted
by themselves. Where clicks are not recorded, the first input of a load tells of the others.
"""

from __future__ import annotations

from math import isfinite, log

import numpy as np

from loadgen.jobs.fit.dwell import find_kinds, measure_dwells
from loadgen.jobs.fit.estimate import Seen
from loadgen.jobs.fit.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.tabs import CHROMIUM
from loadgen.rum import events as rum

FEW = 30
"""Times on pages from which they tell how long pages are looked at; else it is taken from the laws."""

LEAST_MINUTES = 0.05
"""Of a view, when the rate of inputs is corrected: where views are shorter, so is the step."""

BURST = 3
"""Clicks within a second that are a burst (Contentsquare's rage clicks)."""

LARGEST = 3.0
"""A round corrects by this factor at most."""


def guess_inputs(seen: Seen, usual: float = 0.0) -> float:
    """The rate of inputs if none were clicks on links: a round corrects by a factor, so the first must be near."""
    return max(count_inputs(seen) / find_minutes(seen, usual), 1e-3)


def correct_inputs(rate: float, missing: float) -> float:
    """The next rate of inputs: links are clicked whatever the rate, so it moves by what a minute lacks."""
    return max(rate * bound(max(rate + missing, 0.0) / rate), 1e-3)


def find_minutes(seen: Seen, usual: float = 0.0) -> float:
    """By how much the measure of inputs grows with their rate: the minutes of a view, or of a load without an input,
    if its browser measures them; `usual` where too few times are known."""
    dwells = measure_dwells(seen.recorded, seen.visits)
    if len(dwells.view) < FEW:
        return max(usual, LEAST_MINUTES)
    if not len(seen.recorded.rows_of(rum.DOM)):
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
    """A measure of inputs: clicks a view where they are recorded, else the odds of a load's first input."""
    views = max(len(seen.visits.page), 1)
    clicks, bursts = find_bursts(seen.recorded)
    if len(clicks):
        return max(float((~bursts).sum()) / views, 1e-6)
    share = float(np.isfinite(seen.loads.delay).mean()) if len(seen.loads.delay) else 0.0
    return -log(1 - min(max(share, 1e-4), 0.95))


def find_bursts(recorded: Recorded) -> tuple[Ints, Bools]:
    """The clicks, by who clicked what, and which of them are of a burst on one element, within a second."""
    events, rows = recorded.events, recorded.rows_of(rum.DOM)
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
    """How many first inputs by pointer tell their target, of how many, in browsers that tell it where a script listens
    for pointer events."""
    recorded, rows = seen.recorded, seen.recorded.rows_of(rum.FID)
    able = np.array([word in CHROMIUM for word in recorded.words] + [False])[recorded.sessions.browser]
    codes = recorded.events.code[rows[able[recorded.events.session[rows]]]]
    return int((codes == 1).sum()), int(np.isfinite(codes).sum())


def bound(ratio: float) -> float:
    """A correction that is not larger than one round may make."""
    return float(np.clip(ratio, 1 / LARGEST, LARGEST)) if isfinite(ratio) else 1.0
