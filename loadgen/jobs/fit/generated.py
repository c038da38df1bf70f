"""A scenario → the traffic that it generates, read by the same code as what was recorded."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.recorded import Recorded, Recorder
from loadgen.jobs.generate import generate
from loadgen.scenario import Arrivals, Scenario


def record_generated(
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str = "2026-01-01",
    on_read: Callable[[int], None] | None = None,
) -> Recorded:
    """The first sessions of a scenario, every one of them sampled, as they would be recorded."""
    recorder = Recorder()
    feed = Feed(recorder)
    for number, body in enumerate(
        generate(scenario.adjust(sample_rate=1.0), sessions=sessions, seed=seed, start=start)
    ):
        feed.add_line(body)
        if on_read is not None and not number & 0x3FF:
            on_read(recorder.counts.events)
    return recorder.finish()


def make_steady(scenario: Scenario, sessions: int) -> Scenario:
    """The scenario with even arrivals, for what does not depend on when visits begin."""
    return scenario.model_copy(update={"arrivals": Arrivals(rate=max(sessions / 600, 0.1)), "duration": 600.0})
