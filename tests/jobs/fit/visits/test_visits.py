"""Recorded events as page views."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.reading.metadata import PageFacts, VisitorFacts
from loadgen.jobs.fit.reading.recorded import Floats, Recorder
from loadgen.jobs.fit.visits.cuts import find_cuts
from loadgen.jobs.fit.visits.site import fold_pages
from loadgen.jobs.fit.visits.visits import follow_returns, list_visits
from loadgen.rum.events import PAGE_VIEW
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


MARKET = """
name = "market"
duration = "20m"
monitor.telemetries = ["performance"]
arrivals.rate = 0.4

[population]
back = 0.4
bfcache = {bfcache}
impatience = 0

[pages.list]
path = "/list"
to = {{ item = 0.8 }}
exit = 0.2

[pages.item]
path = "/item/{{item}}"
to = {{ list = 0.3, item = 0.3, order = 0.2 }}
exit = 0.2

[pages.order]
path = "/order"
to = {{ list = 0.5 }}
exit = 0.5

[pools]
item = {{ size = 8 }}
"""

VISITOR = VisitorFacts(*repeat(None, len(VisitorFacts._fields)))


def see_market(bfcache: float) -> Seen:
    return see_visits(record(Scenario.parse(MARKET.format(bfcache=bfcache), "market.toml"), 3), 5)


def find_shares(seen: Seen) -> Floats:
    names = [seen.site.names.index(name) for name in ("list", "item", "order")]
    to = seen.steps.to[np.ix_(names, names)]
    return np.asarray(to / to.sum(axis=1, keepdims=True))


def test_steps_are_those_of_the_pages_that_were_shown() -> None:
    seen = see_market(1.0)
    assert len(follow_returns(seen.recorded, seen.visits).source) > 100
    shares = find_shares(seen)
    assert shares[0] == pytest.approx([0, 1, 0], abs=0.03)
    assert shares[1] == pytest.approx([0.375, 0.375, 0.25], abs=0.06)
    assert shares[2] == pytest.approx([1, 0, 0], abs=0.15)  # some 60 steps


def test_exits_are_those_of_the_pages_that_were_shown() -> None:
    seen = see_market(1.0)
    exits = dict(zip(seen.site.names, seen.steps.leaving.exit.tolist(), strict=True))
    assert exits["order"] == pytest.approx(0.5, abs=0.08)
    assert exits["item"] == pytest.approx(0.2, abs=0.04)


def test_without_returns_every_page_is_left_itself() -> None:
    seen = see_market(0.0)
    found = follow_returns(seen.recorded, seen.visits)
    assert found.left.tolist() == list(range(len(seen.visits.page)))
    assert not len(found.source)


@pytest.mark.parametrize("told", [True, False])
def test_a_view_after_a_return_comes_from_the_page_returned_to(told: bool) -> None:
    """The client names it; without that the view is taken to follow the last one, if its number does."""
    recorder = Recorder()
    whose = recorder.open_session("one", None, VISITOR)
    for at, path, number, parent in ((0, "/a", 0, None), (5, "/b", 1, "/a"), (9, "/c", 1, "/a"), (12, "/d", 2, "/c")):
        page = PageFacts(path, None, number, parent if told else None, (), None)
        recorder.add_event(whose, 1.7e9 + at, PAGE_VIEW, 0, page, b"{}")
    recorded = recorder.finish()
    visits = list_visits(recorded, fold_pages(recorded, 1), find_cuts(recorded, 0))
    assert visits.parent.tolist() == ([-1, 0, 0, 2] if told else [-1, 0, -1, 2])
    assert np.isfinite(visits.spent).tolist() == [True, False, True, False]
