"""Estimate the mix of visitors (countries, devices, browsers) and the share and number of returning visitors.

Rule: a returning visitor lands with files of the site in the browser's cache. Users who came earlier in the data show
how many files these are; then the cached files of all landings give the share of returning visitors, most of whom came
last before the data begin. Pairs of visits by one user give the number of people. If too few users come twice, the
share assumes the scenario format's default cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import nan
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from loadgen.jobs.fit.estimates.files import find_first_loads, read_caches
from loadgen.jobs.fit.reading.metadata import IN_APP, WEB_VIEW
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, mark
from loadgen.jobs.fit.visits.cuts import find_spans, follow_users
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.scenario import Browser, System, Telemetry

KNOWN_BROWSERS, KNOWN_SYSTEMS = frozenset(get_args(Browser)), frozenset(get_args(System))
VERSIONED = KNOWN_BROWSERS - {"Chrome iOS", "Instagram", "Facebook"}
"""Browsers whose versions a scenario can state."""

BUILT_IN = "Firefox"
"""A browser whose language is that of its build, which loadgen draws from the visitor's language."""

RARE = "?"
"""Stands for the words that too few visitors have."""

MOST_PEOPLE = 1_000_000

FEWEST_KNOWN, FEWEST_PAIRS = 50, 3
"""Landings of known users that are needed to measure their cache; pairs of visits that are needed to estimate the
number of visitors."""

LONG_VISIT, APART = 1800.0, 3600.0
"""Seconds after which loadgen's own traffic continues a visit as another visitor; least seconds between the starts of
two visits of one visitor: a session's 30 minutes after a visit of 30."""


class VisitorCounts(NamedTuple):
    """Counts of sessions by what is known of their visitors, also of browsers that a scenario cannot state."""

    countries: Counter[str]
    by_language: bool  # countries are guessed from languages, because there are no country codes
    devices: Counter[str]
    browsers: Counter[str]
    other_browsers: Counter[str]
    nameless: int  # sessions of a Chromium without name and version
    systems: Counter[str]
    versions: dict[str, dict[str, Counter[str]]]  # by kind of device and browser
    languages: dict[str, Counter[str]]  # by country


class Returning(NamedTuple):
    """Estimates of returning visitors, their number and their caches."""

    share: float | None  # share of the sessions; None: it does not show
    error: float  # standard error of the share
    landings: int  # landings that the share was estimated from
    known: int  # landings among them by users who came earlier in the data
    people: int | None  # number of people among whom the visitors are; None: unknown
    pairs: int  # pairs of visits by one user that `people` was estimated from
    again: float | None  # share of the returning visitors whose first visit is in the data; None: unknown
    cached_again: float | None  # share of a returning visitor's files that come from the cache
    cached_later: float | None  # share of cached files on later pages
    memory: float | None  # mean seconds for which the browser's memory holds a file
    direct: float  # share of the landings without a referrer; NaN: unknown
    reopened: float  # share of the landings that reload a page or go back to it; NaN: unknown
    landed: int  # landings with a known type of navigation
    referred: int  # landings that say whether they have a referrer


def count_people(recorded: Recorded, at_least: int) -> VisitorCounts:
    """Count sessions by what is known of their visitors; those that few visitors have become RARE."""
    people = recorded.sessions
    names = np.array([*recorded.words, ""], dtype=object)
    device = names[people.device]
    country, browser, system, version, language = (
        replace_rare(names, column, recorded.sessions.visitor, at_least)
        for column in (people.country, people.browser, people.system, people.version, people.language)
    )
    by_language = not country.astype(bool).any()
    if by_language:
        country = np.array([each.replace("_", "-").rpartition("-")[2] for each in language], dtype=object)
    homes = [each if len(each) == 2 and each.isalpha() and each.isupper() else "" for each in country]
    unlike = [name not in {*KNOWN_BROWSERS, WEB_VIEW} for name in names[people.browser]]
    speaks = [each if name != BUILT_IN else "" for each, name in zip(language, browser, strict=True)]
    versioned = np.where([name in VERSIONED for name in browser], browser, "")
    versions = {kind: _count_by(np.where(chosen, versioned, ""), version) for kind, chosen in (
        ("desktop", device == "desktop"), ("mobile", find_mobile(recorded)))}  # fmt: skip
    others = _count(browser[unlike])
    browsers = share_web_views(_count(browser[browser != RARE]) - others)
    nameless = int(((browser == "Chrome") & (version == "")).sum())
    systems = Counter({name: number for name, number in _count(system).items() if name in KNOWN_SYSTEMS})
    return VisitorCounts(_count(homes), by_language, _count(device), browsers, others, nameless, systems, versions,
                         _count_by(homes, speaks))  # fmt: skip


def replace_rare(names: NDArray[np.object_], column: Ints, visitor: Ints, at_least: int) -> NDArray[np.object_]:
    """Return the word of each session, and RARE in place of one that fewer than `at_least` visitors have."""
    pairs = np.unique(np.stack((column, visitor)), axis=1)
    words, visitors = np.unique(pairs[0], return_counts=True)
    rare = np.isin(column, words[(visitors < at_least) & (words >= 0)])
    return np.where(rare, RARE, names[column])


def share_web_views(browsers: Counter[str]) -> Counter[str]:
    """Return the counts with the web views of Android shared among the apps, as the app's name shows on iOS alone."""
    views, known = browsers[WEB_VIEW], [browsers[name] for name in IN_APP]
    if not views:
        return browsers
    first = round(views * known[0] / sum(known)) if sum(known) else views
    return browsers - Counter({WEB_VIEW: views}) + Counter(dict(zip(IN_APP, (first, views - first), strict=True)))


def _count(words: Iterable[str]) -> Counter[str]:
    """Count the words, except ""."""
    return Counter(word for word in words if word)


def _count_by(groups: Iterable[str], words: Iterable[str]) -> dict[str, Counter[str]]:
    """Count the words by group, except ""."""
    found: dict[str, Counter[str]] = {}
    for group, word in zip(groups, words, strict=True):
        if group and word:
            found.setdefault(group, Counter())[word] += 1
    return found


def find_mobile(recorded: Recorded) -> Bools:
    """Find the sessions on mobiles or tablets."""
    return recorded.find_words(recorded.sessions.device, ("mobile", "tablet"))


def find_returning(recorded: Recorded, visits: Visits, sample_rate: float = 1.0) -> Returning:
    """Estimate returning visitors from user ids and from cached files."""
    before = find_known(recorded)
    caches = read_caches(recorded, visits, before)
    told = caches.known >= FEWEST_KNOWN and caches.of_known > 0
    cached = caches.of_known if told else Telemetry().cache.first_page_returning
    share = None if not caches.landings else float(np.clip(caches.of_all / cached, before.mean(), 1.0))
    error = (share or 0.0) * float(np.sqrt(1 / max(caches.landings, 1) + (1 / caches.known if told else 0.0)))
    again = None if share is None or (not told and share < 1) else caches.of_all / share
    code = find_first_loads(recorded, visits)[visits.first]
    code = code[np.isfinite(code)]
    referrer = recorded.events.key[visits.row[visits.first]]
    referrer = referrer[referrer >= 0]
    none = recorded.keys.index("") if "" in recorded.keys else -2
    pairs, new = _pair_visits(recorded, caches.share, told)
    first, last = find_spans(recorded)
    kept = max(float((last - first <= LONG_VISIT).mean()), 0.01)
    back, earlier = float((share or 0.0) * (recorded.sessions.user >= 0).sum()), before.sum() * new / kept
    people = None
    if pairs >= FEWEST_PAIRS and back > earlier:
        people = guess_people(back - earlier, pairs / kept**2, float(last.max() - first.min()), sample_rate)
    direct, reopened = (float(each.mean()) if len(each) else nan for each in (referrer == none, code > 0))
    return Returning(share, error, caches.landings, caches.known if told else 0, people, pairs,
                     min(earlier / back, 1.0) if told and back else None, again, caches.of_later, caches.memory,
                     direct, reopened, len(code), len(referrer))  # fmt: skip


def _pair_visits(recorded: Recorded, cached: Floats, told: bool) -> tuple[int, float]:
    """Count the pairs of visits by one user who was here before the data.

    Also returns, among the later visits of users in the data, the share whose user was new at the first visit.
    `cached`: [session] share of cached files of its landing, NaN: unknown. A new visitor has no cached file; later
    visits show how many returning visitors have none either.
    """
    user, order = recorded.sessions.user, follow_users(recorded)[0]
    order = order[user[order] >= 0]
    _, begin, often = np.unique(user[order], return_index=True, return_counts=True)
    pairs, later = often * (often - 1) // 2, often - 1
    began, came = cached[order[begin]], cached[np.delete(order, begin)]
    came, known = came[np.isfinite(came)], np.isfinite(began)
    if not told or not len(came) or not later[known].any():
        return int(pairs.sum()), 0.0
    none = float((came == 0).mean())

    def find_new(weight: Ints) -> float:
        bare = (weight * (began == 0))[known].sum() / weight[known].sum()
        return float(np.clip((bare - none) / max(1 - none, 1e-9), 0.0, 1.0))

    return round(pairs.sum() * (1 - find_new(pairs))), find_new(later)


def guess_people(back: float, pairs: float, span: float, sample_rate: float) -> int | None:
    """Estimate the number of people from `back` returning visits, of which `pairs` pairs are by one user.

    A person who is drawn within `APART` seconds of the last visit comes as another person, as in loadgen's own traffic:
    a browser has one session at a time. The visits of a person come at random times within `span` seconds. None: nobody
    can have come twice within that span.
    """
    if span <= APART:
        return None
    people = np.geomspace(MOST_PEOPLE, 1, 600)
    rate = back / sample_rate / people / span
    at = np.linspace(0.0, max(span - APART, 0.0), 200)
    alone = np.exp(-rate[:, None] * np.minimum(at, APART)) * (span - APART - at)
    integral = np.trapezoid(alone, at, axis=1)
    expected = sample_rate**2 * people * rate**2 * np.exp(-rate * APART) * integral
    enough = np.flatnonzero(expected >= pairs)
    return max(round(float(people[enough[0] if len(enough) else int(expected.argmax())])), 1)


def find_known(recorded: Recorded) -> Bools:
    """Find the sessions whose user had an earlier session in the data."""
    order, again = follow_users(recorded)
    return mark(len(order), order[again])
