"""A scenario → its traffic → a fit → how far the fitted scenario is from the truth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import exp, gamma, sqrt
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

import loadgen
from loadgen import wire
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.scenario import Exponential, Lognormal, Population, Quantiles, Scenario, ThinkTime, Weibull
from loadgen.traffic import compute_mean_rate, draw_starts
from tests.jobs.fit.law import (
    FACTS,
    FEW,
    SCREENS,
    SEEDS,
    VITALS,
    Floats,
    Ints,
    Traffic,
    find_error,
    find_law,
    find_p75,
    show,
    stretch,
)

__all__ = ["Off", "compare", "fit_traffic", "go_round", "record", "stretch", "write_traffic"]

EPOCH = 1_767_268_800.0  # 2026-01-01T12:00:00Z

SURE = 0.01
"""The chance that, by the random errors of what is fitted alone, any figure of a round trip is outside its bound."""

FITTED = 11
"""The seed of the traffic that is fitted."""

TABLET = "tablet"
"""No fit knows the share of tablets, as iPads report that they are Macs."""

RUNS = 20
"""Runs whose numbers of sessions show how much slow noise changes them."""

CLAIMED = 20_000
"""Sessions for which the bounds are meant; fewer widen them by the root."""


class Off(NamedTuple):
    """One figure beside the truth; `error` is a difference or a ratio less 1."""

    what: str
    truth: float
    fitted: float
    error: float
    claimed: float  # the bound that the claim has
    chance: float  # the standard error that the fitted sessions have by chance, and the laws that are compared
    allowed: float = 0.0

    @property
    def holds(self) -> bool:
        return abs(self.error) <= self.allowed + 1e-9


def write_traffic(scenario: Scenario, seed: int) -> Iterator[bytes]:
    """Bodies of all sessions that start, with the country codes that RUM adds."""
    return chain.from_iterable(write_visits(scenario, seed))


def write_visits(scenario: Scenario, seed: int) -> Iterator[list[bytes]]:
    """The same by visit; without cookies a visit has several sessions."""
    destination = wire.Destination.for_scenario(scenario, UNSENT_MONITOR_ID, compression=False)
    for session, plan in planned(scenario, seed):
        country = b'"SessionMetadata":"{\\"countryCode\\":\\"%s\\",' % session.visitor.country.encode()
        bodies = (wire.encode(batch, destination, wire.Clock(EPOCH)).request.body for batch in plan.batches)
        yield [body.replace(b'"SessionMetadata":"{', country, 1) for body in bodies]


def record(scenario: Scenario, seed: int) -> Recorded:
    """The same, read."""
    recorder = Recorder()
    feed = Feed(recorder)
    for body in write_traffic(scenario, seed):
        assert feed.add_line(body)
    return recorder.finish()


def find_mean(law: ThinkTime) -> float:
    """The mean of a think time."""
    match law:
        case Weibull():
            return law.scale * gamma(1 + 1 / law.shape)
        case Lognormal():
            return law.median * exp(law.sigma**2 / 2)
        case Exponential():
            return law.mean
        case Quantiles():
            return float(np.mean((np.array(law.seconds[1:]) + law.seconds[:-1]) / 2))


def find_variation(law: ThinkTime) -> float:
    """The standard deviation of a think time, as a part of its mean."""
    match law:
        case Weibull():
            return sqrt(gamma(1 + 2 / law.shape) / gamma(1 + 1 / law.shape) ** 2 - 1)
        case Lognormal():
            return sqrt(exp(law.sigma**2) - 1)
        case Exponential():
            return 1.0
        case Quantiles():
            low, high = np.array(law.seconds[:-1]), np.array(law.seconds[1:])
            square = float(np.mean((low**2 + low * high + high**2) / 3))
            return sqrt(max(square / find_mean(law) ** 2 - 1, 0.0))


def compare_dwells(truth: Scenario, fitted: Scenario, drawn: Traffic, claimed: float) -> Iterator[Off]:
    """The mean time on a page by device, over the pages as they were seen, of which a next one tells the time."""
    names = {page.path: page for page in fitted.pages.values()}
    for device in SCREENS:
        laws: list[list[ThinkTime]] = [[], []]
        for page in truth.pages.values():
            if page.path in names and page.to:
                for place, (one, whole) in enumerate(((page, truth), (names[page.path], fitted))):
                    laws[place].append(one.think_time or getattr(whole.population.think_time, device))
        real, found = (float(np.mean([find_mean(law) for law in each])) if each else 0.0 for each in laws)
        if real:
            own = np.isin(drawn.people[:, 0].astype(str), SCREENS[device])
            times = max(int((drawn.views[own] - 1).sum()), 1)
            chance = max(find_variation(law) for law in laws[0]) / sqrt(times)
            yield Off(f"mean dwell, {device}", real, found, found / real - 1, claimed, chance)


def bound_figures(figures: list[Off]) -> list[Off]:
    """Allow each figure what is claimed, or what chance makes of it if that is more.

    The share of all round trips in which chance alone takes any of the figures beyond its bound is `SURE` at most.
    """
    errors = NormalDist().inv_cdf(1 - SURE / 2 / len(figures))
    return [each._replace(allowed=max(each.claimed, errors * each.chance)) for each in figures]


def compare_pages(truth: Scenario, fitted: Scenario, seen: Floats, claimed: float) -> Iterator[Off]:
    """Transitions and exits that are seen at least 500 times; `seen` are the steps in as many sessions as fitted."""
    names = {page.path: name for name, page in fitted.pages.items()}
    of_truth = {name: names.get(page.path, "") for name, page in truth.pages.items()}
    for (name, page), views in zip(truth.pages.items(), seen.sum(axis=1), strict=False):
        own = fitted.pages.get(of_truth[name])
        if own is None:
            continue
        steps = {target: (page.to.get(target, 0.0), own.to.get(of_truth[target], 0.0)) for target in truth.pages}
        for target, (real, found) in (*steps.items(), ("exit", (page.exit, own.exit))):
            if views * real >= FEW:
                error = sqrt(real * (1 - real) / views)
                yield Off(f"{name} → {target}", real, found, found - real, claimed, error)


def compare_steps(truth: Traffic, fitted: Traffic, names: list[str], seen: Floats, claimed: float) -> Iterator[Off]:
    """The same as they are seen, for visitors who differ in how readily they leave: no page's exit is theirs."""
    shares = [each.steps / np.maximum(each.steps.sum(axis=1, keepdims=True), 1) for each in (truth, fitted)]
    views = seen.sum(axis=1)
    chance = [1 / np.maximum(each, 1) for each in (views, truth.steps.sum(axis=1), fitted.steps.sum(axis=1))]
    for row, column in zip(*np.nonzero(seen >= FEW), strict=True):
        real, found = (float(share[row, column]) for share in shares)
        error = sqrt(real * (1 - real) * sum(float(part[row]) for part in chance))
        name = f"{[*names, 'other'][row]} → {[*names, 'other', 'exit'][column]}, seen"
        yield Off(name, real, found, found - real, claimed, error)


def compare_vitals(truth: Traffic, fitted: Traffic, drawn: Traffic, people: Ints, claimed: float) -> Iterator[Off]:
    """The 75th percentile by device; `people` says who makes each of the sessions that were drawn to be fitted."""
    for device in SCREENS:
        for name in VITALS.values():
            sides = [each.pick_vital(name, device) for each in (truth, fitted)]
            session, values = drawn.pick_vital(name, device)
            if min(len(values), *(len(side) for _, side in sides)) < FEW:
                continue
            real, found = (find_p75(side) for _, side in sides)
            parts = [(people[session], values), *sides]
            error = sqrt(sum(find_error(side, whose, find_p75) ** 2 for whose, side in parts))
            yield Off(f"{name} p75, {device}", real, found, found / real - 1, claimed, error)


def number_people(drawn: Traffic, population: Population) -> Ints:
    """Of each session the number of who makes it: somebody of a small crowd, told by browser and place, or itself.

    A crowd is small where most visits are those of known visitors, who come again and again from where they are.
    """
    number = len(drawn.events)
    if population.returning < 0.5 or population.returning * number < population.visitors:
        return np.arange(number)
    return np.unique(drawn.people.astype(str), axis=0, return_inverse=True)[1].ravel()


def compare_shares(truth: Traffic, fitted: Traffic, crowd: Population, sessions: int) -> Iterator[Off]:
    """Devices, browsers, systems and countries, within 99 % intervals."""
    for place, what in enumerate(FACTS):
        columns = [each.people[:, place].astype(str) for each in (truth, fitted)]
        for word in np.unique(columns[0]).tolist():
            share, found = (float((column == word).mean()) for column in columns)
            if share * sessions >= 100 and word != TABLET:
                # the people among whom returning visitors are, and the laws themselves
                chance = 1 / sessions + crowd.returning**2 / crowd.visitors + sum(1 / len(each) for each in columns)
                spread = share * (1 - share)
                yield Off(f"{what} {word}", share, found, found - share, 2.576 * sqrt(spread / sessions),
                          sqrt(spread * chance))  # fmt: skip


def compare_arrivals(scenario: Scenario, fitted: Scenario, shares: tuple[float, float], claimed: float) -> Off:
    """Sessions that start; slow noise on the rate makes another number of each run. `shares`: recorded, of started."""
    starts = [len(draw_starts(scenario, seed)) for seed in range(RUNS)]
    real, found = (compute_mean_rate(each).expected * share
                   for each, share in zip((scenario, fitted), shares, strict=True))  # fmt: skip
    return Off("arrivals", real, found, found / real - 1, claimed, float(np.std(starts) / np.mean(starts)))


def compare_events(truth: Traffic, fitted: Traffic, drawn: Traffic, people: Ints, claimed: float) -> Off:
    """Events of a session."""
    real, found = (float(each.events.mean()) for each in (truth, fitted))
    parts = [(each.events, np.arange(len(each.events))) for each in (truth, fitted)]
    errors = [
        find_error(values.astype(np.float64), whose, lambda each: float(each.mean()))
        for values, whose in (*parts, (drawn.events, people))
    ]
    return Off("events a session", real, found, found / real - 1, claimed, sqrt(sum(each**2 for each in errors)))


def fit_traffic(scenario: Scenario, sessions: int, folder: Path, sample_rate: float = 1.0) -> Scenario:
    """The scenario that is fitted to what the client records of so many sessions."""
    file = folder / f"{scenario.name}.ndjson"
    with file.open("wb") as out:
        out.writelines(
            body + b"\n" for body in write_traffic(stretch(scenario, sessions).adjust(sample_rate=sample_rate), FITTED)
        )
    found = loadgen.fit(file, sample_rate=sample_rate if sample_rate < 1 else None, name="fitted").scenario
    file.unlink()
    return found


def go_round(scenario: Scenario, sessions: int, folder: Path, sample_rate: float = 1.0) -> list[Off]:
    """Everything that a round trip shows."""
    return compare(scenario, fit_traffic(scenario, sessions, folder, sample_rate), sessions, sample_rate)


def compare(
    scenario: Scenario, fitted: Scenario, sessions: int, sample_rate: float = 1.0, runs: int = len(SEEDS)
) -> list[Off]:
    """The law of a scenario that was fitted to so many sessions of another beside the law of that one.

    Figures of the pages are those of the scenarios; all others are of so many runs as make their laws precise, `runs`
    at most.
    """
    truth, cookies = stretch(scenario, sessions), scenario.client.allowCookies
    names, paths = list(scenario.pages), [page.path for page in scenario.pages.values()]
    law, other = (find_law(stretch(each, sessions), paths, runs) for each in (scenario, fitted))
    drawn = show(truth.adjust(sample_rate=sample_rate), FITTED, paths)
    people, number = number_people(drawn, scenario.population), len(drawn.events)
    wider = max(sqrt(CLAIMED / sessions / sample_rate), 1.0)
    shares = (1.0, 1.0) if cookies else (len(law.events) / law.started, len(other.events) / other.started)
    return bound_figures([
        compare_arrivals(truth, fitted, shares, 0.03 * wider),
        *(
            compare_steps(law, other, names, drawn.steps, 0.02 * wider)
            if scenario.population.persistence or not cookies
            else compare_pages(truth, fitted, drawn.steps, 0.02 * wider)
        ),
        *compare_dwells(truth, fitted, drawn, 0.05 * wider),
        *compare_vitals(law, other, drawn, people, 0.05 * wider),
        *compare_shares(law, other, scenario.population, number),
        compare_events(law, other, drawn, people, 0.03 * wider),
    ])  # fmt: skip
