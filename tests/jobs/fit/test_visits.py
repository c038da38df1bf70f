"""Which recorded sessions are whole, beside what the client did to them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from loadgen import wire
from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.recorded import Recorder
from loadgen.jobs.fit.visits import find_cuts
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.scenario import Scenario

LIMIT, SESSIONS = 200, 800


@pytest.mark.parametrize("name", ["bad-release", "news-flash-crowd"])
def test_sessions_that_the_event_limit_cut_are_told_from_those_that_ended(name: str) -> None:
    """Few of them have as many events as the limit: the last ones that count for it are lost with their page."""
    scenario = Scenario.load(name).monitors[0]
    recorder = Recorder()
    feed = Feed(recorder)
    destination = wire.Destination.for_scenario(scenario, UNSENT_MONITOR_ID, compression=False)
    cut = []
    for _, plan in islice(planned(scenario, 11), SESSIONS):
        for batch in plan.batches:
            assert feed.add_line(wire.encode(batch, destination, wire.Clock(1.7e9)).request.body)
        if plan.batches:
            cut.append(plan.tally.over_session_limit > 0)
    found, really = find_cuts(recorder.finish(), LIMIT).full, np.array(cut)
    assert really.sum() > 30
    assert (found & really).sum() >= 0.9 * really.sum()
    assert (found & ~really).sum() <= 0.02 * (~really).sum()
