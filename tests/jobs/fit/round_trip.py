"""A scenario → its traffic → a fit → how far the fitted scenario is from the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, gamma
from pathlib import Path
from typing import NamedTuple

import numpy as np

import loadgen
from loadgen import wire
from loadgen.jobs.fit.estimate import Seen, see_visits
from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.observe import observe_steps
from loadgen.jobs.fit.population import count_people
from loadgen.jobs.fit.recorded import Floats, Ints, Recorded, Recorder, SessionTable
from loadgen.jobs.fit.visits import match_site
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.scenario import Exponential, Lognormal, Population, Quantiles, Scenario, ThinkTime, Weibull
from loadgen.traffic import compute_mean_rate, draw_starts

EPOCH = 1_767_268_800.0  # 2026-01-01T12:00:00Z

PARTS, DIVISIONS, BOTH = 20, 20, 2.6 * 2**0.5
"""Parts of the sessions whose differences tell an error, and how often they are divided; a 99 % interval of the errors
of what is fitted and of what it is compared with."""

CLAIMED = 20_000
"""Sessions for which the bounds are meant; fewer widen them by the root."""


class Off(NamedTuple):
    """One figure beside the truth; `error` is a difference or a ratio less 1, `allowed` as the claim has it."""

    what: str
    truth: float
    fitted: float
    error: float
    allowed: float
    number: int

    @property
    def holds(self) -> bool:
        return abs(self.error) <= self.allowed + 1e-9


def write_traffic(scenario: Scenario, seed: int) -> Iterator[bytes]:
    """Bodies of all sessions that start, with the country codes that RUM adds."""
    destination = wire.Destination.for_scenario(scenario, UNSENT_MONITOR_ID, compression=False)
    for session, plan in planned(scenario, seed):
        country = b'"SessionMetadata":"{\\"countryCode\\":\\"%s\\",' % session.visitor.country.encode()
        for batch in plan.batches:
            body = wire.encode(batch, destination, wire.Clock(EPOCH)).request.body
            yield body.replace(b'"SessionMetadata":"{', country, 1)


def record(scenario: Scenario, seed: int) -> Recorded:
    """The same, read."""
    recorder = Recorder()
    feed = Feed(recorder)
    for body in write_traffic(scenario, seed):
        assert feed.add_line(body)
    return recorder.finish()


def stretch(scenario: Scenario, sessions: int) -> Scenario:
    """The scenario with its arrivals raised until so many sessions start in it, on average."""
    return scenario.adjust(rate=float(sessions / compute_mean_rate(scenario).expected))


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


def compare_pages(truth: Scenario, fitted: Scenario, views: dict[str, int], allowed: float) -> Iterator[Off]:
    """Transitions and exits that were seen at least 500 times."""
    names = {page.path: name for name, page in fitted.pages.items()}
    of_truth = {name: names.get(page.path, "") for name, page in truth.pages.items()}
    for name, page in truth.pages.items():
        own = fitted.pages.get(of_truth[name])
        if own is None:
            continue
        for target in truth.pages:
            real, found = page.to.get(target, 0.0), own.to.get(of_truth[target], 0.0)
            seen = int(views.get(of_truth[name], 0) * real)
            if seen >= 500:
                yield Off(f"{name} → {target}", real, found, found - real, allowed, seen)
        if (seen := int(views.get(of_truth[name], 0) * page.exit)) >= 500:
            yield Off(f"{name} → exit", page.exit, own.exit, own.exit - page.exit, allowed, seen)


def compare_steps(truth: Seen, fitted: Seen, allowed: float) -> Iterator[Off]:
    """The same as they were seen, for visitors who differ in how readily they leave: no page's exit is theirs."""
    size = len(truth.site.names) + 1
    tables = []
    for seen in (truth, fitted):
        steps = observe_steps(seen).value.astype(np.int64)
        tables.append(np.bincount(steps, minlength=size * (size - 1)).reshape(size - 1, size).astype(np.float64))
    names = (*truth.site.names, "exit")
    for row, column in zip(*np.nonzero(tables[0] >= 500), strict=True):
        real, found = (float(table[row, column] / max(table[row].sum(), 1)) for table in tables)
        name = f"{names[row]} → {names[column]}, seen"
        yield Off(name, real, found, found - real, allowed, int(tables[0][row, column]))


def compare_dwells(truth: Scenario, fitted: Scenario, allowed: float) -> Iterator[Off]:
    """The mean time on a page by device, over the pages as they were seen."""
    names = {page.path: page for page in fitted.pages.values()}
    for device in ("desktop", "mobile"):
        means: list[list[float]] = [[], []]
        for page in truth.pages.values():
            if page.path in names and page.to:
                for place, (one, whole) in enumerate(((page, truth), (names[page.path], fitted))):
                    law = one.think_time or getattr(whole.population.think_time, device)
                    means[place].append(find_mean(law))
        real, found = (float(np.mean(each)) if each else 0.0 for each in means)
        if real:
            yield Off(f"mean dwell, {device}", real, found, found / real - 1, allowed, 0)


def number_people(sessions: SessionTable, population: Population) -> Ints:
    """Of each session the number of who makes it: somebody of a small crowd, told by browser and place, or itself.

    A crowd is small where most visits are those of known visitors, who come again and again from where they are.
    """
    if population.returning < 0.5 or population.returning * len(sessions.user) < population.visitors:
        return np.arange(len(sessions.user))
    facts = (sessions.device, sessions.system, sessions.browser, sessions.version, sessions.country, sessions.language)
    return np.unique(np.stack(facts), axis=1, return_inverse=True)[1].ravel()


def compare_vitals(truth: Seen, fitted: Seen, population: Population, allowed: float) -> Iterator[Off]:
    """The 75th percentile by device."""
    people = number_people(truth.recorded.sessions, population)
    for device, small in (("desktop", False), ("mobile", True)):
        for name, field in (("LCP", "largest"), ("FCP", "paint"), ("TTFB", "first_byte"), ("INP", "input")):
            sides = []
            for seen in (truth, fitted):
                values = getattr(seen.loads, field)
                own = (seen.loads.small == small) & np.isfinite(values) & (values > 0)
                values = values[own]
                if seen is truth:
                    whose = people[seen.visits.session[seen.loads.view[own]]]
                # INP comes in steps of 8 ms: what lies between is evened out
                even = np.resize(np.arange(-4, 4, 0.01) + 0.005, len(values))
                sides.append(values + np.random.default_rng(1).permutation(even) if name == "INP" else values)
            if min(map(len, sides)) >= 500:
                real, found = (float(np.quantile(side, 0.75)) for side in sides)
                yield Off(f"{name} p75, {device}", real, found, found / real - 1,
                          max(allowed, BOTH * find_error(sides[0], whose, find_p75)), len(sides[0]))  # fmt: skip


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


def compare_shares(truth: Seen, people: Population, fitted: Scenario, sessions: int) -> Iterator[Off]:
    """Devices, browsers, systems and countries, within the 99 % intervals of both samples."""
    number, seen = len(truth.recorded.sessions.user), count_people(truth.recorded, 1)
    for what, counts, weights in (
        ("device", seen.devices, fitted.population.devices),
        ("browser", seen.browsers + seen.other_browsers, fitted.population.browsers),
        ("system", seen.systems, fitted.population.systems),
        ("country", seen.countries, fitted.population.countries),
    ):
        if not weights:
            continue
        total = sum(weights.values())
        for name, count in sorted(counts.items()):
            share = count / number
            found = {str(key): value for key, value in weights.items()}.get(name, 0.0) / total
            # both samples, and the people among whom each draws its returning visitors
            chance = 1 / sessions + 1 / number + 2 * people.returning**2 / people.visitors
            error = np.sqrt(share * (1 - share) * chance)
            if share * sessions >= 100:
                yield Off(f"{what} {name}", share, found, found - share, 2.8 * float(error), sessions)


def compare_arrivals(started: int, fitted: Scenario, allowed: float, sessions: int) -> Iterator[Off]:
    """Sessions that start, beside those that did: slow noise on the rate makes another number of each run."""
    expected = compute_mean_rate(fitted).expected
    yield Off("arrivals", started, expected, expected / started - 1, max(allowed, 2.6 / np.sqrt(sessions)), sessions)


def compare_events(truth: Seen, fitted: Seen, allowed: float) -> Iterator[Off]:
    """Events of a session."""
    numbers = [np.bincount(each.recorded.events.session).astype(np.float64) for each in (truth, fitted)]
    one, other = (float(each.mean()) for each in numbers)
    error = find_error(numbers[0], np.arange(len(numbers[0])), lambda values: float(values.mean()))
    yield Off("events a session", one, other, other / one - 1, max(allowed, BOTH * error), len(numbers[0]))


def fit_traffic(scenario: Scenario, sessions: int, folder: Path, sample_rate: float = 1.0) -> Scenario:
    """The scenario that is fitted to what the client records of so many sessions."""
    file = folder / f"{scenario.name}.ndjson"
    with file.open("wb") as out:
        out.writelines(
            body + b"\n" for body in write_traffic(stretch(scenario, sessions).adjust(sample_rate=sample_rate), 11)
        )
    found = loadgen.fit(file, sample_rate=sample_rate if sample_rate < 1 else None, name="fitted").scenario
    file.unlink()
    return found


def go_round(scenario: Scenario, sessions: int, folder: Path, sample_rate: float = 1.0) -> list[Off]:
    """Everything that a round trip shows."""
    return compare(scenario, fit_traffic(scenario, sessions, folder, sample_rate), sessions, sample_rate)


def compare(scenario: Scenario, fitted: Scenario, sessions: int, sample_rate: float = 1.0) -> list[Off]:
    """A scenario that was fitted to so many sessions of another beside that one."""
    truth, seen = stretch(scenario, sessions), round(sessions * sample_rate)
    wider, cookies = max(float(np.sqrt(CLAIMED / seen)), 1.0), scenario.client.allowCookies
    real = see_visits(record(truth, 12), 5)
    # without cookies each load is a session
    started = len(draw_starts(truth, 11)) if cookies else len(record(truth, 11).sessions.user)
    alike = stretch(fitted, sessions if cookies else len(real.recorded.sessions.user))
    shown = record(alike.adjust(sample_rate=1.0), 12)  # the same draws
    other = see_visits(shown, 1, site=match_site(shown, real.site))
    pages = np.bincount(real.visits.page, minlength=len(real.site.names))
    fitted_names = {page.path: name for name, page in fitted.pages.items()}
    views = {fitted_names.get(template.path, ""): int(count * sample_rate)
             for template, count in zip(real.site.templates, pages, strict=True)}  # fmt: skip
    return [
        *compare_arrivals(started, fitted, 0.03, seen),
        *(
            compare_steps(real, other, 0.02 * wider)
            if truth.population.persistence or not cookies
            else compare_pages(truth, fitted, views, 0.02 * wider)
        ),
        *compare_dwells(truth, fitted, 0.05 * wider),
        *compare_vitals(real, other, truth.population, 0.05 * wider),
        *compare_shares(real, truth.population, fitted, seen),
        *compare_events(real, other, 0.03 * wider),
    ]
