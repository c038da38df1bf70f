"""What is counted a view stands on views whose events are all recorded."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.custom_data import find_custom_events
from loadgen.jobs.fit.estimates.estimate import choose_complete, see_visits
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch

SITE = """
name = "news"
monitor.custom_events = true
client.sessionEventLimit = 50
pages.story = { path = "/", exit = 0.4, to = { more = 0.6 }, events = [{ type = "read", per_view = 0.5 }] }
pages.more = { path = "/more", exit = 0.4, to = { story = 0.6 } }
"""


def test_views_that_the_event_limit_cut_do_not_lower_what_a_view_records() -> None:
    seen = see_visits(record(stretch(Scenario.parse(SITE, "news"), 300), 3), 5)
    visits, walked = choose_complete(seen)
    page = seen.site.names.index("home")
    shares = [
        find_custom_events(seen.recorded, seen.site, views, numbers, 5)[page][0]["per_view"]
        for views, numbers in ((visits, walked), (seen.visits, seen.walked))
    ]
    assert shares[0] == pytest.approx(0.5, abs=0.08)
    assert shares[0] > shares[1]


def test_all_views_count_where_no_session_is_cut() -> None:
    scenario = Scenario.parse(SITE.replace("= 50", "= 0"), "news")
    seen = see_visits(record(stretch(scenario, 100), 3), 5)
    visits, walked = choose_complete(seen)
    assert np.array_equal(visits.row, seen.visits.row)
    assert np.array_equal(walked, seen.walked)
