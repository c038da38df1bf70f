"""When files are requested, by the parser's reasons, and what waits for them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from loadgen.rum.events import FCP, LCP, RESOURCE
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenLoad, events, loads, one, seen, small

BLINK = "\n[population]\nbrowsers = { Chrome = 1 }\n[telemetry]\ninteractions_per_minute = 3\n"


def details(scenario: Scenario, kind: str) -> list[Any]:
    return [event.details for event in events(seen(scenario, SEED), kind)]


def list_files(load: SeenLoad, *initiators: str) -> list[Any]:
    """The details of a load's files that some elements asked for."""
    return [
        event.details for event in load.events if event.type == RESOURCE and event.details.initiatorType in initiators
    ]


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
