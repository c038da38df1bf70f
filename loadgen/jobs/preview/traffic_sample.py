"""The traffic that the page shows: the arrivals of the whole run, and a sample of its visits."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

from loadgen import traffic
from loadgen.jobs.progress import OnProgress, Ticker, ignore_progress, track
from loadgen.model import Batch, Session
from loadgen.planned import planned
from loadgen.rum.events import PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.traffic import Floats
from loadgen.wire import read_vital

SAMPLED_VISITS = 3000
"""About the number of visits that are drawn in full, spread over the run."""

TRACED_VISITS = 8
"""Visits that the page shows event by event."""

LONGEST_TRACED = 180.0
"""Longest visit in seconds that is shown event by event, so that its events can be distinguished."""

DEVICES = ("desktop", "mobile")


class VisitTimeline(NamedTuple):
    """The events and requests of one visit; times in seconds from its start."""

    label: str
    end: float
    moments: tuple[tuple[float, str], ...]  # time and short type of each event
    batches: tuple[tuple[float, bool], ...]  # time of each request, and whether it is a beacon


class TrafficSample:
    """Everything that the page shows; visits are added one by one."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.implied = traffic.describe(scenario)
        self.rate = traffic.compute_mean_rate(scenario)
        self.starts: Floats = traffic.draw_starts(scenario, seed)
        self.visits = 0  # visits drawn in full
        self.depths = Counter[int]()  # visits by number of page views
        self.think_times: dict[str, list[float]] = {device: [] for device in DEVICES}  # seconds between page views
        self.vitals: dict[tuple[str, str], list[float]] = defaultdict(list)  # by vital and device
        self.mix = Counter[str]()  # events by short type, before sampling and limits
        self.batches = Counter[tuple[int, bool]]()  # requests by number of events and whether they are beacons
        self.visit_timelines: list[VisitTimeline] = []

    def add(self, session: Session, batches: tuple[Batch, ...]) -> None:
        """Add one visit and its batches."""
        device = "desktop" if session.visitor.device_type == "desktop" else "mobile"
        events = [event for load in session.loads for event in load.events]
        views = [event.at for event in events if event.type == PAGE_VIEW]
        self.visits += 1
        self.depths[len(views)] += 1
        self.think_times[device] += [after - before for before, after in pairwise(views)]
        self.mix.update(event.short_type for event in events)
        for event in events:
            if (vital := read_vital(event)) is not None:
                self.vitals[vital[0], device].append(vital[1])
        self.batches.update((len(batch.events), batch.beacon) for batch in batches)
        is_short = session.length < LONGEST_TRACED
        if len(self.visit_timelines) < TRACED_VISITS and len(views) > 1 and is_short:
            self.visit_timelines.append(trace_visit(session, batches))


def trace_visit(session: Session, batches: tuple[Batch, ...]) -> VisitTimeline:
    """Return the timeline of a visit, event by event."""
    visitor = session.visitor
    return VisitTimeline(
        f"{visitor.country} · {visitor.browser_name}, {visitor.os_name}",
        session.length,
        tuple((event.at, event.short_type) for load in session.loads for event in load.events),
        tuple((batch.due - session.start, batch.beacon) for batch in batches),
    )


def sample_traffic(scenario: Scenario, seed: int, on_progress: OnProgress = ignore_progress) -> TrafficSample:
    """Draw the arrivals of the whole run, and about SAMPLED_VISITS of its visits."""
    sample = TrafficSample(scenario, seed)
    share = (0, max(len(sample.starts) // SAMPLED_VISITS, 1))
    tick = Ticker(on_progress, f"drawing {scenario.name}", len(sample.starts) / share[1], "visits")
    for session, plan in track(planned(scenario.adjust(sample_rate=1.0), seed, share, with_unrecorded=True), tick):
        sample.add(session, plan.batches)
    sample.visit_timelines.sort(key=lambda each: each.end)
    return sample
