"""Visitors, new and known, are drawn in this order: country, then device, system and browser, then version."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loadgen.model import Visitor
from loadgen.scenario import Scenario
from loadgen.traffic.draws import BLOCK, Bools, Choice, Floats, Ints, Seeds, draw_uuids, round_down
from loadgen.traffic.mixes import weigh_mixes
from loadgen.traffic.places import LANGUAGES, compute_activity, compute_distances, find_firefox_language
from loadgen.traffic.platforms import (
    PLATFORMS,
    VITALS,
    WEB_VIEW,
    can_measure,
    find_engine,
    list_versions,
    name_version,
    write_agent,
)
from loadgen.traffic.rate_curve import compute_spike_factor, list_spikes
from loadgen.traffic.returns import Returns

GONE, TRIES, REMEMBERED = 3600.0, 4, 4096
"""Seconds after which a visitor who was new in the run may return; how many earlier visits are tried to find one; how
many blocks of new visitors are cached."""

DEVICES = ("desktop", "mobile", "tablet")


class People(NamedTuple):
    """The visitors of a block's sessions as columns: indices into the tables of `Crowd`."""

    country: Ints
    platform: Ints
    version: Ints
    language: Ints
    device: Ints  # index in DEVICES
    user: list[str]
    returning: Bools
    until: Floats  # run second by which the session must have expired, else the visit gets another user id


class Crowd:
    """The tables from which visitors are drawn, and the pool of known visitors, who may return."""

    def __init__(self, scenario: Scenario, seeds: Seeds) -> None:
        population, arrivals = scenario.population, scenario.arrivals
        self._seeds, self._day, self._members = seeds, arrivals.day, arrivals.visitors
        self._spikes = list_spikes(scenario)
        self._share, self._again = population.returning, population.again
        self._session_length, self._pause = scenario.client.sessionLengthSeconds, arrivals.pause
        self.returns = Returns(lambda block, at: self._draw_candidates(block, at)[1], self._session_length)
        self._gone = max(GONE, self.returns.apart)
        self._earlier = lru_cache(maxsize=REMEMBERED)(self._find_newcomers)
        self.countries = list(population.countries)
        mass = np.array(list(population.countries.values()), dtype=np.float64)
        self._mass, self._country = mass, Choice(mass)
        self._platform = Choice(weigh_mixes(scenario))
        versions = [list_versions(platform, population.versions) for platform in PLATFORMS]
        self.versions = [list(mix) for mix in versions]
        self._version = Choice(_fill_rows([list(mix.values()) for mix in versions]))
        languages = LANGUAGES | population.languages
        tongues = [languages.get(country, {"en-US": 1}) for country in self.countries]
        self.languages = [list(mix) for mix in tongues]
        self._language = Choice(_fill_rows([[float(weight) for weight in mix.values()] for mix in tongues]))
        self._device = np.array([DEVICES.index(platform.device) for platform in PLATFORMS])
        self._brand = np.array([platform.brand for platform in PLATFORMS])
        self._prerenders = np.array([platform.brand and platform.name != WEB_VIEW for platform in PLATFORMS])
        self._dialect = np.array([find_engine(platform) for platform in PLATFORMS], dtype=np.int64)
        self._supports = {vital: _tabulate_support(vital, self.versions) for vital in VITALS}
        self.distance = compute_distances(self.countries, mass)
        stream = seeds.stream("visitors")
        homes = np.sort(self._country.pick(stream.random(self._members or population.visitors)))
        self._pool = self._draw_people(stream, homes, seeds.id_stream("visitors"))
        self._pool_begins = np.searchsorted(homes, np.arange(len(self.countries)))
        self._pool_sizes = np.bincount(homes, minlength=len(self.countries))
        self._order = seeds.stream("members").permutation(self._members or 0)
        self._before = seeds.stream("known before").random(self._members or 0)
        self.outdated_share = float(self.are_outdated(self._pool).mean())

    def _draw_people(self, stream: np.random.Generator, country: Ints, names: np.random.Generator) -> People:
        """Draw people who live in the given countries; `names` is the stream for their user ids."""
        count = len(country)
        draws = stream.random((3, count))
        platform = self._platform.pick(draws[0], country)
        version = self._version.pick(draws[1], platform)
        language = self._language.pick(draws[2], country)
        user = draw_uuids(names, count)
        device, returning = self._device[platform], np.ones(count, dtype=bool)
        return People(country, platform, version, language, device, user, returning, np.full(count, np.inf))

    def _draw_countries(self, uniform: Floats, at: Floats) -> Ints:
        """Draw the countries of visitors who come at run seconds `at`: fewer at night there, more during a spike."""
        factor = compute_spike_factor(self._spikes, self.countries, at)
        if self._day is None and factor is None:
            return self._country.pick(uniform)
        awake = self._mass * (1.0 if self._day is None else compute_activity(self._day, self.countries, at).T)
        return Choice(awake if factor is None else awake * factor).pick(uniform, np.arange(len(at)))

    def draw(self, block: int, at: Floats) -> People:
        """Draw the visitors, known or new, of a block's sessions, which start at run seconds `at`."""
        if self._members is not None:
            return self._draw_members(block, len(at), self._members)
        people, keys = self._draw_candidates(block, at)
        apart = self.returns.are_apart(block, at, keys)
        until = np.where(people.returning, at + self.returns.apart, at + self._gone if self._again else np.inf)
        until[keys >= 0] = np.where(apart, until, -np.inf)[keys >= 0]
        return self.separate(block, people._replace(until=until), at)

    def separate(self, block: int, people: People, over: Floats) -> People:
        """Give a new user id, which comes only once, to visits whose session does not expire before `people.until`.

        Args:
            block: The number of the visitors' block.
            people: The block's visitors.
            over: When each visit ends, in run seconds.
        """
        rows = np.flatnonzero(over + self._session_length > people.until)
        if not rows.size:
            return people
        user, until = list(people.user), people.until.copy()
        spare = draw_uuids(self._seeds.id_stream("spare users", block), len(user), rows)
        for row, each in zip(rows.tolist(), spare, strict=True):
            user[row] = each
        until[rows] = np.inf
        return people._replace(user=user, until=until)

    def _draw_candidates(self, block: int, at: Floats) -> tuple[People, Ints]:
        """Draw a block's visitors, without a check that known visitors' sessions are apart.

        Also returns the number of each known visitor; -1 for new visitors.
        """
        new, uniform = self._draw_newcomers(block, at)
        country = new.country
        known = self._pool_sizes[country]
        returning = (uniform[1] < self._share) & (known > 0)
        who = np.where(returning, self._pool_begins[country] + round_down(uniform[2] * known), 0)
        platform, version, language, device = (
            np.where(returning, old[who], fresh) for old, fresh in zip(self._pool[1:5], new[1:5], strict=True)
        )
        user = [
            self._pool.user[old] if back else fresh
            for back, old, fresh in zip(returning.tolist(), who.tolist(), new.user, strict=True)
        ]
        people = People(country, platform, version, language, device, user, returning, new.until)
        keys = np.where(returning, who, -1)
        return self._replace_by_earlier(block, at, people, keys) if self._again else (people, keys)

    def _draw_newcomers(self, block: int, at: Floats) -> tuple[People, Floats]:
        """Draw a block's visitors as if all were new, and the uniform numbers that decide which of them are new."""
        stream = self._seeds.stream("population", block)
        uniform = stream.random((3, len(at)))
        names = self._seeds.id_stream("population", block)
        return self._draw_people(stream, self._draw_countries(uniform[0], at), names), uniform

    def _replace_by_earlier(self, block: int, at: Floats, people: People, keys: Ints) -> tuple[People, Ints]:
        """Replace some of the returning visitors by visitors who were new earlier in the run."""
        uniform = self._seeds.stream("again", block).random((1 + TRIES, len(at)))
        rows = np.flatnonzero(people.returning & (uniform[0] < self._again)).tolist()
        columns, user = [column.copy() for column in people[:5]], list(people.user)
        for row in rows:
            before = int(np.searchsorted(self.returns.begun, at[row] - self._gone))
            for chance in uniform[1:, row].tolist() if before else ():
                index = int(chance * before)
                number, place = divmod(index, BLOCK)
                earlier, is_new = self._earlier(number)
                if is_new[place]:
                    for column, past in zip(columns, earlier[:5], strict=True):
                        column[row] = past[place]
                    user[row], keys[row] = earlier.user[place], len(self._pool.user) + index
                    break
        country, platform, version, language, device = columns
        return People(country, platform, version, language, device, user, people.returning, people.until), keys

    def _find_newcomers(self, block: int) -> tuple[People, Bools]:
        """Draw the visitors of an earlier block as if all were new, and mark those who were new."""
        people, uniform = self._draw_newcomers(block, self.returns.get_starts(block))
        return people, uniform[1] >= self._share

    def _draw_members(self, block: int, count: int, members: int) -> People:
        """Return the visitors of a closed population in one block: a part of a fixed order that mixes countries.

        A visitor who comes back before the session has expired is another user, as with a second browser.
        """
        per_round = -(-members // BLOCK)
        who = self._order[np.minimum(block % per_round * BLOCK + np.arange(count), members - 1)]
        back = (self._before[who] < self._share) | (block >= per_round)
        country, platform, version, language, device = (column[who] for column in self._pool[:5])
        user = [self._pool.user[each] for each in who.tolist()]
        people = People(country, platform, version, language, device, user, back, np.full(count, np.inf))
        if block < per_round:
            return people
        pauses = draw_pauses(self._seeds, block, self._pause)[:count]
        return self.separate(block, people._replace(until=pauses), np.zeros(count))._replace(until=people.until)

    def can_measure(self, people: People, vital: str) -> Bools:
        """Whether each visitor's browser measures a vital."""
        return self._supports[vital][people.platform, people.version]

    def are_chromium(self, people: People) -> Bools:
        """Whether each visitor's browser is a Chromium."""
        return self._brand[people.platform]

    def can_prerender(self, people: People) -> Bools:
        """Whether each visitor's browser prerenders pages: a Chromium does, but not in a web view inside an app."""
        return self._prerenders[people.platform]

    def name_browsers(self, people: People) -> list[str]:
        """Return the name of each visitor's browser in scenario files."""
        return [PLATFORMS[kind].browser for kind in people.platform.tolist()]

    def are_outdated(self, people: People) -> Bools:
        """Whether each visitor's browser has another version than the most common one."""
        return people.version > 0

    def find_engines(self, people: People) -> Ints:
        """Return the engine of each visitor's browser, as a value of BrowserEngine."""
        return self._dialect[people.platform]

    def make_visitor(self, people: People, row: int) -> Visitor:
        """Make the visitor of a row, as the web client reports visitors."""
        country = int(people.country[row])
        kind = int(people.platform[row])
        platform = PLATFORMS[kind]
        version = self.versions[kind][people.version[row]]
        language = self.languages[country][people.language[row]]
        return Visitor(
            people.user[row],
            bool(people.returning[row]),
            self.countries[country],
            find_firefox_language(language) if platform.browser == "Firefox" else language,
            platform.device,
            platform.os,
            platform.name,
            name_version(platform, version),
            write_agent(platform, version),
            platform.brand,
        )


def draw_pauses(seeds: Seeds, block: int, mean: float) -> Floats:
    """Draw how many seconds the visitors of a closed population pause before the visits of a block."""
    return np.asarray(mean * seeds.stream("pause", block).standard_exponential(BLOCK), dtype=np.float64)


def _tabulate_support(vital: str, versions: list[list[str]]) -> Bools:
    """Make a table of whether a browser measures a vital, by platform (row) and version (column)."""
    table = np.zeros((len(PLATFORMS), max(map(len, versions))), dtype=bool)
    for row, platform in enumerate(PLATFORMS):
        for column, version in enumerate(versions[row]):
            table[row, column] = can_measure(platform, version, vital)
    return table


def _fill_rows(ragged: list[list[float]]) -> Floats:
    """Make one table of rows of different lengths; the missing cells are 0."""
    width = max(len(row) for row in ragged)
    return np.array([row + [0.0] * (width - len(row)) for row in ragged], dtype=np.float64)
