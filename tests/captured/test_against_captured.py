"""Our batches beside those of the real web client, recorded in Chromium (tests/fixtures/captured-figures.json).

The capture is of a small shop on the same machine, so what depends on its speed or on its script is not compared.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from loadgen import client, traffic, wire
from loadgen.scenario import Scenario
from tests.captured.figures import Sent, figures, page_loads
from tests.paths import FIXTURES, SCENARIOS

RUM = "com.amazon.rum."


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / "captured-figures.json").read_text())
    return found


@pytest.fixture(scope="module")
def visits() -> list[list[Sent]]:
    """Some 600 visits of Chromium browsers to the storefront, with X-Ray as in half of the capture."""
    scenario = Scenario.load(SCENARIOS / "storefront.toml").adjust(duration=40)
    settings = scenario.client.model_copy(update={"enableXRay": True})
    scenario = scenario.model_copy(update={"client": settings})
    target = wire.Destination(host="localhost", monitor_id="m", domain="shop.example.com", compression=False)
    found = []
    for session in traffic.draw_sessions(scenario, 20261121):
        batches = client.plan(session, settings, 1.0).batches if session.visitor.brand else ()
        bodies = [json.loads(wire.encode(batch, target, wire.Clock(0.0)).request.body) for batch in batches]
        found.append([
            Sent(str(session.index), batch.due, batch.beacon, body)
            for batch, body in zip(batches, bodies, strict=True)
        ])  # fmt: skip
    return found


@pytest.fixture(scope="module")
def ours(visits: list[list[Sent]]) -> dict[str, Any]:
    return figures(sent for visit in visits for sent in visit)


def test_the_same_event_types_are_sent(real: dict[str, Any], ours: dict[str, Any]) -> None:
    known = {kind for kind in ours["details"] if kind.startswith(RUM)}
    assert known == set(real["details"])


def test_bodies_have_the_same_keys_in_the_same_order(real: dict[str, Any], ours: dict[str, Any]) -> None:
    assert set(ours["envelope"]) == set(real["envelope"])


def test_metadata_has_the_same_keys(real: dict[str, Any], ours: dict[str, Any]) -> None:
    """The capture's shop has no page tags; the storefront's product pages do."""
    assert {keys.replace(" pageTags", "") for keys in ours["metadata"]} == set(real["metadata"])


MISSING = {
    "http_event": "calls by XMLHttpRequest (ours are all by fetch), and calls without X-Ray in the same run",
    "js_error_event": "errors that are no Error: thrown strings, rejected values, scripts of other origins",
    "dom_event": "listeners with an interactionId (data attributes of the capture's shop)",
}
"""Shapes of the real client that we do not send, and why."""

LOOSE = {"http_event": "a network failure of fetch: in the capture they are XMLHttpRequest's or without a trace"}
"""Shapes that we send and that the ordinary visits of the capture happen not to have."""


@pytest.mark.parametrize("kind", sorted(json.loads((FIXTURES / "captured-figures.json").read_text())["details"]))
def test_details_have_the_same_keys(kind: str, real: dict[str, Any], ours: dict[str, Any]) -> None:
    short = kind.removeprefix(RUM)
    sent, seen = set(ours["details"][kind]), set(real["details"][kind])
    assert sent & seen
    assert short in LOOSE or sent <= seen | ALSO.get(short, set())
    assert short in MISSING or seen <= sent


ALSO = {
    "largest_contentful_paint_event": {
        # a click before the navigation entry is there
        f"version value attribution(element {part})"
        for part in (
            "timeToFirstByte resourceLoadDelay resourceLoadTime elementRenderDelay",
            "url timeToFirstByte resourceLoadDelay resourceLoadTime elementRenderDelay lcpResourceEntry",
            "url timeToFirstByte resourceLoadDelay resourceLoadTime elementRenderDelay navigationEntry",
            "url timeToFirstByte resourceLoadDelay resourceLoadTime elementRenderDelay",
        )
    },
    "dom_event": {"version event element cssLocator", "version event element elementId cssLocator"},
    "xray_trace_event": {"version name origin id start_time trace_id end_time subsegments in_progress throttle"},
}
"""Shapes by the client's source that the ordinary visits of the capture happen not to have."""

FIRST = ("session_start_event", "page_view_event")
BY_RULE = {("xray_trace_event", "http_event"), ("cumulative_layout_shift_event", "interaction_to_next_paint_event")}
OF_THE_LOAD = ("performance_resource_event", "first_contentful_paint_event", "performance_navigation_event")


def shares_in_order(visits: list[list[Sent]]) -> dict[tuple[str, str], float]:
    """How often the first of one type comes before the first of another, on pages with both."""
    seen: Counter[tuple[str, str]] = Counter()
    for visit in visits:
        for types in page_loads(visit):
            first = [kind.removeprefix(RUM) for kind in dict.fromkeys(types)]
            seen.update((a, b) for i, a in enumerate(first) for b in first[i + 1 :])
    return {(a, b): count / (count + seen[b, a]) for (a, b), count in seen.items()}


def test_events_of_a_page_come_in_the_same_order(real: dict[str, Any], visits: list[list[Sent]]) -> None:
    """Always where the client's code orders them; where the page's speed does, in nine cases of ten."""
    shares = shares_in_order(visits)
    for line in real["before"]:
        a, b = (name.removeprefix(RUM) for name in line.split(" < "))
        share = shares.get((a, b), 0.0)
        if a in FIRST:
            assert share == 1.0, line
        elif (a, b) in BY_RULE:
            assert share > 0.99, line  # a tab that is shown again sends each anew, if it has changed
        elif a in OF_THE_LOAD and b in OF_THE_LOAD:
            assert share > 0.9, line


def test_timers_tick_every_five_seconds(real: dict[str, Any], visits: list[list[Sent]]) -> None:
    assert real["gaps"] == pytest.approx([5.0] * len(real["gaps"]), abs=0.06)
    gaps = [
        after.at - before.at
        for visit in visits
        for before, after in pairwise(visit)
        if not before.beacon and not after.beacon
    ]
    on_time = np.abs(np.mod(np.array(gaps) + 2.5, 5.0) - 2.5) < 1e-6
    assert on_time.mean() > 0.95  # the others lie across two pages, of which the first had nothing left to say


def test_a_page_that_is_left_sends_a_beacon_which_begins_with_its_layout_shifts(
    real: dict[str, Any], ours: dict[str, Any]
) -> None:
    for found in (real, ours):
        heads = Counter(found["beacons_begin_with"])
        assert heads[f"{RUM}cumulative_layout_shift_event"] / heads.total() > 0.9


def test_batches_are_of_like_sizes(real: dict[str, Any], ours: dict[str, Any]) -> None:
    """The median within a factor of two, of batches that carry a page's load and of others: pages and people differ."""
    for which, (_, median, _) in real["sizes"].items():
        assert 0.5 <= ours["sizes"][which][1] / median <= 2, (which, ours["sizes"], real["sizes"])
