"""Bound how long a visit's last page was looked at, and fit laws to the bounds: no event has the time itself.

Rule: the client sends a page's layout shift (CLS) when the page is hidden. It sends all other events at its next tick,
every few seconds from its start, or when the page is hidden if that is earlier (aws-rum-web, dispatch/Dispatch.ts). So
each batch of a page watches the time from its first event to the next tick: if the batch has the CLS, the page was left
in that time, otherwise it was still there at the tick. Between a tick and the next event nothing is known, and nothing
at all in browsers without CLS. A page that was hidden and shown again counts as left. A page after a route change shows
nothing, because the CLS belongs to the page that was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.dwell_laws import LEAST, SHAPE, SHAPES, DwellLaw, draw_times
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, mark, pick_rows
from loadgen.jobs.fit.visits.cuts import span_groups
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

OF_LOAD = (rum.SESSION_START, rum.PAGE_VIEW, rum.NAVIGATION, rum.RESOURCE, rum.FCP, rum.TTFB)
"""Events of a load. Without cookies a link may end a last page, and then other events come with the click on it."""

SAMPLED = 3_000
"""Watches to which a law is fitted at most."""

USUAL_SCALE, SURE_SCALE, SURE_SHAPE = 35.0, 2.0, 0.4
"""The prior: the scale of the format's default laws in seconds, and the standard deviations of the logarithms of sites'
scales and shapes around them (our choice). It decides if the watches leave much open."""

SCALES, SHAPED = np.exp(np.linspace(log(0.1), log(3_600), 64)), np.exp(np.linspace(log(SHAPES[0]), log(SHAPES[1]), 25))
STRAY = 1e-3
"""Share of the watches that may be wrong, because clocks jump."""

BRIEF = 0.5
"""Share of pages left while they were watched from which load times are used as bounds too."""

A_LAW = 15.0
"""Logarithm of likelihood that a page's own law must gain over the usual law: of 20 pages of shipped
scenarios that have none, one gains 10.4 and the others less than 5; two that have one gain 47 and 1,796."""

MOST_LOADS = 0.8
"""A page that was left before its load ended was left within this quantile of the load times."""

SHORTEST = 0.05
"""Least seconds on a page, for a page that was left before it was painted."""

MOSTLY = 0.5
"""Share of a page's first inputs that end it, from which such inputs give times on the page."""

EVENLY = 0.618034
"""A step by which numbers between 0 and 1 are spread evenly."""


class Watches(NamedTuple):
    """Times in which it is known whether a last page was left: one row for each batch, in seconds from the paint."""

    view: Ints  # row of Visits
    begin: Floats  # the page was shown
    least: Floats  # the page was still shown
    most: Floats  # the page was left by then; infinite: it was not left while watched

    def sample(self) -> Watches:
        """Return an even selection of about SAMPLED watches."""
        return pick_rows(self, slice(None, None, max(len(self.view) // SAMPLED, 1)))

    @property
    def left(self) -> int:
        """Number of pages that were left while they were watched."""
        return int(np.isfinite(self.most).sum())


class LastPages:
    """The watches of visits' last pages, and the laws that fit them.

    `times`: milliseconds after each view's start at which the client was ready, and at which the page was painted;
    `interval`: seconds between ticks.
    """

    def __init__(self, recorded: Recorded, visits: Visits, times: tuple[Floats, Floats], interval: float) -> None:
        self._recorded, self._visits, self._painted = recorded, visits, times[1]
        self._watches = watch_last_pages(recorded, visits, times, interval)

    def list_watches(self, chosen: Bools) -> Watches:
        """Return the watches of the chosen views; if most pages were left soon, load times narrow their bounds."""
        watches = pick_rows(self._watches, chosen[self._watches.view])
        soon = watches.left > BRIEF * len(np.unique(watches.view))
        return narrow_by_loads(watches, self._recorded, self._visits, self._painted) if soon else watches

    def fit_different(self, pages: Iterable[int], laws: Sequence[tuple[Bools, DwellLaw | None]]) -> dict[int, DwellLaw]:
        """Fit laws to the pages that significantly differ from the usual laws, which are given with their views."""
        usual = [(views, draw_times(law)) for views, law in laws if law is not None]
        found = {}
        for page in pages:
            watches = self.list_watches(self._visits.page == page)
            if (law := fit_watches(watches)) is None:
                continue
            sample = watches.sample()
            others = sum(measure_likelihood(pick_rows(sample, views[sample.view]), times) for views, times in usual)
            if usual and measure_likelihood(sample, draw_times(law)) > others + A_LAW:
                found[page] = law
        return found


def watch_last_pages(recorded: Recorded, visits: Visits, times: tuple[Floats, Floats], interval: float) -> Watches:
    """Make the watches of last pages that were loaded once and have a CLS, from batches alone."""
    events, size = recorded.events, len(visits.page)
    view = visits.of_event
    shifts = recorded.find_rows(rum.CLS)
    hidden = np.full(size + 1, -1)  # [view]: batch of its last CLS (rows are in order of time)
    hidden[view[shifts]] = events.batch[shifts]
    able = np.append(visits.last & visits.ended & visits.hard & (visits.loads <= 1), False) & (hidden >= 0)
    linked = bool((recorded.sessions.user < 0).all())
    telling = mark(len(view), recorded.find_rows(*(OF_LOAD if linked else rum.HELD_UNTIL_HIDDEN)))
    rows = np.flatnonzero(able[view] & (events.batch >= 0) & (telling == linked))
    batch, place = np.unique(events.batch[rows], return_inverse=True)
    owner = np.zeros(len(batch), dtype=np.int64)
    owner[place] = view[rows]
    since = events.at[rows] - visits.at[view[rows]]
    first, last = span_groups(place, since, len(batch))
    last = np.maximum(last, 0.0)
    tick = (np.floor(np.maximum(first, 0) / interval) + 1) * interval
    left = hidden[owner] == batch
    loading = ((times[1] - times[0]) / 1000)[owner]
    begin = np.maximum(first - loading, 0.0)
    least = np.maximum(np.where(left, last - 1, tick) - loading, begin)  # whole seconds: the page may be younger by one
    most = np.where(left, np.maximum(tick - loading, least + SHORTEST), np.inf)
    return pick_rows(Watches(owner, begin, least, most), least + left > 0)


def narrow_by_loads(watches: Watches, recorded: Recorded, visits: Visits, painted: Floats) -> Watches:
    """Narrow the bounds by load times: a page whose load ended was shown at least until then.

    A page whose load did not end was left before, within the time that most loads take.
    """
    rows, owner = recorded.loads.event, watches.view
    loaded = visits.spread_first(rows, recorded.events.value[rows])
    rest = (loaded[owner] - painted[owner]) / 1000
    whole = np.isfinite(rest)
    if not whole.any():
        return watches
    least = np.where(whole, np.maximum(watches.least, rest), watches.least)
    soon = np.where(whole, watches.most, np.minimum(watches.most, np.quantile(rest[whole], MOST_LOADS)))
    return watches._replace(least=least, most=np.maximum(soon, least + SHORTEST))


def fit_watches(watches: Watches) -> DwellLaw | None:
    """Fit the most likely Weibull law; None: too few pages were left while they were watched."""
    if watches.left < LEAST:
        return None
    found = [(*_find_scale(watches, shape), shape) for shape in SHAPED.tolist()]
    likely = [value - (log(shape / SHAPE) / SURE_SHAPE) ** 2 / 2 for value, _, shape in found]
    _, scale, shape = found[int(np.argmax(likely))]
    return DwellLaw("weibull", scale, shape, watches.left, 0.0, bounded=True)


def _find_scale(watches: Watches, shape: float) -> tuple[float, float]:
    """Find the best scale for a shape; return the logarithm of its likelihood, and the scale."""
    sample = watches.sample()
    scales, width = SCALES, float(np.log(SCALES[1] / SCALES[0]))
    for _ in range(2):
        likely = []
        for tried in scales.tolist():
            begin, least, most = ((each / tried) ** shape for each in sample[1:])
            inside = np.log(STRAY + (1 - STRAY) * (np.exp(begin - least) - np.exp(begin - most)))
            likely.append(float(inside.sum()) - (log(tried / USUAL_SCALE) / SURE_SCALE) ** 2 / 2)
        best = int(np.argmax(likely))
        value, scale = likely[best], float(scales[best])
        scales = scale * np.exp(np.linspace(-width, width, 9))
    return value, scale


def measure_likelihood(watches: Watches, times: Floats) -> float:
    """Return the logarithm of the watches' likelihood if times on pages have this distribution (ascending)."""
    share = np.linspace(1, 0, len(times))
    begin, least, most = (np.interp(each, times, share, left=1, right=0) for each in watches[1:])
    return float(np.log(STRAY + (1 - STRAY) * (least - most) / np.maximum(begin, 1e-9)).sum())


def find_parting_clicks(recorded: Recorded, visits: Visits) -> Floats:
    """Return for each last page the seconds from its start to the last input that was sent as it was hidden; NaN: none.

    If every load is a visit (no cookies), this input is mostly the click on a link to the next page. If clicks are not
    recorded, only the first input is; it is used for pages that are mostly left with it.
    """
    events, clicks = recorded.events, rum.DOM in recorded.types
    hidden = mark(int(events.batch.max(initial=-1)) + 2, events.batch[recorded.find_rows(rum.CLS)])
    rows = recorded.find_rows(rum.DOM if clicks else rum.FID)
    view = visits.of_event[rows]
    known = (view >= 0) & (visits.last & visits.ended)[view]
    rows, view = rows[known], view[known]
    page, parting = visits.page[view], hidden[events.batch[rows]]
    share = np.bincount(page, parting) / np.maximum(np.bincount(page), 1)
    chosen = parting & (clicks | (share > MOSTLY)[page])
    found = np.full(len(visits.page), np.nan)
    np.fmax.at(found, view[chosen], events.at[rows[chosen]])
    between = np.arange(len(found)) * EVENLY % 1 - 0.5  # times are whole seconds
    return found - visits.at + between
