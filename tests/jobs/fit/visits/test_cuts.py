"""Which recorded sessions are whole, beside what the client did to them."""

from __future__ import annotations

from functools import cache
from itertools import islice

import numpy as np
import pytest
from msgspec.json import decode

from loadgen import wire
from loadgen.jobs.fit.calibration.calibrate import calibrate
from loadgen.jobs.fit.drafting.compose import compose
from loadgen.jobs.fit.estimates.actions import find_clicks
from loadgen.jobs.fit.estimates.dwell import CutTimes, DwellLaws, fit_dwells, measure_dwells, spread_evenly
from loadgen.jobs.fit.estimates.dwell_laws import find_law_mean
from loadgen.jobs.fit.estimates.estimate import Seen, choose_complete, estimate, see_visits
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorder
from loadgen.jobs.fit.visits.cuts import find_cuts, find_decisions, find_roomy
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


ARCADE = """
name = "arcade"
monitor.telemetries = ["performance", "interaction"]
client.sessionEventLimit = %d
duration = "1h"

[population]
countries = { US = 1 }
devices = { desktop = 1 }
think_time.desktop = { distribution = "weibull", shape = 0.9, scale = 60 }

[pages.hall]
path = "/"
to = { game = 0.65, rules = 0.15 }
exit = 0.2
clicks = [{ id = "door", per_view = 0.6 }]

[pages.game]
path = "/game/{game}"
to = { game = 0.3, hall = 0.5 }
exit = 0.2
clicks = [{ id = "start", per_view = 0.9 }, { id = "again", per_view = 0.5 }]
think_time = { distribution = "lognormal", median = 70, sigma = 0.9 }

[pages.rules]
path = "/rules"
to = { game = 0.6, hall = 0.2 }
exit = 0.2

[telemetry]
interactions_per_minute = 6
resources = { stylesheet = 1, script = 4, font = 0, image = 6 }
"""
USUAL, GAME = 63.1, 105.0
"""Mean seconds on most pages, and on the one with times of its own."""

LIMIT = 80


@cache
def see(limit: int, sessions: int = 1_500) -> Seen:
    return see_visits(record(stretch(Scenario.parse(ARCADE % limit, "arcade"), sessions), 3), 5)


def fit_laws(seen: Seen, limit: int) -> DwellLaws:
    return fit_dwells(seen.recorded, seen.visits, seen.mobile, 5.0, limit)


def test_times_that_the_limit_cut_count_as_longer_than_they_were_seen() -> None:
    seen = see(LIMIT)
    assert seen.cuts.full.mean() > 0.4
    game = seen.site.names.index("game")
    dwells = measure_dwells(seen.recorded, seen.visits)
    assert dwells.seconds[seen.visits.page[dwells.view] == game].mean() < 0.9 * GAME
    assert find_law_mean(fit_laws(seen, LIMIT).pages[game].write()) == pytest.approx(GAME, rel=0.15)


def test_a_limit_to_which_nobody_comes_changes_no_time() -> None:
    seen = see(0)
    assert fit_laws(seen, 100_000) == fit_laws(seen, 0)
    assert find_roomy(seen.recorded, seen.visits, 100_000).all()
    found = find_decisions(seen.recorded, seen.visits, 100_000)
    assert not found.late.any()
    assert np.array_equal(found.again, seen.visits.reloads + seen.visits.links)


def test_clicks_a_view_are_counted_on_views_with_room() -> None:
    seen = see(LIMIT)
    visits, walked = choose_complete(seen)
    found = find_clicks(seen.recorded, visits, walked, 5)[seen.site.names.index("game")]
    shares = {click["id"]: click["per_view"] for click in found}
    assert shares["start"] == pytest.approx(0.9, abs=0.06)
    assert shares["again"] == pytest.approx(0.5, abs=0.08)


def test_traffic_that_is_cut_alike_tells_the_rate_of_inputs_and_the_times() -> None:
    seen = see(LIMIT)
    draft = calibrate(compose(seen, estimate(seen, 1.0, 5), "fitted", 1.0, 5), seen, lambda text: None)
    assert draft.sections["telemetry"]["interactions_per_minute"] == pytest.approx(6, rel=0.1)
    assert find_law_mean(draft.pages["game"]["think_time"]) == pytest.approx(GAME, rel=0.12)
    assert find_law_mean(draft.sections["population"]["think_time"]["desktop"]) == pytest.approx(USUAL, rel=0.12)


def test_exits_and_steps_near_the_limit_are_left_out_alike() -> None:
    seen = see(LIMIT)
    leaving = seen.steps.leaving
    assert leaving.exit[seen.site.names.index("game")] == pytest.approx(0.2, abs=0.04)
    assert leaving.bounce[seen.site.names.index("home")] == pytest.approx(0.2, abs=0.04)


def test_loads_near_the_limit_do_not_count_where_no_end_can() -> None:
    """Where a page is only seen near the limit, no end of it counts: loading it again would say that nobody leaves."""
    seen = see(0)
    again = seen.visits.reloads + seen.visits.links
    found = find_decisions(seen.recorded, seen.visits, LIMIT)
    before = seen.visits.row - np.searchsorted(seen.recorded.events.session, seen.visits.session)
    assert again[before >= LIMIT].sum() > 10
    assert found.again[before >= LIMIT].sum() == 0
    assert found.again[before < LIMIT / 2].sum() == pytest.approx(again[before < LIMIT / 2].sum(), rel=0.3)
    assert found.late[before >= LIMIT].all()


def test_times_are_spread_as_kaplan_and_meier_say() -> None:
    """With an exponential law and independent cuts the mean of the spread times is the law's."""
    stream = np.random.default_rng(5)
    times, cuts = stream.exponential(30, 20_000), stream.exponential(40, 20_000)
    cut = CutTimes(np.arange(20_000), np.minimum(times, cuts), times <= cuts, np.ones(20_000))
    found = spread_evenly(cut, np.ones(20_000, dtype=bool))
    assert len(found) == (times <= cuts).sum()
    assert times[times <= cuts].mean() < 20
    assert found.mean() == pytest.approx(30, rel=0.05)
    assert np.median(found) == pytest.approx(30 * np.log(2), rel=0.05)
