"""Prerendered pages: their client starts before the visitor comes, and web-vitals counts from the activation.

What is held here is what aws-rum-web 3.2.1 sent of such pages in Chromium 156.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from loadgen import client, traffic
from loadgen.errors import ScenarioError
from loadgen.rum.events import CLS, DOM, FCP, FID, HTTP, INP, LCP, NAVIGATION, PAGE_VIEW, RESOURCE, TTFB, XRAY
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, SeenLoad, SeenSession, one, seen

Pair = tuple[SeenLoad, SeenLoad]
"""The document that is left, and the prerendered one."""


def prerendering(link: str, browser: str = "Chrome", more: str = "") -> Scenario:
    text = SMALL.replace("[pages.item]", f"[pages.item]\nlink = {{ {link} }}")
    return Scenario.parse(f"{text}\n[population]\nbrowsers = {{ {browser} = 1 }}\n{more}", "small.toml").adjust(
        duration=12
    )


def find_pairs(sessions: list[SeenSession]) -> list[Pair]:
    return [pair for session in sessions for pair in pairwise(session.loads) if pair[1].shown]


@pytest.fixture(scope="module")
def visits() -> list[SeenSession]:
    return list(seen(prerendering('prerender = 1, eagerness = "immediate"'), SEED))


@pytest.fixture(scope="module")
def pairs(visits: list[SeenSession]) -> list[Pair]:
    return find_pairs(visits)


def test_a_prerendered_page_begins_while_the_one_before_is_shown(pairs: list[Pair]) -> None:
    assert len(pairs) > 30
    for before, page in pairs:
        assert before.ready <= page.at < page.shown < before.end < page.end
        assert page.shown <= before.end < page.shown + 1 or page.ready > page.shown


def test_its_client_starts_before_it_is_shown_and_what_the_visitor_does_comes_behind(pairs: list[Pair]) -> None:
    early = 0
    for before, page in pairs:
        view, navigation = one(page, PAGE_VIEW), one(page, NAVIGATION)
        if view:
            assert view.at == page.ready and view.details.referrer.endswith(before.events[0].page.id)
            assert view.page.parent_id == before.events[0].page.id
        early += bool(navigation and navigation.at < page.shown)
        assert navigation is None or navigation.details.unloadEventStart == 0
        assert all(
            event.at >= page.shown for event in page.events if event.type in {TTFB, FCP, CLS, LCP, FID, INP, DOM}
        )
    assert early > len(pairs) / 2


def test_vitals_count_from_the_activation_and_are_never_below_0(pairs: list[Pair]) -> None:
    painted = 0
    for _, page in pairs:
        ttfb, fcp, lcp, navigation = (one(page, kind) for kind in (TTFB, FCP, LCP, NAVIGATION))
        activated = (page.shown - page.at) * 1000
        if ttfb and navigation:
            expected = max(navigation.details.responseStart - activated, 0)
            assert ttfb.details.value == pytest.approx(expected, abs=0.01)
            attribution = ttfb.details.attribution
            parts = (attribution.waitingDuration, attribution.cacheDuration, attribution.dnsDuration,
                     attribution.connectionDuration, attribution.requestDuration)  # fmt: skip
            assert min(parts) >= 0 and sum(parts) == pytest.approx(expected, abs=0.01)
        if fcp:
            painted += 1
            frame = activated + fcp.details.value
            assert fcp.details.value > 0 and frame == pytest.approx(4 * round(frame / 4), abs=0.01)
            if lcp:
                assert lcp.details.value >= fcp.details.value
                assert lcp.details.attribution.timeToFirstByte == fcp.details.attribution.timeToFirstByte
    assert painted > 20


def test_a_page_that_is_there_when_the_visitor_comes_paints_at_once() -> None:
    times = {
        eagerness: sorted(
            one_.details.value
            for _, page in find_pairs(list(seen(prerendering(f'prerender = 1, eagerness = "{eagerness}"'), SEED)))
            if (one_ := one(page, FCP))
        )
        for eagerness in ("immediate", "moderate", "conservative")
    }
    middle = {name: values[len(values) // 2] for name, values in times.items()}
    assert middle["immediate"] < 120 < middle["moderate"] < middle["conservative"]


@pytest.mark.parametrize("browser", ["Safari", "Firefox", '"Chrome iOS"', "Instagram"])
def test_other_browsers_and_web_views_do_not_prerender(browser: str) -> None:
    visits = seen(prerendering("prerender = 1, unused = 1", browser), SEED)
    assert not [load for session in visits for load in session.loads if load.shown]


def test_a_share_of_the_links_is_prerendered() -> None:
    whole, half, none = (
        len(find_pairs(list(seen(prerendering(f"prerender = {share}"), SEED)))) for share in (1, 0.5, 0)
    )
    assert none == 0 and whole / 3 < half < whole * 2 / 3


def test_batches_that_leave_before_the_activation_are_marked_and_every_event_is_accounted_for(
    visits: list[SeenSession],
) -> None:
    settings, marked = prerendering("prerender = 1").client, 0
    for session in visits:
        plan = client.plan(session, settings, 1.0)
        due = [batch.due for batch in plan.batches]
        assert due == sorted(due)
        sent = sum(len(batch.events) for batch in plan.batches)
        assert plan.counts.generated == sent + plan.counts.over_session_limit + plan.counts.dropped_by_client
        for batch in plan.batches:
            marked += batch.prerendering
            assert batch.prerendering == (batch.due - session.start < session.loads[batch.load].shown)
            assert not (batch.prerendering and batch.beacon)
    assert marked > 5


@pytest.mark.parametrize(("limit", "rate"), [(15, 1.0), (200, 0.4)])
def test_what_is_left_unmade_is_what_the_client_would_not_record(limit: int, rate: float) -> None:
    more = f"[monitor]\nsample_rate = {rate}\n[client]\nsessionEventLimit = {limit}\n"
    scenario = prerendering('prerender = 0.5, unused = 0.5, eagerness = "immediate"', more=more)
    whole = traffic.draw_sessions(scenario, SEED)
    quick = traffic.draw_sessions(scenario, SEED, only_recordable=True)
    for session, lean in zip(whole, quick, strict=True):
        assert client.plan(lean, scenario.client, rate) == client.plan(session, scenario.client, rate)


@pytest.fixture(scope="module")
def wasted() -> list[SeenSession]:
    scenario = prerendering('unused = 0.8, eagerness = "immediate"')
    client_ = scenario.client.model_copy(update={"enableXRay": True})
    return list(seen(scenario.model_copy(update={"client": client_}), SEED))


def find_unused(session: SeenSession) -> list[tuple[SeenLoad, SeenLoad]]:
    """The documents that are never shown, each behind the one that was shown meanwhile."""
    found = []
    for unused in (load for load in session.loads if load.shown == math.inf):
        found.append((next(load for load in session.loads if load.shown == 0 and load.end >= unused.end), unused))
    return found


def test_a_page_that_is_never_shown_tells_of_itself_and_not_of_a_visitor(wasted: list[SeenSession]) -> None:
    pairs = [pair for session in wasted for pair in find_unused(session)]
    assert len(pairs) > 30
    for shown, unused in pairs:
        assert shown.at < unused.at < unused.ready < unused.end <= shown.end
        assert {event.type for event in unused.events} <= {PAGE_VIEW, RESOURCE, NAVIGATION, HTTP, XRAY}
        view, landed = unused.events[0], one(shown, PAGE_VIEW)
        assert view.type == PAGE_VIEW and view.details.referrer.startswith("https://shop.example.com/")
        if landed:
            assert view.page.interaction == landed.page.interaction + 1 and view.page.parent_id == landed.page.id
    assert any(one(unused, NAVIGATION) for _, unused in pairs)


def test_pages_count_on_as_if_there_had_been_no_unused_one(wasted: list[SeenSession]) -> None:
    plain = list(traffic.draw_sessions(prerendering('eagerness = "immediate"'), SEED))
    for session, without in zip(wasted, plain, strict=True):
        pages = [[each.events[0].page for each in its.loads if each.shown != math.inf and each.events]
                 for its in (session, without)]  # fmt: skip
        assert pages[0] == pages[1]
    ids = [event.id for session in wasted for load in session.loads for event in load.events]
    traces = [event.details.id for session in wasted for load in session.loads for event in load.events
              if event.type == XRAY]  # fmt: skip
    assert len(set(ids)) == len(ids) and len(set(traces)) == len(traces)


def test_what_an_unused_page_has_not_sent_is_lost(wasted: list[SeenSession]) -> None:
    settings, lost = prerendering("unused = 0.8").client, 0
    for session in wasted:
        plan = client.plan(session, settings, 1.0)
        sent = sum(len(batch.events) for batch in plan.batches)
        assert plan.counts.generated == sent + plan.counts.over_session_limit + plan.counts.dropped_by_client
        unused = {number for number, load in enumerate(session.loads) if load.shown == math.inf}
        batches = [batch for batch in plan.batches if batch.load in unused]
        assert all(batch.prerendering and not batch.beacon for batch in batches)
        lost += sum(session.loads[number].end < session.loads[number].ready + 5 for number in unused)
        short = {number for number in unused if session.loads[number].end < session.loads[number].ready + 5}
        assert not short & {batch.load for batch in batches}
    assert lost > 5


def test_a_route_is_not_prerendered() -> None:
    with pytest.raises(ScenarioError, match=r"pages\.item\.link\.prerender: a route change loads no page"):
        Scenario.parse(
            SMALL.replace("[pages.item]", "[pages.item]\nroute = true\nlink = { prerender = 0.5 }"), "small.toml"
        )
