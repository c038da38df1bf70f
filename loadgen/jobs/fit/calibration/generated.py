"""Generate traffic from a draft and read it like recorded traffic, with little but what is matched.

Rule: a rare kind of device has few of the visits that a round generates, and always the same ones, as the seed is
fixed: its vitals would be moved to make up for what these few are by chance. So it is generated alone. Events that do
not matter here are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder
from loadgen.jobs.fit.visits.site import match_site
from loadgen.jobs.generate import generate
from loadgen.scenario import Arrivals, Scenario

FEWEST, MOST, TIMES = 250, 12_000, 3
"""Sessions of a whole round at least and at most, and generated sessions for each recorded one: more would only match
the recorded sessions' random error."""

CROWD = 100_000
"""Returning visitors of the generated traffic: the devices and countries of the few hundred of some sites would be off
by chance, always in the same way, and vitals would be moved to make up for it."""

SEED = 20_261_125
"""Fixed, so that the same data give the same scenario."""

LEAN = {"stylesheet": 0, "script": 1, "font": 0}
"""Files of a page while vitals are matched: files are most of the events, and vitals do not depend on them."""

RARE = 0.25
"""Share of the loads below which the rarer kind of device is generated alone."""

UNNEEDED = ("http", "interaction")
"""Telemetries that vitals do not depend on: calls and clicks go on, but are not recorded."""


def show_draft(draft: Draft, sessions: int, seen: Seen) -> Seen:
    """Generate so many sessions from a draft, and read them as visits to the pages of `seen`."""
    generated = record_generated(make_steady(draft.build(), sessions), sessions, SEED)
    return see_visits(generated, 1, site=match_site(generated, seen.site))


def size_round(shown: Seen, sessions: int, events: float, most: int) -> int:
    """Return the number of sessions that have about so many events, as `sessions` had those of `shown`."""
    return int(np.clip(events * sessions / max(shown.recorded.counts.events, 1), FEWEST, most))


def record_generated(
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str | None = None,
    on_read: Callable[[int], None] | None = None,
) -> Recorded:
    """Generate the first sessions of a scenario at sample rate 1, and read them as recorded traffic."""
    recorder = Recorder()
    add_generated(recorder, scenario, sessions, seed, start, on_read)
    return recorder.finish()


def add_generated(
    recorder: Recorder,
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str | None = None,
    on_read: Callable[[int], None] | None = None,
) -> None:
    """Generate the first sessions of a scenario at sample rate 1, and add them to what a recorder has."""
    feed = Feed(recorder)
    for number, body in enumerate(
        generate(scenario.adjust(sample_rate=1.0), sessions=sessions, seed=seed, start=start)
    ):
        feed.add_line(body)
        if on_read is not None and not number & 0x3FF:
            on_read(recorder.counts.events)


def make_steady(scenario: Scenario, sessions: int) -> Scenario:
    """Return the scenario with a constant rate of arrivals and many visitors, for figures that depend on neither."""
    many = scenario.population.model_copy(update={"visitors": max(scenario.population.visitors, CROWD)})
    arrivals = Arrivals(rate=max(sessions / 600, 0.1))
    return scenario.model_copy(update={"arrivals": arrivals, "duration": 600.0, "population": many})


def make_lean(draft: Draft, keeps_events: bool = False) -> Draft:
    """Return a copy of the draft with fewer events: few files, no errors, replays and custom events, no event limit.

    `keeps_events`: all but the event limit stays, as the client's batch limit makes it depend on the number of events
    which of them are sent.
    """
    lean = draft.copy()
    lean.sections["client"]["sessionEventLimit"] = 0
    if keeps_events:
        return lean
    lean.sections["telemetry"]["errors"] = {"sessions": 0.0}
    lean.sections["monitor"]["telemetries"] = [
        each for each in lean.sections["monitor"]["telemetries"] if each != "replay"
    ]
    for page in lean.pages.values():
        page.pop("events", None)
    for owner in (lean.sections["telemetry"], *lean.pages.values()):
        if "resources" in owner:
            owner["resources"] = LEAN | {"image": min(owner["resources"].get("image", 1), 1)}
    return lean


def find_rare_device(seen: Seen) -> bool | None:
    """Return whether the rare kind of device is the small one; None: neither kind is rare, or it has too few loads."""
    loads = len(seen.loads.small)
    small = float(seen.loads.small.mean()) if loads else 0.5
    rarer = min(small, 1 - small)
    return small < 0.5 if LEAST / max(loads, 1) <= rarer < RARE else None


def restrict_to_device(draft: Draft, small: bool, keeps_events: bool = False) -> Draft:
    """Return a copy of the draft whose visitors have only one kind of device, and which records little but vitals.

    `keeps_events`: all is recorded, as for `make_lean`.
    """
    alone = draft.copy()
    population, monitor = alone.sections["population"], alone.sections["monitor"]
    population["devices"] = {"mobile" if small else "desktop": 1}  # some tablets report that they are desktops
    for mix in ("browsers", "systems"):  # those of all devices; vitals depend on neither
        population.pop(mix, None)
    if keeps_events:
        return alone
    monitor["telemetries"] = [each for each in monitor["telemetries"] if each not in UNNEEDED]
    alone.sections["client"]["enableXRay"] = False
    return alone
