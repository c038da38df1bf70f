"""Fit laws of think times: how long pages are looked at, by device, and on pages that differ from the others.

Rule: a page's time is the client's own figure, from one page view to the next (`timeOnParentPage`), minus the time in
which the pages loaded. The last page of a visit has no such time: it is left out, which causes no bias as long as
leaving does not depend on the time. If too few other times of the site or page are known, `last_pages` uses last pages
too. A time includes time in a hidden tab; `calibrate` corrects means and spreads for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.dwell_laws import LEAST, DwellLaw, compute_distance, fit_law
from loadgen.jobs.fit.estimates.last_pages import LastPages, find_parting_clicks, fit_watches
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.cuts import LOST, LOST_PART, find_roomy, is_limited
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

ANOTHER, A_LAW = 0.08, 7.6
"""A page has its own law if its times have at least this Kolmogorov distance from the usual ones, and the law explains
at least this much: the squared distance times the number, over both devices (chance exceeds 3.8 once in a thousand)."""

BASES, SAMPLED = 6, 1_500
"""Pages that are tried as the usual page at most; times of a page and device that are compared at most."""


class Dwells(NamedTuple):
    """The known times on pages, in seconds."""

    view: Ints  # row of Visits
    seconds: Floats


class HiddenTabs(NamedTuple):
    """The share of views whose tab is hidden for a while, and the loads that it was estimated from."""

    share: float
    loads: int


def measure_dwells(recorded: Recorded, visits: Visits) -> Dwells:
    """Measure the times on pages, without the time of loading."""
    ready, seen = find_ready(recorded, visits)
    view = np.flatnonzero(np.isfinite(visits.spent) & (visits.loads <= 1))
    after = np.minimum(view + 1, len(ready) - 1)
    loading = seen[view] - ready[view] + ready[after]
    return Dwells(view, np.maximum((visits.spent[view] - loading) / 1000, 0.05))


def add_parting_clicks(dwells: Dwells, recorded: Recorded, visits: Visits) -> Dwells:
    """Add, for sessions without cookies, the times that ended with a click which led to the next load."""
    ready, seen = find_ready(recorded, visits)
    seconds = find_parting_clicks(recorded, visits) - (seen - ready) / 1000
    view = np.flatnonzero(np.isfinite(seconds) & (recorded.sessions.user < 0)[visits.session])
    return Dwells(np.append(dwells.view, view), np.append(dwells.seconds, np.maximum(seconds[view], 0.05)))


def find_ready(recorded: Recorded, visits: Visits) -> tuple[Floats, Floats]:
    """Return for each view the ms from its start until the client recorded it, and until its paint; 0 for routes."""
    loads, paints = recorded.loads, recorded.find_rows(rum.FCP)
    ready = visits.spread_first(loads.event, loads.interactive)
    seen = visits.spread_first(paints, recorded.events.value[paints])
    ready = np.where(np.isfinite(ready), ready, seen)
    for times in (ready, seen):
        missing = visits.hard & ~np.isfinite(times)
        times[missing] = np.nanmedian(times) if np.isfinite(times).any() else 0.0
        times[~visits.hard] = 0.0
    return ready, np.maximum(seen, ready)


def find_hidden_tabs(recorded: Recorded, visits: Visits) -> HiddenTabs | None:
    """Estimate how often tabs are hidden; None: too few loads.

    LCP is recorded at the first input or when the page is hidden, so a load with LCP and without input was hidden.
    """
    first_input, largest = (visits.mark(recorded.find_rows(name)) for name in (rum.FID, rum.LCP))
    kind = find_kinds(recorded, visits)
    able = np.isin(kind, np.unique(kind[first_input]))  # browsers that measure both
    quiet = visits.hard & able & ~first_input & (visits.loads == 1)
    if not first_input.any() or quiet.sum() < 10 * LEAST:
        return None
    return HiddenTabs(float(largest[quiet].mean()), int(quiet.sum()))


def find_kinds(recorded: Recorded, visits: Visits) -> Ints:
    """Return a number for each view's browser and version, on which it depends whether inputs are measured."""
    kinds: Ints = (recorded.sessions.browser * 100_003 + recorded.sessions.version)[visits.session]
    return kinds


class DwellLaws(NamedTuple):
    """The think time laws of a site."""

    desktop: DwellLaw | None
    mobile: DwellLaw | None
    pages: dict[int, DwellLaw]  # laws of the pages that differ
    hidden: HiddenTabs | None


class CutTimes(NamedTuple):
    """Times on pages under an event limit: one row for each view with a known time or a known least time."""

    view: Ints  # row of Visits
    seconds: Floats
    known: Bools  # False: the limit came after `seconds`, and the page was still looked at
    weight: Floats


def restore_long_times(recorded: Recorded, visits: Visits, mobile: Bools, limit: int, dwells: Dwells) -> Dwells:
    """Return the times as they would be without the event limit, which comes before long times end.

    Each page and kind of device keeps the number of its times that views with room have.
    """
    ready, seen = find_ready(recorded, visits)
    seconds = np.full(len(visits.page), np.nan)
    seconds[dwells.view] = dwells.seconds
    times = list_cut_times(recorded, visits, limit, seconds, (seen - ready) / 1000)
    roomy = find_roomy(recorded, visits, limit)[times.view]
    group = 2 * visits.page[times.view] + mobile[visits.session[times.view]]
    restored = np.full(len(times.view), np.nan)
    for each in np.unique(group[times.known & roomy]).tolist():
        own = roomy & (group == each)
        restored[own & times.known] = spread_evenly(times, own)
    kept = np.isfinite(restored)
    return Dwells(times.view[kept], restored[kept])


def fit_dwells(recorded: Recorded, visits: Visits, mobile: Bools, interval: float, limit: int = 0) -> DwellLaws:
    """Fit the laws by device, and the laws of the pages whose times differ.

    `mobile`: sessions on mobiles and tablets; `interval`: seconds between the client's dispatches; `limit`: events of a
    session, 0: no limit.
    """
    times = measure_dwells(recorded, visits)
    if is_limited(recorded, limit) and (recorded.sessions.user >= 0).any():
        times = restore_long_times(recorded, visits, mobile, limit, times)
    dwells = add_parting_clicks(times, recorded, visits)
    hidden = find_hidden_tabs(recorded, visits)
    away = hidden.share if hidden else 0.0
    page, small = visits.page[dwells.view], mobile[visits.session[dwells.view]]
    different = find_different_pages(page, small, dwells.seconds)
    if rum.DOM not in recorded.types:  # pages that are left with their first input differ from the others
        clicked = np.bincount(page[len(times.view) :])
        different = sorted({*different, *np.flatnonzero(clicked >= LEAST).tolist()})
    usual = ~np.isin(page, different)
    last = LastPages(recorded, visits, find_ready(recorded, visits), interval)
    seen = np.bincount(visits.page)
    unknown = np.flatnonzero(np.bincount(page, minlength=len(seen)) < LEAST).tolist()
    own: dict[int, DwellLaw] = {}
    for _ in range(2):
        rest, laws = ~np.isin(visits.page, [*different, *own]), []
        for group, device in ((~small, ~mobile), (small, mobile)):
            law, views = fit_law(dwells.seconds[usual & group], away), device[visits.session]
            if law is None or law.number < LEAST:
                law = fit_watches(last.list_watches(views & rest)) or law
            laws.append((views, law))
        known = not any(law is not None and law.bounded for _, law in laws)
        own = last.fit_different([each for each in unknown if known or seen[each] < seen.max()], laws)
        if known:
            break  # otherwise the usual laws were fitted to these pages, or to the busiest one
    own |= {each: law for each in different if (law := fit_law(dwells.seconds[page == each], away)) is not None}
    return DwellLaws(laws[0][1], laws[1][1], own, hidden)


Samples = dict[int, tuple[Floats, ...]]
"""[page]: some of its times on desktops, and some on mobiles."""


def find_different_pages(page: Ints, small: Bools, seconds: Floats) -> list[int]:
    """Find the pages that have their own law, which is the same on all devices.

    A scenario has one law by device for all usual pages. The usual pages are searched from each of the busiest pages
    on; the choice that leaves least unexplained is taken.
    """
    counts = np.bincount(page)
    pages = [each for each in np.argsort(-counts, kind="stable").tolist() if counts[each] >= 4 * LEAST]
    samples = {each: tuple(own[:: max(len(own) // SAMPLED, 1)]
                           for own in (seconds[(page == each) & (small == device)] for device in (False, True)))
               for each in pages}  # fmt: skip
    alone = {each: _judge_law(samples[each], (np.concatenate(samples[each]),) * 2)[0] for each in pages}
    tried = [_choose_usual(samples, alone, base) for base in pages[:BASES]]
    return min(tried, key=lambda each: each[0])[1] if tried else []


def _choose_usual(samples: Samples, alone: dict[int, float], base: int) -> tuple[float, list[int]]:
    """Return what stays unexplained if the usual pages are those like `base`, and the pages unlike it."""
    usual, left = [base], 0.0
    for _ in range(2):
        pooled = [np.concatenate([samples[each][device] for each in usual]) for device in (0, 1)]
        judged = {each: _judge_law(times, pooled) for each, times in samples.items()}
        others = [each for each, (cost, distance) in judged.items()
                  if each != base and distance > ANOTHER and alone[each] + A_LAW < cost]  # fmt: skip
        usual = [each for each in samples if each not in others]
        left = sum(alone[each] + A_LAW if each in others else judged[each][0] for each in samples)
    return left, sorted(others)


def _judge_law(times: Iterable[Floats], laws: Iterable[Floats]) -> tuple[float, float]:
    """Return how significantly a page's times differ from a law, summed over devices, and the largest distance."""
    cost, largest = 0.0, 0.0
    for own, law in zip(times, laws, strict=True):
        if len(own) >= LEAST and len(law) >= LEAST:
            distance = compute_distance(own, law)
            cost += distance**2 * len(own) * len(law) / (len(own) + len(law))
            largest = max(largest, distance)
    return cost, largest


def list_cut_times(recorded: Recorded, visits: Visits, limit: int, seconds: Floats, painted: Floats) -> CutTimes:
    """List the known times on pages, and the least times of views during which the limit came.

    `seconds`: [view] the time on the page, NaN: unknown; `painted`: [view] seconds from its recording to its paint.

    The limit is taken to be a little lower than it is: then the events with which a page ends do not decide whether its
    time is known. A cut view weighs as much as views of its page that do have a time in the end: others are left out,
    because they ended with a visit or a reload.
    """
    events, least = recorded.events, int(limit - min(LOST, LOST_PART * limit))
    begins = np.searchsorted(events.session, np.arange(len(recorded.sessions.user)))
    number = np.bincount(events.session, minlength=len(begins))
    reached = np.where(number >= least, events.at[np.minimum(begins + least - 1, len(events.at) - 1)], np.inf)
    rest = reached[visits.session] - visits.at
    timed = np.isfinite(seconds)
    left = np.where(visits.last, np.where(visits.ended, 0.0, np.inf), np.floor(painted + np.where(timed, seconds, 0.0)))
    decided = (rest >= 0) & (left <= rest)
    known = decided & timed
    cut = (rest >= 0) & ~decided & (visits.loads <= 1) & np.isfinite(rest)
    pages = int(visits.page.max(initial=-1)) + 1
    share = np.bincount(visits.page, known, pages) / np.maximum(np.bincount(visits.page, decided, pages), 1)
    view = np.flatnonzero(known | cut)
    times = np.where(known, seconds, np.maximum(rest - painted, 0.05))
    return CutTimes(view, times[view], known[view], np.where(known, 1.0, share[visits.page])[view])


def spread_evenly(times: CutTimes, chosen: Bools) -> Floats:
    """Return as many times as are known of the chosen rows, spread as all of them are (Kaplan and Meier 1958)."""
    order = np.flatnonzero(chosen)
    order = order[np.lexsort((~times.known[order], times.seconds[order]))]
    known, weight = times.known[order], times.weight[order]
    at_risk = weight[::-1].cumsum()[::-1]
    passed = 1 - np.cumprod(1 - np.where(known, weight / at_risk, 0.0))
    number = int(known.sum())
    share = (np.arange(number) + 0.5) / max(number, 1)
    return times.seconds[order][known][np.minimum(np.searchsorted(passed[known], share), number - 1)]
