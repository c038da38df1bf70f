"""Returns from the back/forward cache, as the real client was seen to tell them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec import UNSET

from loadgen import client
from loadgen.rum.events import CLS, FCP, HTTP, INP, LCP, NAVIGATION, PAGE_VIEW, RESOURCE, TTFB
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenLoad, SeenSession, one, seen, small


def site(**settings: object) -> Scenario:
    return small("[population]\nback = 0.5\nbfcache = 0.5\n", recordAllRequests=True, **settings).adjust(rate=4)


def is_return(load: SeenLoad) -> bool:
    return any(event.type == TTFB and event.details.value == 0 for event in load.events)


@pytest.fixture(scope="module")
def sessions() -> list[SeenSession]:
    return list(seen(site(), SEED))


@pytest.fixture(scope="module")
def returns(sessions: list[SeenSession]) -> list[SeenLoad]:
    return [load for session in sessions for load in session.loads if is_return(load)]


def test_a_return_has_paints_and_no_page_view_navigation_resources_or_reads(returns: list[SeenLoad]) -> None:
    assert len(returns) > 50
    for load in returns:
        kinds = {event.type for event in load.events}
        assert not kinds & {PAGE_VIEW, NAVIGATION, RESOURCE}
        assert {TTFB, FCP} <= kinds
        assert not [event for event in load.events if event.type == HTTP and event.details.request.method == "GET"]
    assert {CLS, INP, LCP} <= {event.type for load in returns for event in load.events}


def test_no_page_is_unloaded_that_goes_into_the_cache(sessions: list[SeenSession]) -> None:
    """Chromium 156 told 0 with the cache, and the moment without it."""

    def list_unloads(visits: list[SeenSession]) -> list[float]:
        later = [load for session in visits for load in session.loads[1:]]
        return [told.details.unloadEventStart for load in later if (told := one(load, NAVIGATION))]

    assert set(list_unloads(sessions)) == {0}
    assert min(list_unloads(list(seen(small(), SEED)))) > 0


def test_a_returns_paints_tell_durations_alone(returns: list[SeenLoad]) -> None:
    for event in (event for load in returns for event in load.events):
        if event.type == LCP:
            parts = event.details.attribution
            assert (parts.element, parts.url, parts.navigationEntry) == (UNSET, UNSET, UNSET)
            assert parts.elementRenderDelay == event.details.value < 100
        elif event.type == FCP:
            assert event.details.attribution.loadState == "complete"


def test_a_return_is_under_its_old_page_and_counting_goes_on_from_there(sessions: list[SeenSession]) -> None:
    followed = 0
    for session in sessions:
        seen: list[object] = []
        for load, after in zip(session.loads, (*session.loads[1:], None), strict=True):
            page = load.events[0].page
            if is_return(load):
                assert page in seen
                views = [event for event in after.events if event.type == PAGE_VIEW] if after else []
                if views:
                    followed += 1
                    assert views[0].page.interaction == page.interaction + 1
                    assert views[0].page.parent_id == page.id
            seen.append(page)
    assert followed > 20


def test_without_cookies_every_step_back_is_a_load() -> None:
    sessions = seen(site(allowCookies=False), SEED)
    assert not [load for session in sessions for load in session.loads if is_return(load)]


def test_events_of_returns_reach_batches_in_order(sessions: list[SeenSession]) -> None:
    for session in sessions:
        for load in session.loads:
            assert all(before.at <= after.at for before, after in pairwise(load.events))
            assert load.at < load.ready < load.hides[-1]
        assert client.plan(session, site().client, 1.0).counts.generated
