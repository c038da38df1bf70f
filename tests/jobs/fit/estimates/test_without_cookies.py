"""Without cookies each load is a session: which of them begin a visit, and which follow the same page, shows."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.without_cookies import add_followers, find_followers
from loadgen.scenario import Scenario
from loadgen.traffic import draw_starts
from tests.jobs.fit.round_trip import record, stretch

PAPER = """
name = "paper"
duration = "2h"
client.allowCookies = {cookies}
arrivals.rate = 0.1

[population]
returning = 0.6
back = 0.05
bfcache = {bfcache}
impatience = 0

[pages.front]
path = "/"
entry = 50
to = {{ article = 0.7 }}
exit = 0.3

[pages.article]
path = "/news/{{article}}"
entry = 50
to = {{ article = 0.2, front = 0.1 }}
exit = 0.7

[pools]
article = {{ size = 60 }}
"""
VISITS = 2_000


def print_paper(cookies: str = "false", bfcache: float = 0.0) -> Scenario:
    return stretch(Scenario.parse(PAPER.format(cookies=cookies, bfcache=bfcache), "paper.toml"), VISITS)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return see_visits(record(print_paper(), 4), 5)


def test_visits_begin_with_the_loads_that_replace_no_page(seen: Seen) -> None:
    started = len(draw_starts(print_paper(), 4))
    assert len(seen.recorded.sessions.user) > 1.3 * started
    assert (~seen.cuts.begins).sum() == pytest.approx(started, rel=0.03)
    entries = seen.steps.entries / seen.steps.entries.sum()
    assert entries == pytest.approx([0.5, 0.5], abs=0.05)


def test_loads_of_the_page_before_are_told_from_loads_after_another(seen: Seen) -> None:
    front = [each.path for each in seen.site.templates].index("/")
    article = 1 - front
    to = seen.steps.to * ((1 - seen.steps.leaving.exit) / seen.steps.to.sum(axis=1))[:, None]
    assert to[front, front] == pytest.approx(0, abs=0.02)
    assert to[front, article] == pytest.approx(0.7, abs=0.08)
    assert to[article, article] == pytest.approx(0.2, abs=0.06)
    assert to[article, front] == pytest.approx(0.1, abs=0.04)


def test_what_later_pages_find_in_the_cache_is_told(seen: Seen) -> None:
    assert seen.steps.cached == pytest.approx(0.9, abs=0.05)


def test_a_load_that_does_not_say_what_it_replaced_is_a_visit() -> None:
    """A page that enters the back/forward cache is not unloaded."""
    seen = see_visits(record(print_paper(bfcache=0.5), 3), 5)
    assert not find_followers(seen.recorded, seen.site).any()
    assert seen.steps.entries.sum() == len(seen.visits.page)


def test_with_cookies_nothing_changes() -> None:
    seen = see_visits(record(print_paper(cookies="true"), 3), 5)
    assert not find_followers(seen.recorded, seen.site).any()
    assert add_followers(seen.steps, seen.recorded, seen.visits) is seen.steps
    assert np.isfinite(seen.visits.spent).sum() > 100
