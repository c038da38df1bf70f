"""Each law of the browser and the client holds in our visits about as often as in real ones.

An interval has room for other fits, and none for the share that visits had while the law was broken: always, or never.
What is no share of events is held where it is made:

| law | test |
|---|---|
| user agent, Origin, Referer, languages, client hints | tests/wire/test_browser_headers.py::test_user_agent_headers_and_body_tell_of_the_same_browser |
| no tablets: navigator.userAgentData knows desktop and mobile | tests/wire/test_browser_headers.py::test_user_agent_headers_and_body_tell_of_the_same_browser |
| iOS versions that exist | tests/wire/test_browser_headers.py::test_safari_versions_exist |
| a CORS preflight before a visitor's first fetch | tests/client/test_dispatch.py::test_the_first_fetch_of_a_visit_is_preflighted_and_beacons_are_not |
| words of a failed fetch | tests/traffic/test_js_errors.py::test_a_failed_fetch_is_told_in_the_engine_s_words |
| form of stacks | tests/traffic/test_js_errors.py::test_stacks_have_the_engine_s_form |
| minified stacks | tests/traffic/test_js_errors.py::test_stacks_of_built_code_are_one_line_and_the_same_for_a_fault_of_a_release |
| resolution of times by engine | tests/traffic/test_events.py::test_times_are_tenths_of_milliseconds_in_blink_and_whole_ones_in_other_engines |
| one user, one session at a time | tests/traffic/test_returns.py::test_nobody_is_in_two_sessions_of_any_scenario |
| two tabs share a session | tests/traffic/test_tabs.py::test_both_tabs_send_under_one_session_and_every_event_is_accounted_for |
"""  # noqa: E501

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from tests.judge.laws import LAWS, share_of
from tests.judge.visits import SeenVisit, draw_shop, read_recorded
from tests.paths import ROOT


class Expected(NamedTuple):
    """Between which shares ours must lie, and which it was while the law was broken."""

    least: float
    most: float
    broken: float


EXPECTED = {
    "LCP is recorded before FID in a batch": Expected(0.10, 0.60, 1.0),
    "FCP before the navigation event": Expected(0.40, 0.92, 1.0),
    "navigation before TTFB": Expected(0.40, 0.80, 1.0),
    "X-Ray trace before navigation": Expected(0.08, 0.45, 0.54),
    "http event before navigation": Expected(0.05, 0.40, 0.44),
    "FCP and LCP are multiples of 4 ms": Expected(1.0, 1.0, 0.02),
    "requestStart = connectEnd": Expected(0.0, 0.05, 1.0),
    "domComplete = loadEventStart": Expected(0.40, 0.75, 1.0),
    "the largest shift is the whole CLS": Expected(0.55, 0.97, 0.01),
    "INP = the sum of its parts": Expected(0.60, 0.98, 1.0),
    "INP of the first input waited as FID says": Expected(0.99, 1.0, 0.88),
    "a cached file takes 0 ms": Expected(0.70, 1.0, 0.24),
    "a back_forward document comes from the cache": Expected(1.0, 1.0, 0.0),
    "TTFB has a cacheDuration": Expected(0.01, 0.15, 0.0),
    "FID or INP without a target": Expected(0.03, 0.60, 0.0),
    "a load with FID and without LCP": Expected(0.03, 0.50, 0.0),
    "the referrer after a step back is the page just left": Expected(0.0, 0.70, 1.0),
    "a load with a .woff2, which the client takes for a style sheet": Expected(0.90, 1.0, 0.0),
    "a load with an image of a style sheet": Expected(0.40, 1.0, 0.0),
    "a load with a favicon": Expected(0.25, 0.75, 0.0),
    "the document's headers count 300 octets": Expected(0.85, 0.998, 1.0),
    "fractions of a millisecond with the noise of doubles": Expected(0.80, 0.97, 0.0),
    "device is desktop or mobile": Expected(1.0, 1.0, 0.98),
}

RARE = 60
"""Cases below which a sample's share says little."""


@pytest.fixture(scope="module")
def ours() -> list[SeenVisit]:
    """Some 1,200 visits to the shop, so that steps back are among them."""
    return [visit for seed in range(1, 5) for visit in draw_shop(seed)]


@pytest.fixture(scope="module")
def real() -> list[SeenVisit]:
    return read_recorded("unscripted")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_law_holds_in_ours_as_in_real_visits(name: str, ours: list[SeenVisit], real: list[SeenVisit]) -> None:
    least, most, broken = EXPECTED[name]
    assert not least <= broken <= most
    share, cases = share_of(LAWS[name], ours)
    assert cases > 15
    assert least <= share <= most
    told, count = share_of(LAWS[name], real)
    assert count < RARE or least <= told <= most


def test_every_law_is_held() -> None:
    assert set(EXPECTED) == set(LAWS)


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"\| (tests/\S+)::(\S+) \|", __doc__ or "")
    assert len(named) == 10
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), test
