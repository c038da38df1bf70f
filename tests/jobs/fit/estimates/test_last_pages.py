"""How long last pages are looked at, by what their batches tell."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.dwell import find_ready, fit_dwells
from loadgen.jobs.fit.estimates.dwell_laws import find_law_mean
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.last_pages import LastPages, Watches, fit_watches
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch

ONE_PAGE = """
name = "one-page"
monitor.domain = "one.example.com"
arrivals.rate = 1
duration = "1h"

[population]
countries = { US = 1 }
think_time.desktop = %s
think_time.mobile = { distribution = "weibull", scale = 12 }
%s

[pages.home]
path = "/"
exit = 1

[telemetry]
resources = { stylesheet = 0, script = 1, font = 0, image = 0 }
"""
LONG, SHORT = '{ distribution = "weibull", scale = 46.2 }', '{ distribution = "quantiles", seconds = [1, 3] }'


def see(desktop: str, more: str = "", sessions: int = 1_200) -> Seen:
    return see_visits(record(stretch(Scenario.parse(ONE_PAGE % (desktop, more), "one-page"), sessions), 3), 5)


def watch(seen: Seen) -> Watches:
    pages = LastPages(seen.recorded, seen.visits, find_ready(seen.recorded, seen.visits), 5.0)
    return pages.list_watches(np.ones(len(seen.visits.page), dtype=bool))


def test_visits_of_one_page_tell_how_long_it_is_looked_at() -> None:
    seen = see(LONG)
    laws = fit_dwells(seen.recorded, seen.visits, seen.mobile, 5.0)
    assert laws.desktop is not None
    assert laws.mobile is not None
    assert laws.desktop.bounded
    assert laws.desktop.first == pytest.approx(46.2, rel=0.3)
    assert laws.mobile.first == pytest.approx(12, rel=0.3)


def test_pages_that_are_left_before_the_first_tick_are_known_to_be_left_behind_their_loads() -> None:
    seen = see(SHORT, "devices = { desktop = 1 }", 600)
    watches = watch(seen)
    assert watches.left > 0.9 * len(watches.view)  # the others' tabs were left for a while
    law = fit_watches(watches)
    assert law is not None
    assert 1.5 < law.first < 4
    assert law.second > 1.5  # none is left at once


def test_browsers_without_layout_shifts_tell_nothing_and_bias_nothing() -> None:
    half = see(LONG, "devices = { desktop = 1 }\nbrowsers = { Chrome = 1, Firefox = 1 }")
    watches = watch(half)
    assert 0.35 < len(np.unique(watches.view)) / len(half.visits.page) < 0.65
    law = fit_watches(watches)
    assert law is not None
    assert law.first == pytest.approx(46.2, rel=0.3)


def test_too_few_pages_that_were_left_while_watched_give_no_law() -> None:
    begin = np.zeros(200)
    assert fit_watches(Watches(np.arange(200), begin, begin + 5, np.full(200, np.inf))) is None


def test_times_that_are_known_are_taken_rather_than_bounds() -> None:
    seen = see_visits(record(stretch(Scenario.load("quickstart"), 300), 3), 5)
    laws = fit_dwells(seen.recorded, seen.visits, seen.mobile, 5.0)
    assert laws.desktop is not None
    assert not laws.desktop.bounded


PARTING = """
name = "parting"
monitor.domain = "one.example.com"
monitor.telemetries = ["errors", "performance", "interaction"]
arrivals.rate = 1
duration = "1h"
client.allowCookies = %s

[population]
countries = { US = 1 }
devices = { desktop = 1 }

[pages.home]
path = "/"
to = { form = 0.4, bye = 0.4 }
exit = 0.2

[pages.form]
path = "/form"
to = { home = 0.8 }
exit = 0.2
think_time = { distribution = "lognormal", median = 9, sigma = 0.5 }

[pages.bye]
path = "/bye"
exit = 1
think_time = { distribution = "exponential", mean = 3 }

[telemetry]
resources = { stylesheet = 0, script = 1, font = 0, image = 0 }
"""


def fit_means(cookies: bool, sessions: int) -> dict[str, float]:
    """The mean times on the pages that have a law of their own."""
    text = PARTING % str(cookies).lower()
    seen = see_visits(record(stretch(Scenario.parse(text, "parting"), sessions), 3), 5)
    laws = fit_dwells(seen.recorded, seen.visits, seen.mobile, 5.0)
    return {seen.site.names[page]: find_law_mean(law.write()) for page, law in laws.pages.items()}


def test_a_page_that_only_ever_comes_last_has_a_law_of_its_own_where_it_surely_differs() -> None:
    means = fit_means(cookies=True, sessions=400)
    assert means["bye"] == pytest.approx(3, rel=0.4)


def test_without_cookies_times_end_with_the_click_that_leads_to_the_next_load() -> None:
    means = fit_means(cookies=False, sessions=600)
    assert means.keys() == {"form", "bye"}
    assert means["form"] == pytest.approx(10.2, rel=0.15)
