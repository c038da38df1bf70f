"""What each event says holds together with the others of its load."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest
from msgspec import UNSET

from loadgen.rum.events import (
    CLS,
    DOM,
    FCP,
    FID,
    HTTP,
    INP,
    JS_ERROR,
    LCP,
    NAVIGATION,
    PAGE_VIEW,
    RESOURCE,
    TTFB,
    XRAY,
    PageView,
)
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenEvent, SeenSession, events, kinds, loads, one, seen, small

TENTH = pytest.approx


def near(value: float) -> object:
    """Equal up to floating point: everything is whole tenths of a millisecond."""
    return pytest.approx(value, abs=0.01)


def test_every_type_of_the_web_client_occurs(shop: list[SeenSession]) -> None:
    expected = {PAGE_VIEW, NAVIGATION, RESOURCE, LCP, FID, CLS, INP, FCP, TTFB, JS_ERROR, HTTP, XRAY, DOM}
    assert kinds(shop) == expected | {"add_to_cart", "purchase"}


def test_events_are_in_the_order_of_their_recording(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        assert all(earlier.at <= later.at for earlier, later in pairwise(load.events))
        assert all(load.ready <= event.at <= load.hides[-1] for event in load.events)


def test_only_lcp_is_recorded_at_the_very_moment_of_a_hide(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        assert {event.type for event in load.events if event.at == load.hides[-1]} <= {LCP}


def test_a_page_view_comes_first(shop: list[SeenSession]) -> None:
    first = Counter(load.events[0].type for session in shop for load in session.loads[:1])
    assert set(first) == {PAGE_VIEW}
    again = [load for session in shop for load in session.loads[1:]]
    viewed = [load for load in again if load.events[0].type == PAGE_VIEW]
    assert len(viewed) > 0.9 * len(again)
    assert all(PAGE_VIEW not in {event.type for event in load.events[1:]} for load in again)


def test_a_reload_shows_the_same_page_and_has_no_page_view(shop: list[SeenSession]) -> None:
    reloads = 0
    for session in shop:
        for before, after in pairwise(session.loads):
            event = one(after, NAVIGATION)
            if event and event.details.navigationType == "reload":
                reloads += 1
                assert after.events[0].page == before.events[-1].page
                assert one(after, PAGE_VIEW) is None
    assert reloads > 100


def test_a_step_back_shows_the_page_before(shop: list[SeenSession]) -> None:
    found = 0
    for session in shop:
        seen: list[str] = []
        for load in session.loads:
            page, event = load.events[0].page.id, one(load, NAVIGATION)
            if event and event.details.navigationType == "back_forward" and load is not session.loads[0]:
                found += 1
                assert page in seen
            seen.append(page)
    assert found > 200


def test_the_same_page_again_has_no_page_view(shop: list[SeenSession]) -> None:
    for session in shop:
        views = [event for load in session.loads for event in load.events if event.type == PAGE_VIEW]
        assert [event.page.interaction for event in views] == list(range(len(views)))
        for before, after in pairwise(views):
            assert before.page.id != after.page.id
            assert after.page.parent_id == before.page.id
            assert after.details.parentPageInteractionId == before.details.pageInteractionId
            assert after.details.timeOnParentPage == near_ms(after.at - before.at)


def near_ms(seconds: float) -> object:
    return pytest.approx(seconds * 1000, abs=1.01)


def test_paints_come_one_after_the_other(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        ttfb, fcp, lcp = one(load, TTFB), one(load, FCP), one(load, LCP)
        if fcp is None:  # the page was left before the client heard of it
            continue
        assert fcp.details.attribution.timeToFirstByte <= fcp.details.value
        if ttfb:
            assert ttfb.details.value == fcp.details.attribution.timeToFirstByte
        if lcp:
            assert fcp.details.value <= lcp.details.value


def test_attributions_add_up(shop: list[SeenSession]) -> None:
    for event in events(shop):
        details = event.details
        if event.type == TTFB:
            parts = details.attribution
            total = parts.waitingDuration + parts.cacheDuration + parts.dnsDuration + parts.connectionDuration
            assert total + parts.requestDuration == near(details.value)
        elif event.type == FCP:
            assert details.attribution.timeToFirstByte + details.attribution.firstByteToFCP == near(details.value)
        elif event.type == LCP:
            parts = details.attribution
            total = parts.timeToFirstByte + parts.resourceLoadDelay + parts.resourceLoadTime + parts.elementRenderDelay
            assert total == near(details.value)
        elif event.type == INP:
            parts = details.attribution
            told = parts.inputDelay + parts.processingDuration
            assert parts.nextPaintTime - parts.interactionTime == near(max(details.value, told))
            assert told + parts.presentationDelay == near(max(details.value, told))
            assert details.value % 8 == 0


def test_durations_are_never_negative(shop: list[SeenSession]) -> None:
    for event in events(shop):
        if event.type in {LCP, TTFB, FCP, INP}:
            parts = [getattr(event.details.attribution, name) for name in event.details.attribution.__struct_fields__]
            assert all(part >= 0 for part in parts if isinstance(part, int | float)), event


def test_navigation_phases_add_up(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        event, ttfb = one(load, NAVIGATION), one(load, TTFB)
        if event is None:
            continue
        nav = event.details
        steps = [
            nav.startTime, nav.fetchStart, nav.domainLookupStart, nav.connectStart, nav.requestStart, nav.responseStart,
            nav.domInteractive, nav.domContentLoadedEventStart, nav.domComplete, nav.loadEventStart, nav.duration,
        ]  # fmt: skip
        assert steps == sorted(steps)
        assert ttfb is not None and ttfb.details.value == nav.responseStart
        assert nav.timeToFirstByte == near(nav.responseStart - nav.requestStart)
        assert nav.connectStart == near(nav.domainLookupStart + nav.dns)
        connected = nav.connectStart + nav.connect
        assert nav.requestStart > connected or (nav.requestStart == near(connected) and nav.requestStart % 1 == 0)
        assert nav.tlsTime <= nav.connect
        assert nav.domProcessingTime == near(nav.loadEventStart - nav.responseStart - nav.responseTime)
        assert nav.duration == near(nav.loadEventStart + nav.loadEventTime)
        assert -1e-6 <= event.at - load.at - nav.duration / 1000 < 0.1


def test_resources_lie_inside_their_load(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        event = one(load, NAVIGATION)
        files = [each.details for each in load.events if each.type == RESOURCE]
        if event is None:
            continue
        for file in files:
            assert event.details.responseStart <= file.startTime
            if file.initiatorType == "other":  # the favicon
                assert file.startTime >= event.details.duration
            else:
                assert file.startTime + file.duration <= event.details.loadEventStart + 0.01
        assert sum(file.fileType == "image" for file in files) <= 10


def test_cached_resources_are_quick_and_have_no_size(shop: list[SeenSession]) -> None:
    cached = [event.details.duration for event in events(shop, RESOURCE) if event.details.transferSize == 0]
    fetched = [event.details.duration for event in events(shop, RESOURCE) if event.details.transferSize]
    assert len(cached) > 1000 and len(fetched) > 1000
    assert sorted(cached)[len(cached) // 2] * 5 < sorted(fetched)[len(fetched) // 2]


def test_references_name_events_of_the_same_load_that_came_before(shop: list[SeenSession]) -> None:
    referred = Counter[str]()
    for load in loads(shop):
        lcp = one(load, LCP)
        if lcp is None:
            continue
        before = {event.id: event for event in load.events if event.at <= lcp.at}
        parts = lcp.details.attribution
        if parts.navigationEntry is not UNSET:
            referred["navigation"] += 1
            assert before[parts.navigationEntry].type == NAVIGATION
        if parts.lcpResourceEntry is not UNSET:
            referred["resource"] += 1
            image = before[parts.lcpResourceEntry]
            assert image.type == RESOURCE and image.details.targetUrl == parts.url
            asked = parts.timeToFirstByte + parts.resourceLoadDelay  # requestStart, which is later on the network
            assert image.details.startTime <= asked + 0.01
            assert image.details.startTime + image.details.duration == near(asked + parts.resourceLoadTime)
    assert min(referred["navigation"], referred["resource"]) > 1000


def test_lcp_comes_with_the_first_input_or_the_hide(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        lcp, fid = one(load, LCP), one(load, FID)
        if lcp is None:
            continue
        if fid is None:
            assert load.hides[0] - lcp.at < 1  # later, or after an input of which the page left no time to tell
        else:
            assert lcp.at == load.hides[0] or lcp.at >= load.at + fid.details.attribution.eventTime / 1000 - 1e-3
        assert load.at + lcp.details.value / 1000 <= lcp.at + 0.01


def test_inp_needs_an_input_and_cls_a_painted_page(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        fcp = one(load, FCP)
        for event in load.events:
            if event.type == INP:
                assert event.at >= load.at + event.details.attribution.interactionTime / 1000
            if event.type == CLS and fcp:
                assert event.at >= load.at + fcp.details.value / 1000 - 1e-6


def test_inp_of_the_first_input_waited_as_long_as_fid_says(shop: list[SeenSession]) -> None:
    """So do all 39 of the recorded visits: both read it off the same entry."""
    same = 0
    for load in loads(shop):
        fid = one(load, FID)
        for event in load.events:
            parts = event.details.attribution if event.type == INP else None
            if fid and parts and parts.interactionTime == fid.details.attribution.eventTime:
                assert parts.inputDelay == near(fid.details.value)
                assert event.details.value >= parts.inputDelay - 4  # rounded to 8 ms
                same += 1
    assert same > 20


@pytest.mark.parametrize("kind", [CLS, INP])
def test_a_vital_that_grows_after_a_page_was_hidden_is_told_again(kind: str) -> None:
    """The client sends the highest value by each hide, and nothing if it is the old one."""
    more = "[telemetry]\ntab_switches = 0.7\ninteractions_per_minute = 12\n[population]\nbrowsers = { Chrome = 1 }"
    again = 0
    for load in loads(seen(small(more).adjust(duration=8), SEED)):
        told = [event for event in load.events if event.type == kind]
        for before, after in pairwise(told):
            assert before.details.value < after.details.value
            assert any(before.at < hide <= after.at for hide in load.hides)
        again += len(told) > 1
    assert again > 3


def test_browsers_that_do_not_measure_a_vital_do_not_send_it(shop: list[SeenSession]) -> None:
    found = {session.visitor.browser_name: kinds([session]) for session in shop}
    for session in shop:
        found[session.visitor.browser_name] |= kinds([session])
    assert CLS not in found["Safari"] and CLS not in found["Firefox"]
    assert {CLS, LCP, FID, INP} <= found["Google Chrome"]
    old = [
        session
        for session in shop
        if session.visitor.browser_name == "Safari" and session.visitor.browser_version == "18"
    ]
    assert old and not {LCP, FID, INP, CLS} & kinds(old)


def test_a_trace_and_its_http_event_carry_the_same_ids(shop: list[SeenSession]) -> None:
    for load in loads(shop):
        traces = {event.details.trace_id: event for event in load.events if event.type == XRAY}
        for event in load.events:
            if event.type == HTTP:
                trace = traces[event.details.trace_id]
                assert event.details.segment_id == trace.details.subsegments[0].id
                assert event.at == trace.at
                status = None if event.details.response is UNSET else event.details.response.status
                assert (trace.details.fault is True) == (status is None or status >= 500)
                assert (trace.details.throttle is True) == (status == 429)


def test_times_are_tenths_of_milliseconds_in_blink_and_whole_ones_in_other_engines(
    written_shop: list[SeenSession],
) -> None:
    noisy = 0
    for session in written_shop[:200]:
        for event in events([session], RESOURCE):
            for value in re.findall(r'(?:startTime|duration)\\":([^,]*)', event.details):
                assert re.fullmatch(r"\d+(\.\d+)?", value) and not value.endswith(".0")
                if session.visitor.brand:
                    assert float(value) * 10 == pytest.approx(round(float(value) * 10), abs=1e-4)
                    noisy += len(value.partition(".")[2]) > 4
                else:
                    assert value.isdecimal()
    assert noisy > 1000


def test_what_is_off_emits_nothing() -> None:
    sessions = list(seen(small("[monitor]\ntelemetries = []"), SEED))
    assert kinds(sessions) == {PAGE_VIEW}


def test_dom_events_need_the_interaction_telemetry() -> None:
    assert DOM not in kinds(seen(small(), SEED))
    sessions = list(seen(small('[monitor]\ntelemetries = ["interaction"]'), SEED))
    assert kinds(sessions) == {PAGE_VIEW, DOM}
    located = [event.details for event in events(sessions, DOM) if event.details.cssLocator is not UNSET]
    assert {details.cssLocator for details in located} == {".more"}
    assert "buy" in {event.details.elementId for event in events(sessions, DOM)}


def test_custom_events_carry_the_item_of_their_page() -> None:
    sessions = list(seen(small("[monitor]\ncustom_events = true"), SEED))
    shown = list(events(sessions, "shown"))
    assert shown
    for event in shown:
        assert event.page.id == f"/item/{event.details['sku']}"
        assert event.details["tags"] == ["a"]


def test_only_failed_calls_are_recorded_unless_all_are_wanted() -> None:
    few = list(events(seen(small(), SEED), HTTP))
    every = list(events(seen(small(recordAllRequests=True), SEED), HTTP))
    assert all(event.details.response is UNSET or event.details.response.status >= 400 for event in few)
    assert len(every) > 10 * len(few)
    assert {event.id for event in few} <= {event.id for event in every}


def test_resource_events_heed_the_client_settings() -> None:
    sessions = list(seen(small(recordResourceUrl=False, resourceEventLimit=0), SEED))
    files = [event.details for event in events(sessions, RESOURCE)]
    assert files
    assert {file.targetUrl for file in files} == {UNSET}
    assert "image" not in {file.fileType for file in files}


def test_without_cookies_every_load_is_a_landing() -> None:
    sessions = list(seen(small(allowCookies=False), SEED))
    for load in loads(sessions):
        view = one(load, PAGE_VIEW)
        assert view is not None and view.details == PageView(view.page.id)


def test_stacks_are_cut_as_the_client_cuts_them(storefront_errors: list[SeenEvent]) -> None:
    stacks = [event.details.stack for event in storefront_errors if event.details.stack is not UNSET]
    assert stacks and all(len(stack) <= 83 for stack in stacks)
    assert any(stack.endswith("...") for stack in stacks)


@pytest.fixture
def storefront_errors() -> list[SeenEvent]:
    scenario = small("[telemetry.errors]\nsessions = 1.0", stackTraceLength=80)
    return list(events(seen(scenario, SEED), JS_ERROR))


def test_a_route_change_stays_in_its_document() -> None:
    scenario = small('route = true\n[monitor]\ntelemetries = ["performance", "interaction"]')
    sessions = [session for session in seen(scenario, SEED) if len(session.loads) == 1]
    routed = [load for load in loads(sessions) if sum(event.type == PAGE_VIEW for event in load.events) > 1]
    assert len(routed) > 20
    for load in routed:
        views = [event for event in load.events if event.type == PAGE_VIEW]
        assert all(
            later.page.title == earlier.page.title or later.page.interaction > 1 for earlier, later in pairwise(views)
        )
        assert {event.page.referrer for event in views} == {views[0].page.referrer}
        assert one(load, FCP) is not None
