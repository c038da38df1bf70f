"""How long a visit's last page was looked at: no event tells it, but with what its events were sent bounds it.

Rule: the client sends a page's layout shift (CLS) when the page is hidden, and all else at its next tick, each few
seconds from its start, or when the page is hidden if that is earlier (aws-rum-web, dispatch/Dispatch.ts). So each batch
of a page watches the time from its first event to the tick after that: the page was left meanwhile if the CLS is in the
batch, and was still there at the tick if not. Between a tick and the next event nothing is known, nor is it of browsers
without CLS. A page that was hidden and came back passes for one that was left.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.dwell_laws import LEAST, SHAPE, SHAPES, DwellLaw
from loadgen.jobs.fit.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_views, spread_first
from loadgen.rum import events as rum

SAMPLED = 3_000
"""Watches to which a law is fitted."""

USUAL_SCALE, SURE_SCALE, SURE_SHAPE = 35.0, 2.0, 0.4
"""What is known before: the scale of the format's own laws in seconds, and by how many e-foldings scales and shapes of
sites differ from those (our choice). It decides where the watches leave much open."""

SCALES, SHAPED = np.exp(np.linspace(log(0.1), log(3_600), 64)), np.exp(np.linspace(log(SHAPES[0]), log(SHAPES[1]), 25))
STRAY = 1e-3
"""Share of the watches that may be wrong: clocks jump."""

BRIEF = 0.5
"""Part of the pages that were left while they were watched from which loads tell how long they were looked at, too."""

MOST_LOADS = 0.8
"""Part of the loads in whose time a page was left that has none."""

SHORTEST = 0.05
"""Seconds for which a page is looked at, at least, where it was left before it was painted."""


class Watches(NamedTuple):
    """During which time it is known of last pages whether they were left; a row a batch, seconds from when it was
    painted on."""

    view: Ints  # row of Visits
    begin: Floats  # it was there
    least: Floats  # it still was
    most: Floats  # it was left; infinite: not meanwhile

    def choose(self, chosen: Bools) -> Watches:
        """A part of them."""
        return Watches(self.view[chosen], self.begin[chosen], self.least[chosen], self.most[chosen])

    @property
    def left(self) -> int:
        """How many pages were left meanwhile."""
        return int(np.isfinite(self.most).sum())


def list_watches(recorded: Recorded, visits: Visits, times: tuple[Floats, Floats], interval: float) -> Watches:
    """The watches of last pages that were loaded once and have a CLS; where most were left soon, with what loads tell.

    `times`: milliseconds after each view's start at which the client was ready, and at which the page was painted;
    `interval`: seconds between ticks.
    """
    watches = watch_last_pages(recorded, visits, times, interval)
    soon = watches.left > BRIEF * len(np.unique(watches.view))
    return note_loads(watches, recorded, visits, times[1]) if soon else watches


def watch_last_pages(recorded: Recorded, visits: Visits, times: tuple[Floats, Floats], interval: float) -> Watches:
    """The same by batches alone."""
    events, size = recorded.events, len(visits.page)
    view = find_views(recorded, visits, np.arange(len(events.at)))
    shifts = recorded.rows_of(rum.CLS)
    hidden = np.full(size + 1, -1)  # the batch of each view's CLS, of several the last one: rows are in order of time
    hidden[view[shifts]] = events.batch[shifts]
    able = np.append(visits.last & visits.ended & visits.hard & (visits.loads <= 1), False) & (hidden >= 0)
    kept = [recorded.find_type(name) for name in rum.HELD_UNTIL_HIDDEN]
    rows = np.flatnonzero(able[view] & (events.batch >= 0) & ~np.isin(events.type, kept))
    batch, place = np.unique(events.batch[rows], return_inverse=True)
    owner = np.zeros(len(batch), dtype=np.int64)
    owner[place] = view[rows]
    since = events.at[rows] - visits.at[view[rows]]
    first, last = np.full(len(batch), np.inf), np.zeros(len(batch))
    np.minimum.at(first, place, since)
    np.maximum.at(last, place, since)
    tick = (np.floor(np.maximum(first, 0) / interval) + 1) * interval
    left = hidden[owner] == batch
    loading = ((times[1] - times[0]) / 1000)[owner]
    begin = np.maximum(first - loading, 0.0)
    least = np.maximum(np.where(left, last - 1, tick) - loading, begin)  # whole seconds: the page may be younger by one
    most = np.where(left, np.maximum(tick - loading, least + SHORTEST), np.inf)
    return Watches(owner, begin, least, most).choose(least + left > 0)


def note_loads(watches: Watches, recorded: Recorded, visits: Visits, painted: Floats) -> Watches:
    """The same where a load that came to its end tells by its own times how long the page was there at least.

    A page without such a load was left before: in about the time that most loads take.
    """
    rows, owner = recorded.loads.event, watches.view
    loaded = spread_first(visits, find_views(recorded, visits, rows), recorded.events.value[rows])
    rest = (loaded[owner] - painted[owner]) / 1000
    whole = np.isfinite(rest)
    if not whole.any():
        return watches
    least = np.where(whole, np.maximum(watches.least, rest), watches.least)
    soon = np.where(whole, watches.most, np.minimum(watches.most, np.quantile(rest[whole], MOST_LOADS)))
    return watches._replace(least=least, most=np.maximum(soon, least + SHORTEST))


def fit_watches(watches: Watches) -> DwellLaw | None:
    """The most likely Weibull law; None where too few pages were left while they were watched."""
    if watches.left < LEAST:
        return None
    found = [(*_find_scale(watches, shape), shape) for shape in SHAPED.tolist()]
    likely = [value - (log(shape / SHAPE) / SURE_SHAPE) ** 2 / 2 for value, _, shape in found]
    _, scale, shape = found[int(np.argmax(likely))]
    return DwellLaw("weibull", scale, shape, watches.left, 0.0, bounded=True)


def _find_scale(watches: Watches, shape: float) -> tuple[float, float]:
    """How likely the watches are with the best scale, and that scale."""
    step = max(len(watches.view) // SAMPLED, 1)
    sample = watches.choose(np.arange(len(watches.view)) % step == 0)
    scales, width = SCALES, float(np.log(SCALES[1] / SCALES[0]))
    for _ in range(2):
        likely = [_find_likelihood(sample, scale, shape) for scale in scales.tolist()]
        best = int(np.argmax(likely))
        value, scale = likely[best], float(scales[best])
        scales = scale * np.exp(np.linspace(-width, width, 9))
    return value, scale


def _find_likelihood(watches: Watches, scale: float, shape: float) -> float:
    begin, least, most = ((each / scale) ** shape for each in watches[1:])
    inside = np.exp(begin - least) - np.exp(begin - most)
    return float(np.log(STRAY + (1 - STRAY) * inside).sum()) - (log(scale / USUAL_SCALE) / SURE_SCALE) ** 2 / 2
