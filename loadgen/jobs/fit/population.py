"""Who came: countries, devices, browsers, and those who came again.

Rule: a visitor who has been here before lands with files of the site in the browser's cache, which tells the share of
returning visitors; how often the same user comes twice tells among how many people they are.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, get_args

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_views
from loadgen.rum import events as rum
from loadgen.scenario import Browser

KNOWN_BROWSERS = frozenset(get_args(Browser))
MOST_PEOPLE = 1_000_000

FEWEST_FILES = 3
"""Files of a landing from which its cache is judged."""


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
    landings: int  # on which it stands
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
    """Who has been here before, by the cache and by user ids."""
    share, landings, again, later = _read_caches(recorded, visits)
    user = recorded.sessions.user
    often = np.bincount(user[user >= 0])
    pairs = int((often * (often - 1) // 2).sum())
    people = None
    if share is not None and pairs >= 3:
        back = share * (user >= 0).sum()
        people = int(np.clip(round(back * (back - 1) / 2 / pairs), 1, MOST_PEOPLE))
    return Returning(share, landings, people, pairs, again, later)


def _read_caches(recorded: Recorded, visits: Visits) -> tuple[float | None, int, float | None, float | None]:
    """Share of landings with cached files, of how many; shares of cached files of those landings and of later loads."""
    events, rows = recorded.events, recorded.rows_of(rum.RESOURCE)
    rows = rows[np.isfinite(events.code[rows])]
    view = find_views(visits, events.session[rows], events.number[rows])
    cached, view = (events.code[rows] == 0)[view >= 0], view[view >= 0]
    size = len(visits.page)
    files, kept = np.bincount(view, minlength=size), np.bincount(view, weights=cached, minlength=size)
    once = visits.loads <= 1  # a reload's files are cached
    landing = visits.first & once & (files >= FEWEST_FILES)
    later = ~visits.first & visits.hard & once & (files >= FEWEST_FILES)
    after = float(kept[later].sum() / files[later].sum()) if later.any() else None
    if not landing.any():
        return None, 0, None, after
    warm = landing & (kept > 0)
    again = float(kept[warm].sum() / files[warm].sum()) if warm.any() else None
    return float(warm.sum() / landing.sum()), int(landing.sum()), again, after
