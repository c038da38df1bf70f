"""Who came: countries, devices, browsers, and those who came again.

Rule: a visitor who has been here before lands with files of the site in the browser's cache. How many these files are
is read off the users who came earlier in the data; then the cached files of all landings tell the share of returning
visitors, most of whom were last here before the data. How often the same user comes twice tells among how many people
they are. Where too few users come twice, the share rests on the format's own cache.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, get_args

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_spans, find_views
from loadgen.rum import events as rum
from loadgen.scenario import Browser, Telemetry

KNOWN_BROWSERS = frozenset(get_args(Browser))
MOST_PEOPLE = 1_000_000

FEWEST_FILES, FEWEST_KNOWN = 3, 50
"""Files of a landing from which its cache is judged; landings of known users from which their cache is."""


class VisitorCounts(NamedTuple):
    """Counts of sessions, and what of it the scenario cannot say."""

    countries: Counter[str]
    by_language: bool  # the countries are those of the languages, for want of better
    devices: Counter[str]
    browsers: Counter[str]
    other_browsers: Counter[str]
    systems: Counter[str]
    versions: Counter[str]
    languages: Counter[str]


class Returning(NamedTuple):
    """Who has been here before."""

    share: float | None  # of the sessions; None: not to be seen
    error: float  # its standard error
    landings: int  # on which it stands
    known: int  # of these, landings of users who came earlier in the data
    people: int | None  # among whom they are
    pairs: int  # visits of the same user, two by two, on which that stands
    cached_again: float | None  # share of a returning visitor's files that come from the cache
    cached_later: float | None  # share on later pages


def count_people(recorded: Recorded) -> VisitorCounts:
    """Count sessions by what is known of their visitors."""
    people = recorded.sessions

    def count(column: Ints) -> Counter[str]:
        places = np.bincount(column[column >= 0], minlength=len(recorded.words))
        return Counter({recorded.words[place]: int(places[place]) for place in np.flatnonzero(places).tolist()})

    browsers, languages, countries = count(people.browser), count(people.language), count(people.country)
    by_language = not countries
    if by_language:
        for language, number in languages.items():
            region = language.replace("_", "-").rpartition("-")[2]
            if len(region) == 2 and region.isupper():
                countries[region] += number
    countries = Counter({name: number for name, number in countries.items() if len(name) == 2 and name.isupper()})
    return VisitorCounts(
        countries,
        by_language,
        count(people.device),
        Counter({name: number for name, number in browsers.items() if name in KNOWN_BROWSERS}),
        Counter({name: number for name, number in browsers.items() if name not in KNOWN_BROWSERS}),
        count(people.system),
        count(people.browser * 0 + people.version),
        languages,
    )


def find_mobile(recorded: Recorded) -> Bools:
    """Which sessions were on mobiles or tablets."""
    small = np.array([word in ("mobile", "tablet") for word in recorded.words] + [False])
    chosen: Bools = small[recorded.sessions.device]
    return chosen


def find_returning(recorded: Recorded, visits: Visits) -> Returning:
    """Who has been here before, by user ids and by the cache."""
    before = find_known(recorded)
    caches = _read_caches(recorded, visits, before)
    told = caches.known >= FEWEST_KNOWN and caches.of_known > 0
    cached = caches.of_known if told else Telemetry().cache.first_page_returning
    share = None if not caches.landings else float(np.clip(caches.of_all / cached, before.mean(), 1.0))
    error = (share or 0.0) * float(np.sqrt(1 / max(caches.landings, 1) + (1 / caches.known if told else 0.0)))
    user = recorded.sessions.user
    often = np.bincount(user[user >= 0])
    pairs = int((often * (often - 1) // 2).sum())
    people = None
    if share is not None and pairs >= 3:
        back = share * (user >= 0).sum()
        people = int(np.clip(round(back * (back - 1) / 2 / pairs), 1, MOST_PEOPLE))
    again = None if share is None or (not told and share < 1) else caches.of_all / share
    return Returning(share, error, caches.landings, caches.known if told else 0, people, pairs, again, caches.of_later)


def find_known(recorded: Recorded) -> Bools:
    """Which sessions belong to a user who had an earlier one in the data."""
    user, (first, _) = recorded.sessions.user, find_spans(recorded)
    order = np.lexsort((first, user))
    known = np.zeros(len(user), dtype=bool)
    known[order[1:]] = (user[order][1:] == user[order][:-1]) & (user[order][1:] >= 0)
    return known


class _Caches(NamedTuple):
    """Shares of files that came from the cache."""

    landings: int  # that were loaded as links are, with enough files to tell
    known: int  # of these, those of users who came earlier in the data
    of_all: float  # share of cached files of all these landings
    of_known: float
    of_later: float | None  # of later loads


def _read_caches(recorded: Recorded, visits: Visits, known: Bools) -> _Caches:
    events, rows = recorded.events, recorded.rows_of(rum.RESOURCE)
    rows = rows[np.isfinite(events.code[rows]) & ~_are_opaque(recorded, rows)]
    view = find_views(visits, events.session[rows], events.number[rows])
    cached, view = (events.code[rows] == 0)[view >= 0], view[view >= 0]
    size = len(visits.page)
    files, kept = np.bincount(view, minlength=size), np.bincount(view, weights=cached, minlength=size)
    usable = _are_links(recorded, visits) & (visits.loads == 1) & (files >= FEWEST_FILES)

    def share(chosen: Bools) -> float:
        return float(kept[chosen].sum() / files[chosen].sum()) if chosen.any() else 0.0

    landing, later = usable & visits.first, usable & ~visits.first & visits.hard
    again = landing & known[visits.session]
    return _Caches(
        int(landing.sum()), int(again.sum()), share(landing), share(again), share(later) if later.any() else None
    )


def _are_links(recorded: Recorded, visits: Visits) -> Bools:
    """Which views were loaded for the first time as links are: a reload and a step back have their files anyway."""
    events, rows = recorded.events, recorded.loads.event
    view = find_views(visits, events.session[rows], events.number[rows])
    code = np.full(len(visits.page), np.nan)
    known = np.flatnonzero(view >= 0)[::-1]  # the first load of a view is written last
    code[view[known]] = events.code[rows[known]]
    return np.asarray(code == 0)


def _are_opaque(recorded: Recorded, rows: Ints) -> Bools:
    """Which files come from a host that never tells a size, cached or not: it sends no Timing-Allow-Origin."""
    hosts: dict[str, int] = {}
    place = np.array([hosts.setdefault(key.rpartition(" ")[2], len(hosts)) for key in recorded.keys], dtype=np.int64)
    host = place[recorded.events.key[rows]]
    told = np.bincount(host[recorded.events.code[rows] > 0], minlength=len(hosts))
    return np.asarray((told == 0)[host])
