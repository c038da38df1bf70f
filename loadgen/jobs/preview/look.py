"""Scenario and seed → what a page of plots shows: arrivals of the whole run, and a sample of its visits."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

from loadgen import client, traffic
from loadgen.model import Batch, Session
from loadgen.rum.events import PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.traffic import Floats
from loadgen.wire import read_vital

SAMPLE = 3000
"""Visits that are drawn in full, about; spread over the run."""

TIMELINES = 8
"""Visits that are shown event by event."""

SHORT = 180.0
"""Seconds that such a visit lasts at most, so that its moments can be told apart."""

VITALS = ("LCP", "FCP", "TTFB", "INP", "CLS")
DEVICES = ("desktop", "mobile")


class Happening(NamedTuple):
    """A moment of a visit, in seconds from its start."""

    at: float
    type: str  # short event type


class Timeline(NamedTuple):
    """One visit; times in seconds from its start."""

    label: str
    end: float
    happenings: tuple[Happening, ...]
    batches: tuple[tuple[float, bool], ...]  # when sent; by beacon


class Look:
    """All that the page shows; visits are added one by one."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.implied = traffic.implied(scenario)
        self.rate = traffic.rate(scenario)
        self.starts: Floats = traffic.starts(scenario, seed)
        self.visits = 0  # drawn in full
        self.depths = Counter[int]()  # page views of a visit
        self.think_times: dict[str, list[float]] = {device: [] for device in DEVICES}  # seconds between page views
        self.vitals: dict[tuple[str, str], list[float]] = defaultdict(list)  # by vital and device
        self.mix = Counter[str]()  # events by short type, as noticed
        self.batches = Counter[tuple[int, bool]]()  # by events and whether by beacon
        self.timelines: list[Timeline] = []

    def add(self, session: Session) -> None:
        """Look at one visit."""
        device = "desktop" if session.visitor.device_type == "desktop" else "mobile"
        seen = [event for load in session.loads for event in load.events]
        views = [event.at for event in seen if event.type == PAGE_VIEW]
        self.visits += 1
        self.depths[len(views)] += 1
        self.think_times[device] += [after - before for before, after in pairwise(views)]
        self.mix.update(event.short_type for event in seen)
        for event in seen:
            if (vital := read_vital(event)) is not None:
                self.vitals[vital[0], device].append(vital[1])
        batches = client.plan(session, self.scenario.client, 1.0).batches
        self.batches.update((len(batch.events), batch.beacon) for batch in batches)
        if len(self.timelines) < TIMELINES and len(views) > 1 and session.loads[-1].hides[-1] < SHORT:
            self.timelines.append(timeline(session, batches))


def timeline(session: Session, batches: tuple[Batch, ...]) -> Timeline:
    """A visit, event by event."""
    visitor = session.visitor
    return Timeline(
        f"{visitor.country} · {visitor.browser_name}, {visitor.os_name}",
        session.loads[-1].hides[-1],
        tuple(Happening(event.at, event.short_type) for load in session.loads for event in load.events),
        tuple((batch.due - session.start, batch.beacon) for batch in batches),
    )


def look(scenario: Scenario, seed: int) -> Look:
    """Draw the arrivals of the whole run, and some thousand of its visits."""
    seen = Look(scenario, seed)
    for session in traffic.sessions(scenario, seed, (0, max(len(seen.starts) // SAMPLE, 1))):
        seen.add(session)
    seen.timelines.sort(key=lambda each: each.end)
    return seen
