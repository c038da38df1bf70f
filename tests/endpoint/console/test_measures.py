"""Figures of overview, pages, clients, vitals, errors and requests equal those that plain loops find in the bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from loadgen.endpoint.console.columns import DIMENSIONS
from loadgen.endpoint.console.measures import BINS, BOUNDS
from tests.endpoint.console.conftest import Shop
from tests.endpoint.console.looking import PREFIX, Seen

TIMES = {"load": "performance_navigation_event"} | {
    name: kind.removeprefix(PREFIX) for name, (kind, _, _) in BOUNDS.items()
}


def value_of(event: Seen) -> float:
    return float(event.details["duration" if event.type == TIMES["load"] else "value"])


def is_counted(event: Seen) -> bool:
    """A request with a status, or without an answer; another text in its place is none of the web client's."""
    return event.type == "http_event" and isinstance(event.details.get("response", {}).get("status", 0), int)


def is_failed(event: Seen) -> bool:
    return is_counted(event) and event.details.get("response", {}).get("status", 0) not in range(1, 400)


def figures_of(events: Iterable[Seen]) -> dict[str, Any]:
    """What the console should say of some events."""
    events = list(events)
    types = [event.type for event in events]
    found: dict[str, Any] = {
        "events": len(events),
        "sessions": len({event.session for event in events}),
        "views": types.count("page_view_event"),
        "loads": types.count("performance_navigation_event"),
        "errors": types.count("js_error_event"),
        "http": sum(map(is_counted, events)),
        "http_failed": sum(map(is_failed, events)),
    }
    for name, kind in TIMES.items():
        values = [value_of(event) for event in events if event.type == kind]
        if values:
            found[name] = {"values": np.quantile(values, [0.5, 0.75, 0.95]).tolist(), "count": len(values)}
            if name in BOUNDS:
                _, good, poor = BOUNDS[name]
                found[name] |= {"good": sum(v <= good for v in values), "poor": sum(v > poor for v in values)}
                found[name]["fair"] = len(values) - found[name]["good"] - found[name]["poor"]
    return found


def check(shown: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts are the same, quantiles the same but for rounding; a group without such events has none."""
    assert {name for name in shown if name in TIMES} == {name for name in expected if name in TIMES}
    for name, value in expected.items():
        if isinstance(value, dict):
            assert shown[name]["values"] == pytest.approx(value["values"])
            assert {key: shown[name][key] for key in value if key != "values"} == {
                key: count for key, count in value.items() if key != "values"
            }
        else:
            assert shown[name] == value, name


def test_the_traffic_has_what_is_measured(shop: Shop) -> None:
    expected = figures_of(shop.seen)
    assert set(TIMES) <= set(expected)
    assert expected["errors"] > 0 and 0 < expected["http_failed"] < expected["http"]


def test_the_overview_has_the_figures_of_the_bodies(shop: Shop) -> None:
    shown = shop.view("overview")
    check(shown["now"], figures_of(shop.seen))
    assert shown["now"]["visitors"] == len({event.user for event in shop.seen})
    assert shown["before"]["events"] == 0
    assert "lcp" not in shown["before"]


def test_the_period_before_is_compared(shop: Shop) -> None:
    middle = (shop.start + shop.end) // 2
    end = 2 * middle - shop.start
    shown = shop.view("overview", **{"from": middle, "to": end})
    check(shown["before"], figures_of(event for event in shop.seen if event.ms < middle))
    check(shown["now"], figures_of(event for event in shop.seen if middle <= event.ms < end))


def test_the_course_adds_up_to_the_figures_and_has_each_parts_p75(shop: Shop) -> None:
    shown = shop.view("overview")
    course, whole = shown["course"], shown["now"]
    for name in ("events", "views", "loads", "errors", "http", "http_failed"):
        assert len(course[name]) == course["size"]
        assert sum(course[name]) == whole[name]
    for part in range(course["size"]):
        begin = course["start"] + part * course["step"]
        there = [event for event in shop.seen if begin <= event.ms < begin + course["step"]]
        assert course["sessions"][part] == len({event.session for event in there})
        loads = [value_of(event) for event in there if event.type == TIMES["load"]]
        assert course["load"][part] == (pytest.approx(np.quantile(loads, 0.75)) if loads else None)


@pytest.mark.parametrize("column", ["browser", "os", "device", "country"])
def test_clients_have_the_figures_of_the_bodies(shop: Shop, column: str) -> None:
    rows = shop.view("clients")[column]
    names = {event.dimension(DIMENSIONS[column]) for event in shop.seen}
    assert {row["name"] for row in rows} == names
    for row in rows:
        check(row, figures_of(event for event in shop.seen if event.dimension(DIMENSIONS[column]) == row["name"]))


def test_pages_have_the_figures_of_the_bodies_the_most_viewed_first(shop: Shop) -> None:
    rows = shop.view("pages")["rows"]
    assert {row["name"] for row in rows} == {event.dimension("pageId") for event in shop.seen}
    assert [row["views"] for row in rows] == sorted((row["views"] for row in rows), reverse=True)
    for row in rows:
        check(row, figures_of(event for event in shop.seen if event.dimension("pageId") == row["name"]))


def test_filters_hold_together(shop: Shop) -> None:
    shown = shop.view("overview", page=["/", "/cart"], device="mobile")
    expected = [
        event
        for event in shop.seen
        if event.dimension("pageId") in ("/", "/cart") and event.dimension("deviceType") == "mobile"
    ]
    assert expected
    check(shown["now"], figures_of(expected))


def test_a_filter_by_an_unknown_name_shows_nothing(shop: Shop) -> None:
    assert shop.view("overview", browser="Netscape")["now"]["events"] == 0


@pytest.mark.parametrize("by", ["all", "device", "browser"])
@pytest.mark.parametrize("name", list(BOUNDS))
def test_vitals_are_distributed_as_in_the_bodies(shop: Shop, name: str, by: str) -> None:
    vital = shop.view("vitals")[name]
    for shown in vital[by]:
        values = [
            value_of(event)
            for event in shop.seen
            if event.type == TIMES[name] and (by == "all" or event.dimension(DIMENSIONS[by]) == shown["name"])
        ]
        bars = np.bincount(
            np.minimum(np.floor(np.array(values) / vital["width"]), BINS).astype(int), minlength=BINS + 1
        )
        assert shown["bars"] == bars.tolist()
        assert shown["values"] == pytest.approx(np.quantile(values, [0.5, 0.75, 0.95]))
    kinds = {event.dimension(DIMENSIONS[by]) if by != "all" else "" for event in shop.seen if event.type == TIMES[name]}
    assert {shown["name"] for shown in vital[by]} == kinds


def test_errors_are_grouped_by_type_and_message(shop: Shop) -> None:
    errors = [event for event in shop.seen if event.type == "js_error_event"]
    counts = Counter((event.details["type"], event.details["message"]) for event in errors)
    shown = shop.view("errors")
    assert {(row["type"], row["message"]): row["count"] for row in shown["rows"]} == counts
    assert sum(shown["course"]["count"]) == len(errors)
    for row in shown["rows"]:
        same = [
            event
            for event in errors
            if (event.details["type"], event.details["message"]) == (row["type"], row["message"])
        ]
        assert row["sessions"] == len({event.session for event in same})
        assert (row["first"], row["last"]) == (min(event.ms for event in same), max(event.ms for event in same))
        assert set(row["pages"]) <= {event.dimension("pageId") for event in same}


def test_the_last_event_of_an_error_has_its_stack(shop: Shop) -> None:
    for row in shop.view("errors")["rows"]:
        event = shop.view("event", batch=row["batch"], place=row["place"])
        assert event["ms"] == row["last"]
        assert event["event"]["event_details"]["message"] == row["message"]


def test_requests_are_grouped_by_method_and_url_with_a_count_of_each_status(shop: Shop) -> None:
    asked = [event for event in shop.seen if event.type == "http_event"]

    def key(details: dict[str, dict[str, str]]) -> tuple[str, str]:
        return details["request"]["method"], details["request"]["url"].partition("?")[0].partition("#")[0]

    statuses = Counter((*key(event.details), event.details.get("response", {}).get("status", 0)) for event in asked)
    shown = shop.view("http")
    found = {
        (row["method"], row["url"], int(status)): count
        for row in shown["rows"]
        for status, count in row["statuses"].items()
    }
    assert found == statuses
    assert sum(row["count"] for row in shown["rows"]) == len(asked)
    assert sum(each["count"] for each in shown["statuses"]) == len(asked)
    for row in shown["rows"]:
        bad = [count for status, count in row["statuses"].items() if int(status) >= 400 or int(status) == 0]
        assert row["failed"] == sum(bad)
    assert sum(shown["course"]["count"]) == sum(row["failed"] for row in shown["rows"])
