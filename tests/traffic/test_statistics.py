"""The traffic's shape, each figure with its tolerance; the seed is fixed, so they pass or fail for good."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from loadgen import traffic
from loadgen.rum.events import CLS, FCP, INP, JS_ERROR, LCP, NAVIGATION, PAGE_VIEW, TTFB
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenSession, events, small


def values(sessions: list[SeenSession], kind: str, *, desktop: bool) -> np.ndarray:
    wanted = [session for session in sessions if (session.visitor.device_type == "desktop") == desktop]
    return np.array([event.details.value for event in events(wanted, kind)], dtype=float)


def depths(sessions: list[SeenSession]) -> np.ndarray:
    return np.array([sum(event.type == PAGE_VIEW for event in events([session])) for session in sessions])


def test_half_of_the_visits_see_one_page_and_the_others_several(crowd: list[SeenSession]) -> None:
    """E-commerce bounces 47 %; 4.6 page views a session (Contentsquare)."""
    depth = depths(crowd)
    assert (depth == 1).mean() == pytest.approx(0.47, abs=0.03)
    assert depth.mean() == pytest.approx(4.6, abs=0.5)
    assert depth.max() <= 100


def test_the_walk_follows_the_page_graph(storefront: Scenario) -> None:
    """Steps from the product page after the landing: each share within 2 points of the scenario's."""
    habits = {"back": 0.0, "reload": 0.0}
    straight = storefront.model_copy(update={"population": storefront.population.model_copy(update=habits)})
    steps = Counter[str]()
    for session in traffic.draw_sessions(straight.adjust(duration=100), SEED):
        pages = [event.page.id.split("/")[1] for event in events([session], PAGE_VIEW)]
        steps.update(after for before, after in pairwise(pages[1:]) if before == "product")
    to = storefront.pages["product"].to
    total = sum(steps.values())
    stay = sum(to.values())
    for name, share in to.items():
        path = storefront.pages[name].path.split("/")[1]
        assert steps[path] / total == pytest.approx(share / stay, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "desktop", "mobile"),
    [(TTFB, 725, 890), (FCP, 1300, 1700), (LCP, 1660, 2130), (INP, 65, 135), (CLS, 0.06, 0.04)],
)
def test_vitals_have_the_p75_of_a_median_site(
    crowd: list[SeenSession], kind: str, desktop: float, mobile: float
) -> None:
    """Within 12 %: pages differ in slowness, and sessions share theirs over their loads."""
    assert np.percentile(values(crowd, kind, desktop=True), 75) == pytest.approx(desktop, rel=0.12)
    assert np.percentile(values(crowd, kind, desktop=False), 75) == pytest.approx(mobile, rel=0.12)


def test_ttfb_and_lcp_go_together(crowd: list[SeenSession]) -> None:
    """Correlation of logarithms near 0.8, of documents from the network: those of the cache begin within 40 ms."""
    pairs = [
        (lcp.attribution.timeToFirstByte, lcp.value)
        for lcp in (event.details for event in events(crowd, LCP))
        if lcp.attribution.timeToFirstByte > 40
    ]
    first_byte, largest = np.log(np.array(pairs, dtype=float).T)
    assert np.corrcoef(first_byte, largest)[0, 1] == pytest.approx(0.82, abs=0.06)


def test_a_third_of_the_sessions_come_back(crowd: list[SeenSession]) -> None:
    """Binomial: 32 % within 2 points. In a run this short nobody comes twice: sessions would overlap or go on."""
    returning = [session for session in crowd if session.visitor.returning]
    assert len(returning) / len(crowd) == pytest.approx(0.32, abs=0.02)
    assert len({session.visitor.user_id for session in crowd}) == len(crowd)


def test_a_tenth_of_the_sessions_have_errors_of_few_kinds(crowd: list[SeenSession]) -> None:
    """10 % within 1.5 points; 1.8 errors each within 0.25; the most frequent message takes over a fifth."""
    errors = [list(events([session], JS_ERROR)) for session in crowd]
    struck = [found for found in errors if found]
    assert len(struck) / len(crowd) == pytest.approx(0.10, abs=0.015)
    assert sum(map(len, struck)) / len(struck) == pytest.approx(1.8, abs=0.25)
    chromium = [
        event.details.message for session in crowd if session.visitor.brand for event in events([session], JS_ERROR)
    ]
    assert len(set(chromium)) <= 15
    assert Counter(chromium).most_common(1)[0][1] / len(chromium) > 0.2


def test_slow_landings_lose_more_visitors(crowd: list[SeenSession]) -> None:
    """Bounces below 1 s and above 2 s of FCP: between 3 and 11 points apart (Contentsquare: 5.5)."""
    painted = [session for session in crowd if any(events([session], FCP))]
    first = np.array([next(events([session], FCP)).details.value for session in painted])
    left = depths(painted) == 1
    assert 0.03 < left[first > 2000].mean() - left[first < 1000].mean() < 0.11


def test_every_fifth_session_meets_a_slow_page(crowd: list[SeenSession]) -> None:
    """Sessions with an LCP over 3 s: 18 % within 3 points (Contentsquare)."""
    able = [session for session in crowd if session.visitor.brand]
    slow = [any(event.details.value > 3000 for event in events([session], LCP)) for session in able]
    assert np.mean(slow) == pytest.approx(0.18, abs=0.03)


def test_navigation_types_have_the_shares_of_the_web(crowd: list[SeenSession]) -> None:
    """navigate 84, back_forward 12, reload 4 %, each within 2 points (CrUX)."""
    types = Counter(event.details.navigationType for event in events(crowd, NAVIGATION))
    shares = {name: count / types.total() for name, count in types.items()}
    assert shares == pytest.approx({"navigate": 0.84, "back_forward": 0.12, "reload": 0.04}, abs=0.02)


def test_an_error_keeps_to_its_page(crowd: list[SeenSession]) -> None:
    """Some messages happen nearly always on one kind of page."""
    where: dict[str, Counter[str]] = {}
    for event in events([session for session in crowd if session.visitor.brand], JS_ERROR):
        where.setdefault(event.details.message, Counter())[event.page.id.split("/")[1]] += 1
    often = [pages for pages in where.values() if pages.total() >= 20]
    local = [pages for pages in often if pages.most_common(1)[0][1] > 0.8 * pages.total()]
    assert len(local) >= 2


def test_countries_have_the_scenarios_shares() -> None:
    scenario = small("[population]\ncountries = { US = 1, DE = 3 }").adjust(rate=10)
    sessions = list(traffic.draw_sessions(scenario, SEED))
    shares = Counter(session.visitor.country for session in sessions)
    assert shares["DE"] / len(sessions) == pytest.approx(0.75, abs=0.03)
    assert set(shares) == {"US", "DE"}


def test_device_and_browser_mixes_are_kept() -> None:
    """Raked over both: each share within 3 points."""
    more = (
        "[population]\ndevices = { desktop = 80, mobile = 20 }\nbrowsers = { Chrome = 50, Safari = 20, Firefox = 30 }"
    )
    sessions = list(traffic.draw_sessions(small(more).adjust(rate=10), SEED))
    devices = Counter(session.visitor.device_type for session in sessions)
    browsers = Counter(session.visitor.browser_name for session in sessions)
    assert devices["desktop"] / len(sessions) == pytest.approx(0.8, abs=0.03)
    assert browsers["Firefox"] / len(sessions) == pytest.approx(0.3, abs=0.03)
    assert set(browsers) == {"Google Chrome", "Safari", "Firefox"}


def test_people_are_consistent(crowd: list[SeenSession]) -> None:
    for session in crowd:
        who = session.visitor
        assert (who.os_name == "iOS") <= ("AppleWebKit/605" in who.user_agent)  # every browser there is WebKit
        assert who.brand == ("Chrome/" in who.user_agent)  # client hints are Chromium's
        assert (who.browser_name in {"Safari", "Firefox"}) <= (not who.brand)
        assert who.browser_version in who.user_agent
        assert (who.device_type == "mobile") <= ("Mobile" in who.user_agent)
        mark = {"Windows": "Windows NT", "macOS": "Macintosh", "Android": "Android", "iOS": "like Mac OS X"}.get(
            who.os_name
        )
        assert mark is None or mark in who.user_agent


def test_languages_follow_countries(crowd: list[SeenSession]) -> None:
    """Nine Germans in ten browse in German, which Firefox calls `de` and the others `de-DE`."""
    germans = [session.visitor for session in crowd if session.visitor.country == "DE"]
    german = [visitor for visitor in germans if visitor.language.startswith("de")]
    assert len(german) / len(germans) == pytest.approx(0.9, abs=0.05)
    assert {(each.browser_name == "Firefox", each.language) for each in german} == {(True, "de"), (False, "de-DE")}


def test_products_are_popular_as_zipf_says(crowd: list[SeenSession]) -> None:
    """Share of the ten most popular of 400 products: 27 % for an exponent of 0.8, within 3 points."""
    seen = Counter(event.page.id for event in events(crowd, PAGE_VIEW) if event.page.id.startswith("/product/"))
    top = sum(count for _, count in seen.most_common(10)) / seen.total()
    assert top == pytest.approx(0.29, abs=0.03)
