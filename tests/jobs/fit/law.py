"""The law of a scenario: what its visits show in the mean of so many of them that chance hardly matters.

Figures are read from the events that the client sends, as consumers read them, and not by the code of the fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Batch, EventView
from loadgen.planned import planned
from loadgen.rum import events as rum
from loadgen.scenario import Scenario
from loadgen.traffic import compute_mean_rate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

VITALS = {rum.LCP: "LCP", rum.FCP: "FCP", rum.TTFB: "TTFB", rum.INP: "INP"}
VALUE = re.compile(r'\\"value\\":([0-9.eE+-]+)')
SCREENS = {"desktop": ("desktop",), "mobile": ("mobile", "tablet")}
FACTS = ("device", "country", "system", "browser")

PARTS, DIVISIONS = 20, 20
"""Parts of the visitors whose differences tell an error, and how often they are divided."""

FEW = 500
"""Observations in as many visits as were fitted that a figure needs, so that it is promised."""

CROWD = 100_000
"""Known visitors from whom a law is drawn: a few hundred are themselves off by chance."""

SEEDS, PRECISE = range(901, 905), 0.01
"""Seeds of the runs of which a law is made at most; standard error of each p75 from which on their number suffices."""


class Traffic(NamedTuple):
    """What sessions show, as they are recorded: without cookies each load is one."""

    people: NDArray[np.object_]  # [session, fact]: FACTS, then version and language
    events: Ints  # [session]
    views: Ints  # [session]: page views
    vitals: dict[str, tuple[Ints, Floats]]  # sessions and values of the events
    steps: Floats  # [page, page or exit]: from each view to the next one; the last page is any other path
    started: int  # visits that started

    def pick_vital(self, name: str, device: str) -> tuple[Ints, Floats]:
        """The sessions and the values of a vital on a kind of device."""
        session, values = self.vitals[name]
        own = np.isin(self.people[session, 0].astype(str), SCREENS[device])
        return session[own], values[own]


def find_p75(values: Floats) -> float:
    return float(np.quantile(values, 0.75))


def find_error(values: Floats, whose: Ints, statistic: Callable[[Floats], float]) -> float:
    """The standard error of a statistic, as a part of it, over several divisions of the visitors.

    All of one visitor go to one part, as one visitor's loads are alike and few visitors have many of them. Of 50
    visitors a single division tells anything from half of the error to twice as much.
    """
    people, place = np.unique(whose, return_inverse=True)
    parts, drawn = min(PARTS, len(people)), np.random.default_rng(3)
    found = np.empty((DIVISIONS, parts))
    for row in found:
        part = drawn.permutation(len(people))[place] % parts
        row[:] = [statistic(values[part == each]) for each in range(parts)]
    return float(np.sqrt(np.mean(np.var(found, axis=1, ddof=1)) / parts) / np.mean(found))


def find_law(scenario: Scenario, paths: list[str], runs: int = len(SEEDS)) -> Traffic:
    """The law of a scenario, of as many runs as make it precise; `paths` are the templates of the pages' paths."""
    people = scenario.population.model_copy(update={"visitors": max(scenario.population.visitors, CROWD)})
    many = scenario.model_copy(update={"population": people}).adjust(sample_rate=1.0)
    law = show(many, SEEDS[0], paths)
    for seed in SEEDS[1:runs]:
        if is_precise(law):
            break
        law = join(law, show(many, seed, paths))
    return law


def is_precise(law: Traffic) -> bool:
    """Whether chance hardly matters for the p75 of any vital."""
    drawn = (law.pick_vital(name, device) for name in VITALS.values() for device in SCREENS)
    return all(find_error(values, session, find_p75) < PRECISE for session, values in drawn if len(values) > FEW)


def join(one: Traffic, other: Traffic) -> Traffic:
    """Two runs as one."""
    after = len(one.events)
    vitals = {
        name: (
            np.concatenate((session, other.vitals[name][0] + after)),
            np.concatenate((values, other.vitals[name][1])),
        )
        for name, (session, values) in one.vitals.items()
    }
    people, events, views = (np.concatenate(pair) for pair in zip(one[:3], other[:3], strict=True))
    return Traffic(people, events, views, vitals, one.steps + other.steps, one.started + other.started)


def show(scenario: Scenario, seed: int, paths: list[str]) -> Traffic:
    """What the sessions of a run show."""
    patterns = [re.compile(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(path))) for path in paths]
    places: dict[str, int] = {}
    numbers: dict[str, int] = {}
    people: list[tuple[str, ...]] = []
    walks: list[list[int]] = []
    events: list[int] = []
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in VITALS.values()}
    started = 0
    for session, plan in planned(scenario, seed):
        started, each = started + 1, session.visitor
        device = "desktop" if each.os_name == "macOS" else each.device_type  # an iPad reports that it is a Mac
        facts = (device, each.country, each.os_name, each.browser_name, each.browser_version, each.language)
        for batch in plan.batches:
            row = numbers.setdefault(batch.session_id, len(numbers))
            if row == len(people):
                people.append(facts)
                walks.append([])
                events.append(0)
            events[row] += len(batch.events)
            for kind, details, path in read_events(batch):
                if kind in VITALS:
                    value = VALUE.search(details)
                    assert value, details
                    found[VITALS[kind]].append((row, float(value[1])))
                elif kind == rum.PAGE_VIEW:
                    if path not in places:
                        fits = [place for place, pattern in enumerate(patterns) if pattern.fullmatch(path)]
                        places[path] = min(fits, key=lambda place: paths[place].count("{"), default=len(paths))
                    walks[row].append(places[path])
    return Traffic(np.array(people, dtype=object), np.array(events), np.array([len(walk) for walk in walks]), {
        name: (np.array([row for row, _ in pairs], dtype=np.int64), spread_steps(name, [value for _, value in pairs]))
        for name, pairs in found.items()
    }, count_steps(walks, len(paths) + 1), started)  # fmt: skip


def read_events(batch: Batch) -> Iterator[tuple[str, str, str]]:
    """The type, the details and the page's path of each event."""
    if isinstance(batch.events, EventView):
        columns = batch.events.columns
        pages = batch.events.pick(columns.pages)
        return zip(batch.events.pick(columns.types), batch.events.pick(columns.details),
                   (page.id for page in pages), strict=True)  # fmt: skip
    return ((event.type, event.details, event.page.id) for event in batch.events)


def spread_steps(name: str, values: list[float]) -> Floats:
    """INP comes in steps of 8 ms: what lies between is evened out."""
    even = np.resize(np.arange(-4, 4, 0.01) + 0.005, len(values)) if name == "INP" else np.zeros(len(values))
    return np.asarray(np.array(values) + np.random.default_rng(1).permutation(even))


def count_steps(walks: list[list[int]], pages: int) -> Floats:
    """The steps from each page to the next one, or to the exit, which is the last column."""
    counts = np.zeros((pages, pages + 1))
    for walk in walks:
        np.add.at(counts, (walk, [*walk[1:], pages]) if walk else ([], []), 1)
    return counts


def stretch(scenario: Scenario, sessions: int) -> Scenario:
    """The scenario with its arrivals raised until so many sessions start in it, on average."""
    return scenario.adjust(rate=float(sessions / compute_mean_rate(scenario).expected))
