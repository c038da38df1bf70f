"""Visitors, drawn country → device, system and browser → version; and the made-up names of the site.

Faker is used in this module alone. It is slow, so it fills pools once, from an instance seeded by the site's name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loadgen.model import Visitor
from loadgen.scenario import Population, Scenario, Spike
from loadgen.traffic.draws import BLOCK, Bools, Choice, Floats, Ints, Seeds, draw_uuids
from loadgen.traffic.places import LANGUAGES, compute_activity, compute_distances, find_firefox_language
from loadgen.traffic.platforms import (
    PLATFORMS,
    VITALS,
    can_measure,
    find_engine,
    name_version,
    rake,
    weigh_platforms,
    write_agent,
)
from loadgen.traffic.rate_curve import compute_spike_factor

if TYPE_CHECKING:
    from faker import Faker

RAKING_STEPS = 20
GONE, TRIES, REMEMBERED = 3600.0, 4, 4096
"""Seconds after which a visitor may be back; earlier visits that are tried for a new one; blocks kept in memory."""

DEVICES = ("desktop", "mobile", "tablet")


class People(NamedTuple):
    """Visitors as columns: indices into the tables of `Crowd`."""

    country: Ints
    platform: Ints
    version: Ints
    language: Ints
    device: Ints  # index in DEVICES
    user: list[str]
    returning: Bools


class Crowd:
    """The tables from which visitors are drawn, and the pool of returning visitors."""

    def __init__(self, scenario: Scenario, seeds: Seeds) -> None:
        population, arrivals = scenario.population, scenario.arrivals
        self._seeds, self._day, self._members = seeds, arrivals.day, arrivals.visitors
        self._spikes = [each for each in scenario.incidents if isinstance(each, Spike)]
        self._share, self._again = population.returning, population.again
        self.begun: Floats = np.zeros(0)  # the starts of all visits of the run, once they are known
        self._earlier = lru_cache(maxsize=REMEMBERED)(self._look_up)
        self.countries = list(population.countries)
        mass = np.array(list(population.countries.values()), dtype=np.float64)
        self._mass, self._country = mass, Choice(mass)
        self._platform = Choice(_weigh_platforms(population, self.countries, mass / mass.sum()))
        self.versions = [list(platform.versions) for platform in PLATFORMS]
        self._version = Choice(
            _fill_rows([[float(weight) for weight in platform.versions.values()] for platform in PLATFORMS])
        )
        tongues = [LANGUAGES.get(country, {"en-US": 1}) for country in self.countries]
        self.languages = [list(mix) for mix in tongues]
        self._language = Choice(_fill_rows([[float(weight) for weight in mix.values()] for mix in tongues]))
        self._device = np.array([DEVICES.index(platform.device) for platform in PLATFORMS])
        self._brand = np.array([platform.brand for platform in PLATFORMS])
        self._dialect = np.array([find_engine(platform) for platform in PLATFORMS], dtype=np.int64)
        self._supports = {vital: _tabulate_support(vital) for vital in VITALS}
        self.distance = compute_distances(self.countries, mass)
        stream = seeds.stream("visitors")
        homes = np.sort(self._country.pick(stream.random(self._members or population.visitors)))
        self._pool = self._draw_people(stream, homes)
        self._pool_begins = np.searchsorted(homes, np.arange(len(self.countries)))
        self._pool_sizes = np.bincount(homes, minlength=len(self.countries))
        self._order = seeds.stream("members").permutation(self._members or 0)
        self._before = seeds.stream("known before").random(self._members or 0)
        self.outdated_share = float(self.are_outdated(self._pool).mean())

    def _draw_people(self, stream: np.random.Generator, country: Ints) -> People:
        """Draw people who live in these countries."""
        count = len(country)
        draws = stream.random((3, count))
        platform = self._platform.pick(draws[0], country)
        version = self._version.pick(draws[1], platform)
        language = self._language.pick(draws[2], country)
        user = draw_uuids(stream, count)
        return People(country, platform, version, language, self._device[platform], user, np.ones(count, dtype=bool))

    def _draw_countries(self, uniform: Floats, at: Floats) -> Ints:
        """Draw the countries of visitors who come at these times: fewer where it is night, more where a spike is on."""
        factor = compute_spike_factor(self._spikes, self.countries, at)
        if self._day is None and factor is None:
            return self._country.pick(uniform)
        awake = self._mass * (1.0 if self._day is None else compute_activity(self._day, self.countries, at).T)
        return Choice(awake if factor is None else awake * factor).pick(uniform, np.arange(len(at)))

    def draw(self, block: int, at: Floats) -> People:
        """Draw the visitors of a block's sessions, which start at these times: some from the pool, the others new."""
        if self._members is not None:
            return self._draw_members(block, len(at), self._members)
        new, uniform = self._draw_newcomers(block, at)
        country = new.country
        known = self._pool_sizes[country]
        returning = (uniform[1] < self._share) & (known > 0)
        who = np.where(returning, self._pool_begins[country] + np.floor(uniform[2] * known).astype(np.int64), 0)
        platform, version, language, device = (
            np.where(returning, old[who], fresh) for old, fresh in zip(self._pool[1:5], new[1:5], strict=True)
        )
        user = [
            self._pool.user[old] if back else fresh
            for back, old, fresh in zip(returning.tolist(), who.tolist(), new.user, strict=True)
        ]
        people = People(country, platform, version, language, device, user, returning)
        return self._replace_by_earlier(block, at, people) if self._again else people

    def _draw_newcomers(self, block: int, at: Floats) -> tuple[People, Floats]:
        """A block's visitors as if all were new, and the uniform numbers that decide which of them are."""
        stream = self._seeds.stream("population", block)
        uniform = stream.random((3, len(at)))
        return self._draw_people(stream, self._draw_countries(uniform[0], at)), uniform

    def _replace_by_earlier(self, block: int, at: Floats, people: People) -> People:
        """The same people, some of the returning ones replaced by visitors who were new earlier in this run."""
        uniform = self._seeds.stream("again", block).random((1 + TRIES, len(at)))
        rows = np.flatnonzero(people.returning & (uniform[0] < self._again)).tolist()
        columns, user = [column.copy() for column in people[:5]], list(people.user)
        for row in rows:
            before = int(np.searchsorted(self.begun, at[row] - GONE))
            for chance in uniform[1:, row].tolist() if before else ():
                number, place = divmod(int(chance * before), BLOCK)
                then, fresh = self._earlier(number)
                if fresh[place]:
                    for column, past in zip(columns, then[:5], strict=True):
                        column[row] = past[place]
                    user[row] = then.user[place]
                    break
        country, platform, version, language, device = columns
        return People(country, platform, version, language, device, user, people.returning)

    def _look_up(self, block: int) -> tuple[People, Bools]:
        """The newcomers of an earlier block, and which of its visits were made by newcomers."""
        begun = self.begun[block * BLOCK : (block + 1) * BLOCK]
        people, uniform = self._draw_newcomers(block, np.pad(begun, (0, BLOCK - len(begun)), mode="edge"))
        return people, uniform[1] >= self._share

    def _draw_members(self, block: int, count: int, members: int) -> People:
        """The visitors of a closed population, in a fixed order that mixes countries; each round has its blocks."""
        per_round = -(-members // BLOCK)
        who = self._order[np.minimum(block % per_round * BLOCK + np.arange(count), members - 1)]
        back = (self._before[who] < self._share) | (block >= per_round)
        country, platform, version, language, device = (column[who] for column in self._pool[:5])
        user = [self._pool.user[each] for each in who.tolist()]
        return People(country, platform, version, language, device, user, back)

    def can_measure(self, people: People, vital: str) -> Bools:
        """Whether each visitor's browser measures a vital."""
        return self._supports[vital][people.platform, people.version]

    def are_chromium(self, people: People) -> Bools:
        """Whether each visitor's browser is a Chromium."""
        return self._brand[people.platform]

    def are_outdated(self, people: People) -> Bools:
        """Whether each visitor's browser is not of the version that most have."""
        return people.version > 0

    def find_engines(self, people: People) -> Ints:
        """The engine of each visitor's browser, as BrowserEngine."""
        return self._dialect[people.platform]

    def make_visitor(self, people: People, row: int) -> Visitor:
        """One visitor, as the web client reports it."""
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


def _weigh_platforms(population: Population, countries: list[str], mass: Floats) -> Floats:
    """Platforms by country, raked to the scenario's mixes of devices and browsers where it states them."""
    weights = weigh_platforms(countries)
    weights /= weights.sum(axis=1, keepdims=True)
    for _ in range(RAKING_STEPS):
        if population.devices:
            groups = [platform.device for platform in PLATFORMS]
            weights = rake(weights, groups, {str(key): value for key, value in population.devices.items()}, mass)
        if population.browsers:
            groups = [platform.browser for platform in PLATFORMS]
            weights = rake(weights, groups, {str(key): value for key, value in population.browsers.items()}, mass)
    return weights


def _tabulate_support(vital: str) -> Bools:
    """By platform and version, whether the browser measures a vital."""
    table = np.zeros((len(PLATFORMS), max(len(platform.versions) for platform in PLATFORMS)), dtype=bool)
    for row, platform in enumerate(PLATFORMS):
        for column, version in enumerate(platform.versions):
            table[row, column] = can_measure(platform, version, vital)
    return table


def _fill_rows(ragged: list[list[float]]) -> Floats:
    """Rows of different lengths as one table, filled with zeros."""
    width = max(len(row) for row in ragged)
    return np.array([row + [0.0] * (width - len(row)) for row in ragged], dtype=np.float64)


def _make_faker(name: str) -> Faker:
    from faker import Faker  # slow to import: the rest of the room does not wait for it

    fake = Faker("en_US")
    fake.seed_instance(name)
    return fake


def make_items(site: str, pool: str, size: int) -> list[tuple[str, str]]:
    """Slug and title of each item behind a placeholder, distinct, in order of popularity."""
    fake = _make_faker(f"{site}/{pool}")
    found: dict[str, str] = {}
    while len(found) < size:
        words = [fake.last_name(), fake.safe_color_name(), fake.word(part_of_speech="noun")]
        slug = "-".join(words).lower()
        slug = f"{slug}-{len(found)}" if slug in found else slug
        found[slug] = " ".join(words).title()
    return list(found.items())


def make_hosts(site: str, size: int) -> list[str]:
    """Hosts of other people's scripts, under the top-level domain that nobody can own (RFC 2606)."""
    fake = _make_faker(f"{site}/hosts")
    return [f"{fake.domain_word()}.example" for _ in range(size)]


def make_identifiers(site: str, size: int) -> list[str]:
    """Names that stand in the site's code, such as openBasket."""
    fake = _make_faker(f"{site}/code")
    return [f"{fake.word()}{fake.word().capitalize()}" for _ in range(size)]
