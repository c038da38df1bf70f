"""GetAppMonitorData: RUM's keys, filters, time ranges and pages."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from loadgen.endpoint.operations import app_monitor_data as reading
from tests.endpoint.conftest import NOW, Caller, batch, event
from tests.endpoint.test_monitors import refused

DATA = "/appmonitor/shop/data"
MS = int(NOW * 1000)


@pytest.fixture
def shop(caller: Caller) -> Caller:
    caller.monitor(CustomEvents={"Status": "ENABLED"})
    return caller


def put(shop: Caller, *events: dict[str, Any], **more: Any) -> list[str]:
    monitor = shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"]
    assert shop.put(monitor, batch(RumEvents=list(events), **more)).status == 200
    return [one["id"] for one in events]


def ids(shop: Caller, **query: Any) -> list[str]:
    return [one["event_id"] for one in shop.events(**query)]


def test_an_event_has_the_keys_of_rum(shop: Caller) -> None:
    sent = event(timestamp=NOW + 0.25, details='{"version":"1.1.0","pageId":"/"}')
    user = {"userId": "00000000-0000-0000-0000-000000000000", "sessionId": "11111111-1111-4111-8111-111111111111"}
    put(shop, sent, UserDetails=user, SessionMetadata='{"browserName":"Chrome"}')
    (seen,) = shop.events(TimeRange={"After": 0, "Before": MS + 1000})
    metadata = {"browserName": "Chrome", "title": "Shop", "pageId": "/"}
    assert seen == {
        "event_timestamp": MS + 250,
        "event_type": "com.amazon.rum.page_view_event",
        "event_id": sent["id"],
        "event_version": "1.1.0",
        "log_stream": "2026-11-21T19",
        "application_id": shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"],
        "application_version": "1.0.0",
        "metadata": metadata,
        "metadata_values": ["browserName=Chrome", "title=Shop", "pageId=/"],
        "user_details": user,
        "event_details": {"version": "1.1.0", "pageId": "/"},
    }


def test_the_time_range_is_in_milliseconds_and_holds_both_ends(shop: Caller) -> None:
    early, middle, late = put(shop, *(event(timestamp=NOW - 10 + at) for at in (1, 2, 3)))
    begin = MS - 10_000
    assert ids(shop, TimeRange={"After": begin + 2000}) == [middle, late]
    assert ids(shop, TimeRange={"After": begin + 1000, "Before": begin + 2000}) == [early, middle]
    assert ids(shop, TimeRange={"After": begin + 3001}) == []
    assert ids(shop, TimeRange={"After": -(2**63), "Before": 2**63 - 1}) == [early, middle, late]


def test_without_an_end_the_range_ends_now(shop: Caller) -> None:
    put(shop, event(timestamp=NOW + 3))
    assert ids(shop) == []
    shop.clock.now += 3
    assert len(ids(shop)) == 1


def test_events_are_read_for_30_days(shop: Caller) -> None:
    put(shop, event())
    shop.clock.now += 30 * 86_400 - 1
    assert len(ids(shop)) == 1
    shop.clock.now += 2
    assert ids(shop) == []


def people(shop: Caller) -> dict[str, str]:
    """One event per browser; its id by the browser's name."""
    named = {}
    for browser, device, system, country, page in [
        ("Chrome", "desktop", "Windows", "DE", "/"),
        ("Firefox", "desktop", "Linux", "FR", "/cart"),
        ("Safari", "mobile", "iOS", "DE", "/"),
    ]:
        session = {"browserName": browser, "deviceType": device, "osName": system, "countryCode": country}
        sent = event(metadata=json.dumps({"pageId": page}), type=f"my.{browser}")
        put(shop, sent, SessionMetadata=json.dumps(session))
        named[sent["id"]] = browser
    return named


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ["Chrome", "Firefox", "Safari"]),
        ([("Browser", ["Chrome"])], ["Chrome"]),
        ([("Browser", ["Chrome", "Safari"])], ["Chrome", "Safari"]),
        ([("Device", ["mobile"])], ["Safari"]),
        ([("OS", ["Linux"])], ["Firefox"]),
        ([("Country", ["DE"])], ["Chrome", "Safari"]),
        ([("Page", ["/cart"])], ["Firefox"]),
        ([("EventType", ["my.Chrome", "my.Firefox"])], ["Chrome", "Firefox"]),
        ([("Invert", ["Chrome"])], ["Firefox", "Safari"]),
        ([("Invert", ["desktop", "DE"])], []),
        ([("Country", ["DE"]), ("Device", ["desktop"])], ["Chrome"]),
        ([("Country", ["DE"]), ("Invert", ["iOS"])], ["Chrome"]),
        ([("Browser", [])], []),
    ],
)
def test_filters_choose_events(shop: Caller, filters: list[tuple[str, list[str]]], expected: list[str]) -> None:
    named = people(shop)
    wanted = [{"Name": name, "Values": values} for name, values in filters]
    assert [named[one] for one in ids(shop, Filters=wanted)] == expected


@pytest.mark.parametrize(
    ("query", "member"),
    [
        ({}, "timeRange"),
        ({"TimeRange": {}}, "timeRange.after"),
        ({"TimeRange": {"After": "now"}}, "timeRange.after"),
        ({"TimeRange": {"After": 1.5}}, "timeRange.after"),
        ({"TimeRange": {"After": 2, "Before": 1}}, "timeRange.before"),
        ({"TimeRange": {"After": 0}, "MaxResults": 101}, "maxResults"),
        ({"TimeRange": {"After": 0}, "MaxResults": -1}, "maxResults"),
        ({"TimeRange": {"After": 0}, "Filters": [{"Name": "City", "Values": ["x"]}]}, "filters.1.member.name"),
        ({"TimeRange": {"After": 0}, "Filters": [{"Values": ["x"]}]}, "filters.1.member.name"),
        ({"TimeRange": {"After": 0}, "Filters": {"Name": "OS"}}, "filters"),
        ({"TimeRange": {"After": 0}, "Filters": [{"Name": "OS", "Values": [1]}]}, "filters.1.member.values.1.member"),
        ({"TimeRange": {"After": 0}, "NextToken": "x"}, "nextToken"),
        ({"TimeRange": {"After": 0}, "NextToken": "W10="}, "nextToken"),
    ],
)
def test_a_wrong_query_is_refused_and_the_member_named(shop: Caller, query: dict[str, Any], member: str) -> None:
    status, code, message = refused(shop, "POST", DATA, query)
    assert (status, code) == (400, "ValidationException")
    assert f"'{member}'" in message


def test_an_unknown_monitor_is_a_404(caller: Caller) -> None:
    assert refused(caller, "POST", DATA, {"TimeRange": {"After": 0}})[:2] == (404, "ResourceNotFoundException")


def pages(shop: Caller, **query: Any) -> list[list[str]]:
    """All pages of a query, each as event ids."""
    found = []
    token: dict[str, str] = {}
    while True:
        answer = shop.json("POST", DATA, {"TimeRange": {"After": 0}, **query, **token})
        found.append([json.loads(one)["event_id"] for one in answer["Events"]])
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


@pytest.mark.parametrize("size", [None, 0, 1, 7, 99, 100])
def test_pages_hold_every_event_once(shop: Caller, size: int | None) -> None:
    sent = [one for _ in range(11) for one in put(shop, *(event() for _ in range(20)))]
    found = pages(shop, **({} if size is None else {"MaxResults": size}))
    assert [one for page in found for one in page] == sent
    assert max(map(len, found)) == (size or 100)


def test_a_token_stays_good_while_events_arrive(shop: Caller) -> None:
    sent = put(shop, *(event() for _ in range(5)))
    query = {"TimeRange": {"After": 0}, "MaxResults": 3}
    token = {"NextToken": shop.json("POST", DATA, query)["NextToken"]}
    shop.clock.now += 5
    put(shop, event(timestamp=NOW + 4))
    again = [shop.json("POST", DATA, query | token)["Events"] for _ in range(2)]
    assert again[0] == again[1]
    assert [json.loads(one)["event_id"] for one in again[0]] == sent[3:]


def test_a_token_belongs_to_its_query(shop: Caller) -> None:
    put(shop, *(event() for _ in range(5)))
    query = {"TimeRange": {"After": 0}, "MaxResults": 3}
    token = {"NextToken": shop.json("POST", DATA, query)["NextToken"]}
    other = {"TimeRange": {"After": 1}, **token}
    assert refused(shop, "POST", DATA, other)[:2] == (400, "ValidationException")


def test_one_call_reads_a_bounded_number_of_batches(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCHES_PER_CALL", 4)
    sent = [put(shop, event(type=f"my.{number}"))[0] for number in range(10)]
    found = pages(shop, Filters=[{"Name": "EventType", "Values": ["my.9"]}])
    assert found == [[], [], [sent[9]]]


def test_a_zipped_batch_reads_like_a_plain_one(shop: Caller) -> None:
    monitor = shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"]
    body = batch(1)
    shop.put(monitor, body)
    shop.put(monitor, gzip.compress(json.dumps(body).encode()), headers=(("content-encoding", "gzip"),))
    plain, zipped = shop.events()
    assert plain == zipped


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1e999}',
        f'{{"a":{"9" * 2500}}}',
        f'{{"a":{"[" * 900}1{"]" * 900}}}',
        '{"version":7}',
        '{"version":null}',
        '{"pageTags":[[1]]}',
        '{"title":{}}',
        '{"a":1,"a":2}',
        '{"":""}',
    ],
)
def test_whatever_was_accepted_can_be_read(shop: Caller, text: str) -> None:
    sent = event(metadata=text, details=text)
    put(shop, sent, SessionMetadata=text)
    answer = shop.json("POST", DATA, {"TimeRange": {"After": 0}})
    (seen,) = answer["Events"]
    assert sent["id"] in seen
    assert f'"event_details":{text}' in seen


def test_numbers_come_back_as_they_were_sent(shop: Caller) -> None:
    put(shop, event(details='{"duration":93.80000000004657,"big":12345678901234567890123}'))
    (seen,) = shop.json("POST", DATA, {"TimeRange": {"After": 0}})["Events"]
    assert '"event_details":{"duration":93.80000000004657,"big":12345678901234567890123}' in seen
