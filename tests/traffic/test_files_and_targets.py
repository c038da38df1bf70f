"""Files by the parser's reasons, calls that fail by themselves, and the targets of first inputs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from loadgen.rum.events import FCP, FID, HTTP, LCP, NAVIGATION, RESOURCE
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, SeenLoad, events, loads, one, seen, small

BLINK = "\n[population]\nbrowsers = { Chrome = 1 }\n[telemetry]\ninteractions_per_minute = 3\n"


def details(scenario: Scenario, kind: str) -> list[Any]:
    return [event.details for event in events(seen(scenario, SEED), kind)]


@pytest.mark.parametrize(("share", "nameless"), [(0, True), (1, False)])
def test_blink_names_the_target_of_a_pointer_only_where_something_listens(share: int, nameless: bool) -> None:
    told = [each.attribution for each in details(small(f"{BLINK}pointer_listeners = {share}"), FID)]
    assert {each.eventTarget == "" for each in told if each.eventType == "pointerdown"} == {nameless}
    assert all(each.eventTarget for each in told if each.eventType == "keydown")


def test_a_call_that_always_fails_does_and_leaves_the_others_alone() -> None:
    api = 'api = [{ path = "/api/a", failures = { "503" = 1 } }, "GET /api/b"]'
    text = SMALL.replace('api = ["GET /api/{item}", "POST /api/cart"]', api)
    scenario = Scenario.parse(f"{text}\n[telemetry.api]\nfailures = {{}}\nnetwork = 0", "small.toml")
    assert {(each.request.url, each.response.status) for each in details(scenario, HTTP)} == {("/api/a", 503)}


def test_the_page_is_painted_after_its_style_sheets_have_come() -> None:
    late = []
    for load in loads(seen(small(BLINK), SEED)):
        paint = one(load, FCP)
        files = [event.details for event in load.events if event.type == RESOURCE]
        sheets = [file.startTime + file.duration for file in files if file.initiatorType == "link"]
        if paint is not None and sheets:
            late.append(max(sheets) > paint.details.value)
    assert len(late) > 50
    assert not any(late)


def list_files(load: SeenLoad, *initiators: str) -> list[Any]:
    """The details of a load's files that some elements asked for."""
    return [
        event.details for event in load.events if event.type == RESOURCE and event.details.initiatorType in initiators
    ]


@pytest.mark.parametrize("images", [0, 1, 3, 8])
@pytest.mark.parametrize("text", [0, 1])
def test_a_document_waits_for_the_images_that_it_fetches_and_for_no_other(images: int, text: int) -> None:
    """It is complete soon after the later one of DOMContentLoaded's end and the last image from the network."""
    files = f"[telemetry]\nresources = {{ stylesheet = 1, script = 2, font = 0, image = {images} }}\n"
    scenario = small(
        f"[population]\nbrowsers = {{ Chrome = 1 }}\n{files}desktop.text_lcp = {text}\nmobile.text_lcp = {text}"
    )
    waits = []
    for load in loads(seen(scenario, SEED)):
        navigation = one(load, NAVIGATION)
        if navigation is not None:
            told = navigation.details
            ends = [file.startTime + file.duration for file in list_files(load, "img") if file.transferSize]
            parsed = told.domContentLoadedEventStart + told.domContentLoaded
            waits.append(told.domComplete - max([parsed, *ends]))
    assert len(waits) > 150
    assert min(waits) > -0.01
    assert np.median(waits) < 15
    assert np.mean(np.array(waits) < 60) > 0.85


def test_the_first_request_to_the_network_holds_up_the_next_one() -> None:
    gaps: dict[bool, list[float]] = {False: [], True: []}
    for load in loads(seen(small(BLINK), SEED)):
        files = sorted(list_files(load, "link", "script"), key=lambda file: file.startTime)
        if len(files) > 2:
            gaps[files[0].transferSize > 0].append(files[1].startTime - files[0].startTime)
    assert min(map(len, gaps.values())) > 50
    assert np.median(gaps[False]) < 1 < np.median(gaps[True]) < 10


def test_files_of_style_sheets_do_not_hold_up_the_parser() -> None:
    """However many fonts a page has: the parser asks for its images right after its scripts."""
    files = "[telemetry]\nresources = { stylesheet = 0, script = 2, font = 40, image = 4 }\n"
    gaps = []
    for load in loads(seen(small(f"[population]\nbrowsers = {{ Chrome = 1 }}\n{files}"), SEED)):
        starts = sorted(file.startTime for file in list_files(load, "script", "img"))
        gaps += [after - before for before, after in pairwise(starts)]
    assert len(gaps) > 500
    assert np.mean(np.array(gaps) < 1) > 0.6


def test_a_document_of_one_flight_is_whole_before_it_unloads_the_page_before() -> None:
    text = SMALL.replace('path = "/item/{item}"', 'path = "/item/{item}"\ndocument_bytes = 9000')
    told = [
        each for each in details(Scenario.parse(f"{text}{BLINK}", "small.toml"), NAVIGATION) if each.unloadEventStart
    ]
    short = [each for each in told if each.transferSize < 12_000]
    assert len(short) > 50
    assert all(each.unloadEventStart > each.responseStart + each.responseTime for each in short)


@pytest.mark.parametrize("shared", [0, 0.5, 1])
@pytest.mark.parametrize("images", [1, 3, 12])
def test_a_largest_image_is_there_before_it_is_painted(images: int, shared: float) -> None:
    """Its file ends by then, and no part of LCP is below 0; pages come again with other items."""
    files = f"resources = {{ image = {images}, shared = {shared} }}\ncache = {{ later_pages = 0.95 }}\n"
    more = f"[population]\nbrowsers = {{ Chrome = 1 }}\nreturning = 0.3\n[telemetry]\n{files}desktop.text_lcp = 0\n"
    found = [each for each in details(small(f"{more}mobile.text_lcp = 0"), LCP) if each.attribution.url]
    assert len(found) > 50
    for each in found:
        told = each.attribution
        parts = (told.timeToFirstByte, told.resourceLoadDelay, told.resourceLoadTime, told.elementRenderDelay)
        assert min(parts) >= 0
        assert sum(parts) == pytest.approx(each.value, abs=0.01)
