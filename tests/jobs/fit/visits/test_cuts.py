"""Which recorded sessions are whole, beside what the client did to them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from msgspec.json import decode

from loadgen import wire
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorder
from loadgen.jobs.fit.visits.cuts import find_cuts
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import stretch

SESSIONS = 800


@pytest.mark.parametrize(
    ("name", "limit", "mistaken"),
    [("bad-release", 200, 0.02), ("news-flash-crowd", 200, 0.02), ("quickstart", 50, 0.03)],
)
def test_sessions_that_the_event_limit_cut_are_told_from_those_that_ended(
    name: str, limit: int, mistaken: float
) -> None:
    """Few of them have as many events as the limit: the last ones that count for it are lost with their page."""
    scenario = stretch(Scenario.load(name).monitors[0], SESSIONS)
    client = scenario.client.model_copy(update={"sessionEventLimit": limit})
    scenario = scenario.model_copy(update={"client": client})
    recorder = Recorder()
    feed = Feed(recorder)
    destination = wire.Destination.for_scenario(scenario, UNSENT_MONITOR_ID, compression=False)
    cut = []  # of each session when its first event was, its id, and whether it was cut
    for _, plan in islice(planned(scenario, 11), SESSIONS):
        bodies = [wire.encode(batch, destination, wire.Clock(1.7e9)).request.body for batch in plan.batches]
        assert all(map(feed.add_line, bodies))
        if bodies:
            sent = [decode(body) for body in bodies]
            first = min(event["timestamp"] for body in sent for event in body["RumEvents"])
            cut.append((first, sent[0]["UserDetails"]["sessionId"], plan.counts.over_session_limit > 0))
    found, really = find_cuts(recorder.finish(), limit).full, np.array([each[2] for each in sorted(cut)])
    assert really.sum() > 30
    assert (found & really).sum() >= 0.9 * really.sum()
    assert (found & ~really).sum() <= mistaken * (~really).sum()
