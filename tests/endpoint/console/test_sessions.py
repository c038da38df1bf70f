"""Sessions, journeys and events are those of the bodies."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import groupby
from typing import Any

import pytest

from loadgen.endpoint.console.sessions import MOST_ROWS, MOST_TRANSITIONS, OTHERS, PAGES_OF_A_STEP, STEPS
from tests.endpoint.console.conftest import Shop
from tests.endpoint.console.looking import PREFIX, Seen


def sessions_of(seen: list[Seen]) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = defaultdict(list)
    for event in seen:
        found[event.session].append(event)
    return found


def paths_of(seen: list[Seen]) -> list[list[str]]:
    """The pages of each session, one after the other, without repetitions."""
    paths = []
    for events in sessions_of(seen).values():
        views = [event for event in events if event.type == "page_view_event"]
        views.sort(key=lambda event: (event.ms, event.metadata.get("interaction", 0)))
        paths.append([page for page, _ in groupby(view.dimension("pageId") for view in views)])
    return [path for path in paths if path]


def test_the_table_has_each_session_with_its_figures(shop: Shop) -> None:
    expected = sessions_of(shop.seen)
    shown = shop.view("sessions")
    assert shown["total"] == len(expected)
    assert {row["session"] for row in shown["rows"]} == set(expected)
    for row in shown["rows"]:
        events = expected[row["session"]]
        times = [event.ms for event in events]
        types = Counter(event.type for event in events)
        assert (row["start"], row["length"], row["events"]) == (min(times), max(times) - min(times), len(events))
        assert (row["views"], row["errors"]) == (types["page_view_event"], types["js_error_event"])
        assert row["visitor"] == events[0].user
        assert row["device"] == events[0].dimension("deviceType")
        assert row["country"] == events[0].dimension("countryCode")


@pytest.mark.parametrize("sort", ["start", "length", "views", "errors", "events", "http_failed"])
def test_the_table_sorts(shop: Shop, sort: str) -> None:
    keys = [row[sort] for row in shop.view("sessions", sort=sort)["rows"]]
    assert keys == sorted(keys, reverse=True)


def test_an_unknown_order_is_refused(shop: Shop) -> None:
    shop.looker.view("sessions", 400, monitor=shop.monitor, to=shop.end, sort="name", **{"from": shop.start})


def test_the_table_goes_on_where_it_is_told(shop: Shop) -> None:
    rows = shop.view("sessions")["rows"]
    assert len(rows) <= MOST_ROWS
    assert shop.view("sessions", offset=10)["rows"] == rows[10:]


def test_sessions_are_found_by_failures_and_by_a_part_of_an_id(shop: Shop) -> None:
    failing = shop.view("sessions", failing=1)["rows"]
    assert failing
    assert all(row["errors"] or row["http_failed"] for row in failing)
    first = failing[0]
    for text in (first["session"][2:20], first["visitor"][3:].upper()):
        assert first["session"] in [row["session"] for row in shop.view("sessions", text=text)["rows"]]
    assert shop.view("sessions", text="no such id")["rows"] == []


def test_a_session_is_shown_event_by_event_in_order(shop: Shop) -> None:
    session, events = max(sessions_of(shop.seen).items(), key=lambda item: len(item[1]))
    shown = shop.looker.view("session", monitor=shop.monitor, session=session)
    assert shown["whole"]
    assert [each["ms"] for each in shown["events"]] == sorted(event.ms for event in events)
    assert Counter(each["event"]["event_type"] for each in shown["events"]) == Counter(
        PREFIX + event.type for event in events
    )
    assert all(each["event"]["user_details"]["sessionId"] == session for each in shown["events"])
    shop.looker.view("session", 404, monitor=shop.monitor, session="unknown")


def test_transitions_are_those_of_the_sessions(shop: Shop) -> None:
    expected: Counter[tuple[str, str | None]] = Counter()
    for path in paths_of(shop.seen):
        expected.update(zip(path, [*path[1:], None], strict=True))
    shown = shop.view("journey")["transitions"]
    assert [each["count"] for each in shown] == [count for _, count in expected.most_common(MOST_TRANSITIONS)]
    assert all(each["count"] == expected[each["page"], each["next"]] for each in shown)
    assert len({(each["page"], each["next"]) for each in shown}) == len(shown)


def test_the_flow_counts_each_session_once_a_step_and_folds_rare_pages(shop: Shop) -> None:
    flow = shop.view("journey")["flow"]
    paths = paths_of(shop.seen)
    for step in range(1, STEPS + 1):
        there = [each for each in flow if each["step"] == step]
        assert sum(each["count"] for each in there) == sum(len(path) >= step for path in paths)
        assert len({each["page"] for each in there} - {OTHERS}) <= PAGES_OF_A_STEP
    firsts = Counter(path[0] for path in paths)
    for page, count in firsts.most_common(3):
        assert sum(each["count"] for each in flow if each["step"] == 1 and each["page"] == page) == count


def all_events(shop: Shop, **more: Any) -> list[dict[str, Any]]:
    """Page after page of the explorer."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        answer = shop.view("events", limit=200, **before, **more)
        found += answer["events"]
        if not answer["next"]:
            return found
        before = {"before": answer["next"]}


def test_the_explorer_gives_every_event_once_the_newest_first(shop: Shop) -> None:
    found = all_events(shop)
    times = [each["ms"] for each in found]
    assert times == sorted(times, reverse=True)
    assert len({each["event"]["event_id"] for each in found}) == len(found) == len(shop.seen)


@pytest.mark.parametrize(
    "filters",
    [
        {"Browser": ["Google Chrome"]},
        {"Device": ["mobile"], "EventType": [PREFIX + "js_error_event", PREFIX + "http_event"]},
        {"Page": ["/"], "Country": ["US", "DE"]},
        {"Invert": ["desktop", PREFIX + "dom_event"]},
        {"OS": ["none such"]},
    ],
)
def test_the_explorers_filters_are_those_of_getappmonitordata(shop: Shop, filters: dict[str, list[str]]) -> None:
    """The API itself gives the same events in the same order."""
    caller = shop.looker.caller
    query: dict[str, Any] = {
        "TimeRange": {"After": shop.start, "Before": shop.end},
        "Filters": [{"Name": name, "Values": values} for name, values in filters.items()],
    }
    expected: list[str] = []
    while True:
        answer = caller.json("POST", "/appmonitor/shop/data", query)
        expected += answer["Events"]
        if "NextToken" not in answer:
            break
        query["NextToken"] = answer["NextToken"]
    names = {"EventType": "type", "Invert": "invert"}
    found = all_events(shop, **{names.get(name, name.lower()): values for name, values in filters.items()})
    ids = [each["event"]["event_id"] for each in found]
    assert ids == [event["event_id"] for event in map(json.loads, expected)]


def test_types_are_counted(shop: Shop) -> None:
    shown = {each["type"].removeprefix(PREFIX): each["count"] for each in shop.view("events", limit=1)["types"]}
    assert shown == Counter(event.type for event in shop.seen)
