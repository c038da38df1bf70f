"""Errors and HTTP requests are grouped as the bodies have them."""

from __future__ import annotations

from collections import Counter

from tests.endpoint.console.conftest import Shop


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
