"""What web-vitals tells after an input, and when; what a page and a machine have in common over their loads."""

from __future__ import annotations

import pytest

from loadgen.rum.events import FCP, FID, INP, LCP, NAVIGATION, RESOURCE
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenSession, events, loads, one, seen, small
from tests.traffic.test_file_times import BLINK, details

LINKS = """
name = "links"
duration = 60
[arrivals]
rate = 10
[population]
devices = {{ {device} = 1 }}
browsers = {{ {browser} = 1 }}
back = 0
reload = 0
[pages.home]
path = "/"
to = {{ item = 0.9 }}
exit = 0.1
[pages.item]
path = "/item"
exit = 1
[telemetry]
interactions_per_minute = 0
rage_clicks = 0
tab_switches = 0
{more}
"""


def draw_links(device: str, browser: str, more: str = "") -> list[SeenSession]:
    """Visits whose only inputs are clicks on links that load the next page."""
    return list(seen(Scenario.parse(LINKS.format(device=device, browser=browser, more=more), "links.toml"), SEED))


def share_with(vital: str, sessions: list[SeenSession]) -> float:
    """Of loads with FID, the share in which this vital comes before the page is hidden."""
    clicked = [load for load in loads(sessions) if one(load, FID)]
    assert len(clicked) > 100
    told = [(one(load, vital), load.hides[0]) for load in clicked]
    return sum(event is not None and event.at < hidden for event, hidden in told) / len(clicked)


@pytest.fixture(scope="module")
def clicks() -> list[SeenSession]:
    return draw_links("desktop", "Chrome")


@pytest.fixture(scope="module")
def taps() -> list[SeenSession]:
    return draw_links("mobile", "Chrome")


def test_a_click_that_leaves_loses_lcp_where_no_idle_moment_comes_before_the_next_page(
    clicks: list[SeenSession],
) -> None:
    """Of 44 such clicks in the recorded visits 13 told LCP, and 2 told INP, which waits for a frame more."""
    assert 0.3 < share_with(LCP, clicks) < 0.9
    assert share_with(INP, clicks) < share_with(LCP, clicks) / 1.5


def test_a_busy_machine_loses_more(clicks: list[SeenSession]) -> None:
    busy = draw_links("desktop", "Chrome", "[telemetry.desktop]\nfid_median_ms = 20")
    assert share_with(LCP, busy) < share_with(LCP, clicks) - 0.1


def test_a_tap_tells_all(taps: list[SeenSession]) -> None:
    assert min(share_with(LCP, taps), share_with(INP, taps)) > 0.95


def test_a_phone_that_a_script_clicks_on_is_like_a_desktop(taps: list[SeenSession]) -> None:
    emulated = draw_links("mobile", "Chrome", "touch = false")
    assert share_with(LCP, emulated) < share_with(LCP, taps) - 0.1


def test_lcp_before_fid_came_in_an_idle_moment_before_the_frame(clicks: list[SeenSession]) -> None:
    """FID follows the frame by 33 ms at most and its delay; what LCP waited for after that is another frame."""
    waits = [
        (lcp.at - fid.at, lcp.at - load.at - (fid.details.attribution.eventTime + fid.details.value) / 1000)
        for load in loads(clicks)
        if (lcp := one(load, LCP)) and (fid := one(load, FID)) and lcp.at < load.hides[0]
    ]
    assert {before < 0 for before, _ in waits} == {True, False}
    assert all(since <= 0.034 for before, since in waits if before < 0)


def test_a_page_has_the_same_size_at_each_load(shop: list[SeenSession]) -> None:
    """The document of a page without items: one size and one ratio, whoever loads it."""
    found = {
        (each.details.transferSize, each.details.compressionRatio)
        for each in events(shop, NAVIGATION)
        if each.page.id == "/" and each.details.transferSize
    }
    assert len(found) == 1


def test_a_scenario_may_say_how_large_a_document_is() -> None:
    sized = Scenario.parse(
        LINKS.format(device="desktop", browser="Chrome", more="").replace(
            'path = "/item"', 'path = "/item"\ndocument_bytes = 20_000\ndocument_ratio = 4'
        ),
        "links.toml",
    )
    found = {
        (each.details.transferSize - 300, each.details.compressionRatio)
        for each in events(list(seen(sized, SEED)), NAVIGATION)
        if each.page.id == "/item" and each.details.transferSize
    }
    assert found == {(20_000, 4.0)}


def test_fractions_tell_how_long_the_machine_has_been_up() -> None:
    """The longer a machine is up, the coarser the doubles of its clock: 22 minutes are 2^20 ms, so steps of 2^-33."""

    def find_noise(hours: float) -> float:
        more = f"uptime_hours = {hours}\nuptime_sigma = 0"
        starts: list[float] = [
            each.details.responseStart for each in events(draw_links("desktop", "Chrome", more), NAVIGATION)
        ]
        return max((abs(start - round(start, 1)) for start in starts), default=0.0)

    assert find_noise(0.2) < 2**-33 < find_noise(24) < 2**-26


def test_a_largest_image_from_the_cache_is_in_the_first_frame(shop: list[SeenSession]) -> None:
    """Of 19 recorded ones all but one. From the network it comes later, but for what the clocks make of it."""
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for load in loads(shop):
        fcp, lcp = one(load, FCP), one(load, LCP)
        files = {event.id: event.details for event in load.events if event.type == RESOURCE}
        if fcp and lcp and (image := files.get(lcp.details.attribution.lcpResourceEntry)):
            shown[image.transferSize == 0].append(lcp.details.value == fcp.details.value)
    assert min(map(len, shown.values())) > 50
    assert sum(shown[True]) > 0.7 * len(shown[True])
    assert sum(shown[False]) < 0.2 * len(shown[False])


@pytest.mark.parametrize(("share", "nameless"), [(0, True), (1, False)])
def test_blink_names_the_target_of_a_pointer_only_where_something_listens(share: int, nameless: bool) -> None:
    told = [each.attribution for each in details(small(f"{BLINK}pointer_listeners = {share}"), FID)]
    assert {each.eventTarget == "" for each in told if each.eventType == "pointerdown"} == {nameless}
    assert all(each.eventTarget for each in told if each.eventType == "keydown")
