"""GetAppMonitorData: RUM's keys, filters, time ranges and pages."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.endpoint.operations import app_monitor_data as reading
from loadgen.endpoint.store import Store
from tests.endpoint.conftest import NOW, Caller, batch, event
from tests.endpoint.operations.test_monitors import refused

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


def test_an_event_has_the_members_of_the_live_service_in_their_order(shop: Caller) -> None:
    """As aws-cli's examples/rum/get-app-monitor-data.rst shows them."""
    own = '{"title":"Shop","pageId":"/a b","interaction":2,"pageTags":["x","y"]}'
    sent = event(timestamp=NOW + 0.25, metadata=own, details='{"version":"1.1.0","pageId":"/"}')
    user = {"userId": "00000000-0000-0000-0000-000000000000", "sessionId": "11111111-1111-4111-8111-111111111111"}
    batch_id = "22222222-2222-4222-8222-222222222222"
    put(shop, sent, UserDetails=user, BatchId=batch_id, SessionMetadata='{"browserName":"Chrome"}')
    (seen,) = shop.events(TimeRange={"After": 0, "Before": MS + 1000})
    wanted = {
        **user,
        "application_id": shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"],
        "application_version": "1.0.0",
        "application_name": "shop",
        "event_id": sent["id"],
        "event_timestamp": MS + 250,
        "event_type": "com.amazon.rum.page_view_event",
        "event_version": "1.1.0",
        "log_stream": {"seconds": MS // 1000, "nanos": 250_000_000},
        "batch_id": batch_id,
        "metadata": {"browserName": "Chrome", **json.loads(own)},
        "metadata_keys": ["browserName", "title", "pageId", "interaction", "pageTags"],
        "metadata_values": [
            "browserName=Chrome",
            "title=Shop",
            "pageId=/a b",
            "interaction=2",
            "pageTags=x",
            "pageTags=y",
        ],
        "event_details": {"version": "1.1.0", "pageId": "/"},
        "user_details": user,
        "account_id": "123456789012",
        "event_interaction": "%2Fa%20b-2 &",
    }
    assert list(seen.items()) == list(wanted.items())


def test_the_newest_event_comes_first_whatever_the_order_of_acceptance(shop: Caller) -> None:
    ages = [[3, 90, 40], [1, 50], [70, 2, 2], [60]]
    sent = put_all(shop, ages)
    for size in (1, 2, 4, 100):
        seen = [one for page in pages(shop, MaxResults=size) for one in page]
        assert [sent[one] for one in seen] == sorted(sent.values())
        assert len(set(seen)) == len(sent)
    newest = put(shop, aged(0))
    assert ids(shop)[0] == newest[0]


def put_all(shop: Caller, ages: list[list[int]]) -> dict[str, int]:
    """Put one batch per list of ages; each event's age by its id."""
    return {one: age for each in ages for one, age in zip(put(shop, *map(aged, each)), each, strict=True)}


def aged(seconds: float) -> dict[str, Any]:
    """An event of so many seconds ago."""
    return event(timestamp=NOW - seconds)


@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=6), min_size=1, max_size=8), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_pages_are_sorted_and_whole_for_any_batches(ages: list[list[int]], size: int) -> None:
    shop = Caller()
    shop.monitor()
    sent = put_all(shop, ages)
    seen = [sent[one] for page in pages(shop, MaxResults=size) for one in page]
    assert seen == sorted(sent.values())


def test_dropped_events_do_not_shift_those_that_are_kept(caller: Caller) -> None:
    caller.monitor()
    good, large = event(timestamp=NOW - 1), event(details=json.dumps({"a": "x" * 7000}))
    other = event(timestamp=NOW - 2)
    put(caller, large, good, event(type="my.custom"), other, event(timestamp=NOW - 40 * 86_400))
    assert ids(caller) == [good["id"], other["id"]]


def test_events_of_a_store_that_is_opened_again_are_read_in_order(tmp_path: Path) -> None:
    for age in (5, 1, 3):
        caller = Caller()
        caller.endpoint.store = caller.store = Store(tmp_path / "rum.sqlite")
        if age == 5:
            caller.monitor()
        put(caller, aged(age))
        seen = caller.events()
        caller.store.close()
    assert [MS - one["event_timestamp"] for one in seen] == [1000, 3000, 5000]


def test_a_store_with_more_batches_than_one_call_indexes_is_read_whole(
    shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "INDEXED_PER_CALL", 3)
    sent = [put(shop, event())[0] for _ in range(10)]
    found = pages(shop)
    assert [one for page in found for one in page] == sent[::-1]
    assert found[0] == []


def test_one_call_decodes_a_bounded_number_of_bytes(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BYTES_PER_CALL", 1000)
    sent = [put(shop, event(), event(), event())[0] for _ in range(5)]
    found = pages(shop)
    assert max(map(len, found)) <= 6  # two batches pass 1,000 bytes
    assert len([one for page in found for one in page]) == 3 * len(sent)


HALVES = [
    r"cart \ud83d",
    r"\ude00 cart",
    r"\ud83d\ud83d\ude00",
    r"\\ud83d",
    r"\\\ud83d",
    "\\ud83d\\ude00",
    "😀",
    r"\uD83D",
]


@pytest.mark.parametrize("text", HALVES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_half_a_surrogate_pair_passes_through(shop: Caller, text: str, ascii_only: bool) -> None:
    """As JSON.stringify writes a string that was cut inside an emoji (RFC 8259, section 8.2)."""
    details, metadata = f'{{"version":"1.1.0","message":"{text}"}}', f'{{"title":"{text}","pageId":"/{text}"}}'
    sent, other = event(details=details, metadata=metadata), event()
    body = json.dumps(batch(RumEvents=[other, sent], SessionMetadata=f'{{"a":"{text}"}}'), ensure_ascii=ascii_only)
    monitor = shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"]
    assert shop.put(monitor, body.encode()).status == 200
    found = shop.json("POST", DATA, {"TimeRange": {"After": 0}})["Events"]
    seen = next(one for one in map(json.loads, found) if one["event_id"] == sent["id"])
    assert len(found) == 2
    assert any(f'"event_details":{details}' in one for one in found)
    assert seen["event_version"] == "1.1.0"
    assert seen["metadata"] == {"a": json.loads(f'"{text}"'), **json.loads(metadata)}
    assert f"title={seen['metadata']['title']}" in seen["metadata_values"]


def test_half_a_pair_that_the_body_itself_escapes_is_kept_too(shop: Caller) -> None:
    """As botocore writes a details text that holds one half as a character."""
    details = json.dumps({"message": "cart \ud83d"}, ensure_ascii=False)
    sent = put(shop, event(details=details, metadata=details))
    assert ids(shop) == sent
    assert shop.events()[0]["event_details"] == {"message": "cart \ud83d"}


@pytest.mark.parametrize("member", ["type", "id"])
def test_half_a_pair_outside_details_and_metadata_breaks_nothing(shop: Caller, member: str) -> None:
    monitor = shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"]
    assert shop.put(monitor, batch(RumEvents=[event(**{member: "\ud83d"})])).status in (200, 400)
    assert ids(shop) == []


@pytest.mark.parametrize(
    "text", [r'{"a":"\ud83"}', r'{"a":"\ud83d}', r'{"a":\ud83d}', r'{"a\ud83d":1} x', r'{"\ud83d"}']
)
def test_text_that_is_no_json_is_refused_with_half_a_pair_too(shop: Caller, text: str) -> None:
    monitor = shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"]
    assert shop.put(monitor, batch(RumEvents=[event(details=text)])).status == 400


@pytest.mark.parametrize("name", ["Page", "Browser", "Invert"])
def test_a_filter_passes_over_members_that_are_no_text(shop: Caller, name: str) -> None:
    put(shop, event(metadata='{"pageId":["/a"],"browserName":1}'))
    assert len(ids(shop, Filters=[{"Name": name, "Values": ["/a"]}])) == (name == "Invert")


@pytest.mark.parametrize("place", [2**63, -(2**64), 10**30, "x"])
def test_a_forged_token_is_refused(shop: Caller, place: Any) -> None:
    put(shop, event(), event())
    token = shop.json("POST", DATA, {"TimeRange": {"After": 0}, "MaxResults": 1})["NextToken"]
    query, cursor = json.loads(base64.urlsafe_b64decode(token))
    last, before = cursor["last"], cursor["before"]
    for forged in ({"last": [place, *last[1:]], "before": before}, {"last": last, "before": place}):
        text = base64.urlsafe_b64encode(json.dumps([query, forged]).encode()).decode()
        body = {"TimeRange": {"After": 0}, "MaxResults": 1, "NextToken": text}
        assert refused(shop, "POST", DATA, body)[:2] == (400, "ValidationException")


def test_the_time_range_is_in_milliseconds_and_holds_both_ends(shop: Caller) -> None:
    early, middle, late = put(shop, *(event(timestamp=NOW - 10 + at) for at in (1, 2, 3)))
    begin = MS - 10_000
    assert ids(shop, TimeRange={"After": begin + 2000}) == [late, middle]
    assert ids(shop, TimeRange={"After": begin + 1000, "Before": begin + 2000}) == [middle, early]
    assert ids(shop, TimeRange={"After": begin + 3001}) == []
    assert ids(shop, TimeRange={"After": -(2**63), "Before": 2**63 - 1}) == [late, middle, early]


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
    assert [named[one] for one in ids(shop, Filters=wanted)] == expected[::-1]


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
    assert [one for page in found for one in page] == sent[::-1]
    assert max(map(len, found)) == (size or 100)


def test_a_token_stays_good_while_events_arrive(shop: Caller) -> None:
    sent = put(shop, *(event() for _ in range(5)))
    query = {"TimeRange": {"After": 0}, "MaxResults": 3}
    token = {"NextToken": shop.json("POST", DATA, query)["NextToken"]}
    shop.clock.now += 5
    put(shop, event(timestamp=NOW + 4))
    again = [shop.json("POST", DATA, query | token)["Events"] for _ in range(2)]
    assert again[0] == again[1]
    assert [json.loads(one)["event_id"] for one in again[0]] == sent[1::-1]


def test_a_token_belongs_to_its_query(shop: Caller) -> None:
    put(shop, *(event() for _ in range(5)))
    query = {"TimeRange": {"After": 0}, "MaxResults": 3}
    token = {"NextToken": shop.json("POST", DATA, query)["NextToken"]}
    other = {"TimeRange": {"After": 1}, **token}
    assert refused(shop, "POST", DATA, other)[:2] == (400, "ValidationException")


def test_one_call_reads_a_bounded_number_of_batches(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCHES_PER_CALL", 4)
    sent = [put(shop, event(type=f"my.{number}"))[0] for number in range(10)]
    found = pages(shop, Filters=[{"Name": "EventType", "Values": ["my.0"]}])
    assert found == [[], [], [sent[0]]]


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
