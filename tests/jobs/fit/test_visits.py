"""Which recorded sessions are whole, beside what the client did to them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from msgspec.json import decode

from loadgen import wire
from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.recorded import Recorder
from loadgen.jobs.fit.visits import find_cuts, fold_pages, list_visits
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch

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


def test_without_cookies_page_views_come_by_time() -> None:
    """A route change stays in the page's session; the client numbers no pages then, and tells no time on them."""
    scenario = stretch(Scenario.load("saas-dashboard"), 60)
    sides = []
    for cookies in (True, False):
        client = scenario.client.model_copy(update={"allowCookies": cookies, "sessionEventLimit": 0})
        recorded = record(scenario.model_copy(update={"client": client}), 3)
        site = fold_pages(recorded, 1)
        visits = list_visits(recorded, site, find_cuts(recorded, 0))
        routes = np.isfinite(visits.spent) & ~np.append(visits.hard[1:], True)
        sides.append(visits.spent[routes] / 1000)
    with_cookies, without = sides
    assert len(without) == pytest.approx(len(with_cookies), rel=0.1)
    assert np.median(without) == pytest.approx(np.median(with_cookies), rel=0.1)
