"""When a document is complete: it waits for the files that it fetches, and for no other."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.rum.events import NAVIGATION
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, loads, one, seen, small
from tests.traffic.test_file_times import BLINK, details, list_files


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


def test_a_document_of_one_flight_is_whole_before_it_unloads_the_page_before() -> None:
    text = SMALL.replace('path = "/item/{item}"', 'path = "/item/{item}"\ndocument_bytes = 9000')
    told = [
        each for each in details(Scenario.parse(f"{text}{BLINK}", "small.toml"), NAVIGATION) if each.unloadEventStart
    ]
    short = [each for each in told if each.transferSize < 12_000]
    assert len(short) > 50
    assert all(each.unloadEventStart > each.responseStart + each.responseTime for each in short)
