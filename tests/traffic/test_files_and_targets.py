"""Files by the parser's reasons, calls that fail by themselves, and the targets of first inputs."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.rum.events import FCP, FID, HTTP, RESOURCE
from loadgen.scenario import Scenario, parse
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, events, loads, one, seen, small

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
    scenario = parse(f"{text}\n[telemetry.api]\nfailures = {{}}\nnetwork = 0", "small.toml")
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
