"""Recorded events as page views."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.visits.cuts import find_cuts
from loadgen.jobs.fit.visits.visits import fold_pages, list_visits
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch


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
