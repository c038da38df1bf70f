"""Incidents hit whom they should, when they should, and the ground truth says so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from msgspec import UNSET

from loadgen import traffic
from loadgen.errors import ScenarioError
from loadgen.rum.events import CLS, FCP, HTTP, JS_ERROR
from loadgen.scenario import Scenario
from loadgen.traffic.rate_curve import compute_rate_curve
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, SeenEvent, SeenSession, events, seen

WINDOW = 'name = "it"\nat = 60\nramp = 20\nlength = 60\n'


def struck(kind: str, more: str = "", **client: object) -> Scenario:
    """Three minutes of a small site with an incident from 60 to 160 s."""
    text = f'\n[[incidents]]\nkind = "{kind}"\n{WINDOW}{more}'
    scenario = Scenario.parse(SMALL.replace("duration = 20", "duration = 180") + text, "small.toml")
    return scenario.model_copy(update={"client": scenario.client.model_copy(update=client)})


def at_run_time(sessions: list[SeenSession], kind: str) -> list[tuple[SeenSession, SeenEvent, float]]:
    return [(each, event, each.start + event.at) for each in sessions for event in events([each], kind)]


def test_a_release_throws_its_error_in_its_browser_while_it_is_out() -> None:
    scenario = struck("error", 'browsers = ["Safari"]\nmessage = "it broke: {x}"\ntype = "RangeError"')
    sessions = list(seen(scenario, SEED))
    thrown = [found for found in at_run_time(sessions, JS_ERROR) if found[1].details.message == "it broke: {x}"]
    assert len(thrown) > 50
    assert {session.visitor.browser_name for session, _, _ in thrown} == {"Safari"}
    assert min(moment for *_, moment in thrown) > 60
    assert {event.details.type for _, event, _ in thrown} == {"RangeError"}


def test_the_ground_truth_of_errors_is_exact() -> None:
    scenario = struck("error", 'browsers = ["Chrome"]\nshare = 0.4\nmessage = "it broke"')
    sessions = list(seen(scenario, SEED))
    thrown: dict[int, int] = {}
    for session, event, _ in at_run_time(sessions, JS_ERROR):
        if event.details.message == "it broke":
            thrown[session.index] = thrown.get(session.index, 0) + 1
    truth = list(traffic.find_hits(scenario, SEED))
    assert {hit.session: hit.views for hit in truth} == thrown
    for hit in truth:
        session = sessions[hit.session]
        assert (hit.key, hit.user_id, hit.start) == (session.key, session.visitor.user_id, session.start)
        assert 60 <= hit.first <= hit.last <= 160
    assert all(before.session <= after.session for before, after in pairwise(truth))


def test_an_incident_grows_over_its_ramp() -> None:
    """Half of the ramp hits a half of those who come then, within 10 points."""
    scenario = struck("error", "per_view = 1").adjust(rate=6, duration=72)
    hit = {each.session for each in traffic.find_hits(scenario, SEED) if each.first == each.start}
    begun = [session for session in seen(scenario, SEED) if 69 < session.start < 71]
    assert np.mean([session.index in hit for session in begun]) == pytest.approx(0.5, abs=0.1)


def test_without_the_incident_the_same_visits_happen() -> None:
    scenario = struck("error", 'browsers = ["Safari"]')
    plain = scenario.model_copy(update={"incidents": ()})
    hit = {each.session for each in traffic.find_hits(scenario, SEED)}
    both = zip(seen(scenario, SEED), seen(plain, SEED), strict=True)
    assert all(with_it == without for with_it, without in both if with_it.index not in hit)


@pytest.mark.slow
def test_an_outage_slows_paints_and_drives_visitors_away() -> None:
    """FCP beyond the first byte five times as long for landings inside the window, within 25 %; more bounces."""
    scenario = struck("cdn_outage", 'countries = ["US"]').adjust(rate=6)
    sessions = [each for each in seen(scenario, SEED) if each.visitor.country == "US" and any(events([each], FCP))]
    inside = [each for each in sessions if 80 < each.start < 140]
    before = [each for each in sessions if each.start < 60]
    rendering = [np.median([_rendering(each) for each in some]) for some in (before, inside)]
    assert rendering[1] / rendering[0] == pytest.approx(5, rel=0.25)
    bounced = [np.mean([len(each.loads) == 1 for each in some]) for some in (before, inside)]
    assert bounced[1] > bounced[0] + 0.01


def _rendering(session: SeenSession) -> float:
    return float(next(events([session], FCP)).details.attribution.firstByteToFCP)


def test_an_outage_elsewhere_leaves_a_country_alone() -> None:
    scenario = struck("cdn_outage", 'countries = ["DE"]')
    countries = {each.session: each for each in traffic.find_hits(scenario, SEED)}
    sessions = list(seen(scenario, SEED))
    assert countries and {sessions[index].visitor.country for index in countries} == {"DE"}


def test_a_slow_api_fails_more_often() -> None:
    """40 % of the calls inside the window end with 503, within 6 points."""
    scenario = struck("slow_api", 'failing = 0.4\npath = "/api"', recordAllRequests=True)
    answers = [
        (moment, event.details.response.status)
        for _, event, moment in at_run_time(list(seen(scenario, SEED)), HTTP)
        if event.details.response and event.page.id != "/" and event.details.request.method == "GET"
    ]
    inside = [status == 503 for moment, status in answers if 85 < moment < 135]
    assert np.mean(inside) == pytest.approx(0.4, abs=0.06)
    assert np.mean([status == 503 for moment, status in answers if moment < 60]) < 0.02


def test_a_broken_layout_shifts() -> None:
    scenario = struck("layout_shift", 'devices = ["desktop"]\nelement = "#ad"\nshift = 0.5')
    sessions = list(seen(scenario, SEED))
    shifted = [
        (session, event)
        for session, event, _ in at_run_time(sessions, CLS)
        if event.details.attribution.largestShiftTarget == "#ad"
    ]
    assert len(shifted) > 100
    assert {session.visitor.device_type for session, _ in shifted} == {"desktop"}
    assert min(event.details.value for _, event in shifted) >= 0.35


@pytest.mark.slow
def test_a_spike_brings_more_visitors_from_its_country() -> None:
    """Five times as many from the United States, a third of all: 2.28 times as many together."""
    scenario = struck("spike", 'times = 5\ncountries = ["US"]').adjust(rate=3)
    rate = compute_rate_curve(scenario)
    assert np.interp([30.0, 110.0], rate.times, rate.rates) == pytest.approx([30, 30 * (1 + 4 * 0.32)])
    sessions = [each for each in seen(scenario, SEED) if 80 < each.start < 140]
    share = np.mean([each.visitor.country == "US" for each in sessions])
    assert share == pytest.approx(5 * 0.32 / (1 + 4 * 0.32), abs=0.03)
    truth = [each for each in traffic.find_hits(scenario, SEED) if 80 < each.start < 140]
    assert len(truth) == round(share * len(sessions))


def test_the_shares_together_are_hit_as_one() -> None:
    scenario = struck("cdn_outage")
    whole = {each.index: each for each in seen(scenario, 3)}
    parts = [{each.index: each for each in seen(scenario, 3, (worker, 2))} for worker in (0, 1)]
    assert parts[0] | parts[1] == whole


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('pages = ["chekout"]', 'incidents[0].pages: no page "chekout"'),
        ('countries = ["XX"]', 'incidents[0].countries: nobody comes from "XX"'),
        ('browser = ["Safari"]', "incidents[0].browser: unknown field"),
        ("share = 2", "incidents[0].share: must be at most 1"),
    ],
)
def test_an_incident_that_can_hit_nobody_is_a_problem(more: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        struck("error", more)
    assert message in str(caught.value)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ScenarioError, match='kind "outage" is not known; did you mean "cdn_outage"'):
        struck("outage")


def test_a_release_may_reject_promises() -> None:
    """Without file and line but in Firefox; any text may be its type and message."""
    more = 'rejected = true\ntype = "Api{Error}"\nmessage = "{0} of {b}"\nper_view = 1'
    told = [
        (session.visitor.engine, event.details)
        for session in seen(struck("error", more), SEED)
        for event in events([session], JS_ERROR)
        if event.details.type == "Api{Error}"
    ]
    assert len(told) > 20 and {engine for engine, _ in told} == {"Chromium", "Gecko", "WebKit"}
    for engine, details in told:
        assert details.message == "{0} of {b}"
        assert (details.filename is UNSET) == (details.lineno is UNSET) == (engine != "Gecko")
