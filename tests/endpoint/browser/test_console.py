"""The console's page in a real browser: every view, what the web client sends, and names that want to do harm."""

from __future__ import annotations

import gzip
import json
import re
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unicodedata import category
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote
from urllib.request import Request, urlopen

import msgspec
import pytest

import loadgen
from loadgen.endpoint import Endpoint
from loadgen.units import format_milliseconds, format_share
from tests.endpoint.browser.test_web_client import CHROMIUM, HERE, created, settings, site, whole_browser
from tests.endpoint.conftest import KEYS, batch, client_of, event
from tests.endpoint.console.looking import Seen as Event
from tests.endpoint.console.looking import see
from tests.endpoint.console.test_measures import figures_of
from tests.endpoint.console.test_sessions import paths_of

__all__ = ["site", "whole_browser"]

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)>\u202e\x1b[31m</script>"
HOSTILE = MARKUP + "<script>alert(2)</script>\u200b\U000e0041\U0001f469\u200d\U0001f4bb" + "e\u0301" + "\u0301" * 60
HOSTILE += "x" * 300
LONG = HOSTILE * 6
"""With the page's name an event of nearly 6 KB, the largest that RUM keeps."""

LONGEST = HOSTILE * 25
HEADER = MARKUP.replace("\x1b", "\x9b").encode().decode("latin-1") + "x" * 5000

SPELLED = "<img src=x onerror=alert(1)>\\u202e\\u001b[31m</script>"
"""How the page shows MARKUP."""


def look(endpoint: Endpoint, *steps: str, **order: Any) -> list[dict[str, Any]]:
    """What a browser saw in some steps of console.mjs."""
    whole = {"chromium": CHROMIUM, "endpoint": endpoint.url, "steps": steps, **order}
    done = subprocess.run(
        ["node", HERE / "console.mjs", json.dumps(whole)], cwd=HERE, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [each["problem"] for each in seen if "problem" in each]
    return seen


def ask(endpoint: Endpoint, name: str, **query: Any) -> Any:
    """The JSON of a view."""
    text = "&".join(f"{key}={quote(str(value))}" for key, value in query.items())
    with urlopen(Request(f"{endpoint.url}/_loadgen/api/{name}?{text}")) as answer:
        return json.load(answer)


Seen = dict[str, Any]


class Shop(msgspec.Struct):
    """A monitor with a week of few visits a day, hostile names among them, and what a browser saw of it."""

    bodies: list[bytes]
    events: list[Event]
    seen: list[Seen]

    def find(self, view: str) -> Seen:
        """What the browser saw of a view on a wide screen."""
        return next(each for each in self.seen if each.get("view") == view and each.get("width") == 1280)

    def rows(self, view: str, caption: str) -> list[list[str]]:
        """The rows of a table, but for those with hostile names."""
        return [row for row in self.find(view)["tables"][caption] if SPELLED not in row[0] + row[1]]


@pytest.fixture(scope="module")
def shop(whole_browser: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("console")
    first, last = (datetime.fromtimestamp(time.time() + later, UTC).isoformat() for later in (0, 60))
    truth = {"incident": HOSTILE[:50], "kind": "error", "session_id": "s", "first": first, "last": last}
    (folder / "ground-truth.ndjson").write_text(json.dumps(truth) + "\n")
    with Endpoint(settings(), folder / "rum.sqlite") as endpoint:
        monitor = created(endpoint, "shop.example.com")
        where: dict[str, Any] = {"target": endpoint.url, "monitor": "shop", "out": folder / "seeded"}
        loadgen.seed("storefront", days=7, rate=4e-6, seed=7, **where)
        fill(client_of(endpoint), monitor)
        assert endpoint.ledger(monitor).events.dropped == 0
        wait_until_read(endpoint)
        order = {"monitor": monitor, "truth": str(folder / "ground-truth.ndjson"), "folder": str(folder)}
        seen = look(
            endpoint,
            "views",
            "keyboard",
            "span",
            "controls",
            "partial",
            "away",
            "addresses",
            "truth",
            "pictures",
            **order,
        )
    bodies = read_bodies(folder / "rum.sqlite")  # after the end of who has it open alone
    yield Shop(bodies, list(see(bodies)), seen)


def read_bodies(store: Path) -> list[bytes]:
    """The bodies that an endpoint has accepted."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        kept = [body for (body,) in db.execute("SELECT body FROM batches ORDER BY number")]
    return [gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body for body in kept]


def fill(client: Any, monitor: str) -> None:
    """Sessions with hostile names, and refused calls."""
    names = ("pageId", "browserName", "osName", "countryCode", "deviceType")
    metadata = json.dumps(dict.fromkeys(names, HOSTILE) | {HOSTILE: HOSTILE}, ensure_ascii=False)
    members = {"version": "1.0.0", "type": HOSTILE, "message": HOSTILE, "stack": HOSTILE}
    details = json.dumps(members, ensure_ascii=False)
    last = time.time() + 86_400  # after the others, so that the explorer shows them first
    for _ in range(10):
        error = event(type="com.amazon.rum.js_error_event", metadata=metadata, details=details, timestamp=last)
        put(client, monitor, batch() | {"RumEvents": [event(metadata=metadata, timestamp=last), error]})
    whole = members | {"message": LONG}
    long = event(details=json.dumps(whole, ensure_ascii=False), type="com.amazon.rum.js_error_event", timestamp=last)
    answer = {"version": "1.0.0", "request": {"url": HOSTILE, "method": HOSTILE}, "response": {"status": MARKUP}}
    asked = event(type="com.amazon.rum.http_event", details=json.dumps(answer), timestamp=last)
    put(
        client,
        monitor,
        batch() | {"RumEvents": [long, event(type="a" * 256, metadata=metadata, timestamp=last), asked]},
    )
    tags = {"team": HOSTILE[:256], "k" * 128: "v" * 256}
    client.create_app_monitor(Name="m" * 255, Domain=f"{'d' * 63}." * 3 + "example.com", Tags=tags)
    path = quote(HOSTILE[:150], safe="")
    headers = {"Origin": MARKUP[:28], "User-Agent": HEADER}
    for sent in (LONGEST, json.dumps(batch() | {"RumEvents": [event(type=LONGEST, id=LONGEST)]})):
        with pytest.raises(HTTPError):
            urlopen(Request(f"{client.meta.endpoint_url}/appmonitors/{path}", sent.encode(), headers))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        put(client, "00000000-0000-4000-8000-000000000000", batch(at=time.time()))


def wait_until_read(endpoint: Endpoint) -> None:
    """Wait until the console has read the whole store, so that its first page shows all of it."""
    while (status := ask(endpoint, "status"))["read"] < status["newest"]:
        time.sleep(0.05)


def put(client: Any, monitor: str, body: dict[str, Any]) -> None:
    members = ("BatchId", "AppMonitorDetails", "UserDetails", "RumEvents")
    client.put_rum_events(Id=monitor, **{key: body[key] for key in members})


@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_names_do_no_harm_in_any_view(shop: Shop, width: int) -> None:
    shown = {each["view"]: each for each in shop.seen if each.get("width") == width}
    assert len(shown) == 11
    assert [view for view, each in shown.items() if each["wide"] > 0] == [], "it scrolls sideways"
    assert "ResourceNotFoundException" in shown["ingestion"]["text"]
    for view in ("pages", "errors", "clients", "journey", "events"):
        assert SPELLED in shown[view]["text"], view
    for view in ("monitors", "ingestion"):
        assert "<img src=x onerror=alert(1)>\\u202e" in shown[view]["text"], view
    unseen = {
        letter for each in shown.values() for letter in each["text"] if category(letter) in ("Cc", "Cf", "Zl", "Zp")
    }
    assert unseen <= {"\n", "\t"}


def write(value: float) -> set[str]:
    """Milliseconds as text; a tie may be rounded either way."""
    return {format_milliseconds(value * factor) for factor in (1 - 1e-9, 1, 1 + 1e-9)}


def count(number: int) -> str:
    return f"{number:,}"


def check_row(cells: list[str], figures: Seen, columns: Iterable[tuple[str, int]]) -> None:
    """The cells have the figures: a count, or a quantile of load or of a vital."""
    for cell, (name, place) in zip(cells, columns, strict=True):
        value = figures.get(name)
        if value is None:
            assert cell == "–", (cells, name)
        elif not isinstance(value, dict):
            assert cell == count(value), (cells, name)
        elif name == "cls":
            assert float(cell) == pytest.approx(value["values"][place], abs=0.00051)
        else:
            assert cell in write(value["values"][place]), (cells, name)


def group(events: Iterable[Event], name: str) -> dict[str, list[Event]]:
    """Events by a dimension."""
    found: dict[str, list[Event]] = {}
    for each in events:
        found.setdefault(each.dimension(name), []).append(each)
    return found


def test_monitors_and_ingestion_count_the_bodies(shop: Shop) -> None:
    assert f"{count(len(shop.events))} in {count(len(shop.bodies))} requests" in shop.find("monitors")["text"]
    calls = [row[3] for row in shop.find("ingestion")["tables"]["Calls"] if row[1] == "accepted"]
    assert len(calls) > 40
    assert calls == [count(len(json.loads(body)["RumEvents"])) for body in shop.bodies[: -len(calls) - 1 : -1]]


def test_the_overview_and_vitals_show_the_figures_of_the_bodies(shop: Shop) -> None:
    whole, tiles = figures_of(shop.events), shop.find("overview")["tiles"]
    expected = {"Sessions": "sessions", "Page views": "views", "JavaScript errors": "errors"}
    assert {title: tiles[title][0] for title in expected} == {title: count(whole[n]) for title, n in expected.items()}
    assert tiles["Visitors"][0] == count(len({each.user for each in shop.events}))
    assert tiles["Failed requests"][0] == count(whole["http_failed"])
    assert tiles["Failed requests"][1].startswith(f"of {count(whole['http'])} recorded")
    assert tiles["Page load p75"][0] in write(whole["load"]["values"][1])
    for name in ("lcp", "fid", "inp", "fcp", "ttfb", "cls"):
        parts = (("good", "good"), ("fair", "needs improvement"), ("poor", "poor"))
        rated = ", ".join(f"{format_share(whole[name][part], whole[name]['count'])} {word}" for part, word in parts)
        assert f"of {count(whole[name]['count'])}: {rated}." in shop.find("vitals")["text"]
        assert rated in shop.find("overview")["text"]


def test_pages_and_clients_show_the_figures_of_the_bodies(shop: Shop) -> None:
    columns = [("views", 0), ("sessions", 0), *(("load", place) for place in range(3))]
    columns += [("lcp", 1), ("inp", 1), ("cls", 1), ("errors", 0), ("http_failed", 0)]
    pages = group(shop.events, "pageId")
    rows = shop.rows("pages", "Pages")
    assert {row[0] for row in rows} == {name or "(none)" for name in pages if name != HOSTILE}
    for name, *cells in rows:
        check_row(cells, figures_of(pages[name.replace("(none)", "")]), columns)
    columns = [("sessions", 0), ("views", 0), ("errors", 0), ("load", 1), ("lcp", 1), ("inp", 1)]
    titles = {"Browsers": "browserName", "Operating systems": "osName", "Devices": "deviceType"}
    for title, dimension in {**titles, "Countries": "countryCode"}.items():
        groups = group(shop.events, dimension)
        rows = shop.rows("clients", title)
        assert {row[0] for row in rows} == {name or "(none)" for name in groups if name != HOSTILE}
        for name, *cells in rows:
            check_row(cells, figures_of(groups[name.replace("(none)", "")]), columns)


def test_errors_and_requests_show_the_groups_of_the_bodies(shop: Shop) -> None:
    groups: dict[tuple[str, str], list[Event]] = {}
    for each in shop.events:
        if each.type == "js_error_event":
            groups.setdefault((each.details["type"], each.details["message"]), []).append(each)
    seen = shop.find("errors")
    assert f"{len(groups)} different errors" in seen["text"]
    for (kind, message), events in groups.items():
        sessions = len({each.session for each in events})
        begin = f"{count(len(events))} × {kind}: {message} in {sessions} session{'' if sessions == 1 else 's'}, last"
        assert kind == HOSTILE or any(summary.startswith(begin) for summary in seen["summaries"]), begin
    asked = [each for each in shop.events if each.type == "http_event"]
    failed = Counter(
        (each.details["request"]["method"], each.details["request"]["url"].split("?")[0]) for each in asked
    )
    rows = {row[0]: int(row[1].replace(",", "")) for row in shop.rows("http", "Requests by URL")}
    assert rows == {f"{method} {url}": number for (method, url), number in failed.items() if method != HOSTILE}


def test_journey_sessions_and_events_show_those_of_the_bodies(shop: Shop) -> None:
    ways: Counter[tuple[str, str]] = Counter()
    for path in paths_of(shop.events):
        ways.update(zip(path, [*path[1:], "left the site"], strict=True))
    rows = shop.find("journey")["tables"]["Transitions"]
    assert [row[2] for row in rows] == [count(number) for _, number in ways.most_common(60)]
    assert all(row[2] == count(ways[row[0], row[1]]) for row in shop.rows("journey", "Transitions"))
    sessions: dict[str, list[Event]] = {}
    for each in shop.events:
        sessions.setdefault(each.session, []).append(each)
    shown = shop.find("sessions")
    assert f"\n{len(sessions)} sessions\n" in shown["text"]
    assert len(shown["tables"]["Sessions"]) == len(sessions)
    for row in shown["tables"]["Sessions"]:
        figures = figures_of(sessions[row[-1]])
        loads = [each.details["duration"] for each in sessions[row[-1]] if each.type == "performance_navigation_event"]
        check_row([*row[3:6], row[7]], figures, [(n, 0) for n in ("views", "errors", "http_failed", "events")])
        assert row[6] in (write(max(loads)) if loads else {"–"})
    types = Counter(re.sub("^performance_|_event$", "", each.type).replace("_", " ") for each in shop.events)
    options = shop.find("events")["options"]
    assert {f"{name} ({count(number)})" for name, number in types.items() if len(name) < 200} < set(options)
    assert len(options) == len(types) + 1


def test_axe_finds_no_fault_in_any_view(shop: Shop) -> None:
    faults = {(each["view"], each.get("width")): each["faults"] for each in shop.seen if "faults" in each}
    assert len(faults) == 23
    assert {view: found for view, found in faults.items() if found} == {}


def test_nothing_leaves_its_card_and_no_label_covers_another(shop: Shop) -> None:
    assert {str(each["view"]): each["misplaced"] for each in shop.seen if each.get("misplaced")} == {}


CONTROLS = {"button", "link", "textbox", "searchbox", "spinbutton", "combobox", "checkbox", "DisclosureTriangle"}


def test_a_screen_reader_finds_its_way_in_every_view(shop: Shop) -> None:
    views = {each["view"]: each["aloud"] for each in shop.seen if each.get("aloud")}
    assert len(views) == 12
    for view, nodes in views.items():
        roles = Counter(node["role"] for node in nodes)
        assert (roles["main"], roles["navigation"], roles["banner"], roles["status"]) == (1, 1, 1, 1), view
        titles = [node["name"] for node in nodes if node["role"] == "heading" and node["level"] == 1]
        assert len(titles) == 1 and titles[0], view
        assert [node for node in nodes if node["role"] in CONTROLS and not node["name"]] == [], view
        assert [node for node in nodes if node["role"] == "table" and not (node["name"] and node["headers"])] == []
        assert [node for node in nodes if node["role"] in ("image", "img") and not node["name"]] == [], view
    plots = [node["name"] for node in views["overview"] if "Plot from" in node["name"]]
    assert len(plots) == 4 and all("arrow keys read it" in name for name in plots)
    assert sum("p75" in node["name"] for node in views["vitals"] if node["role"] in ("image", "img")) >= 6


def test_every_control_is_reached_by_the_keyboard_and_shows_it(shop: Shop) -> None:
    tabbed = [each for each in shop.seen if "tabbed" in each]
    assert len(tabbed) == 3
    for each in tabbed:
        assert (each["unseen"], each["missed"]) == ([], []), each["tabbed"]
        assert each["reached"] > 15


def test_a_session_opens_as_a_timeline(shop: Shop) -> None:
    session = next(each for each in shop.seen if each.get("view") == "session")
    assert "event_details" in session["text"]


def test_a_span_is_chosen_by_dragging_and_by_keys(shop: Shop) -> None:
    seen = next(each for each in shop.seen if "dragged" in each)
    (first, last), (begin, end) = seen["dragged"], seen["keyed"]
    assert first < last
    assert first <= begin < end <= last
    assert "page views" in seen["said"]


def test_what_the_bar_and_the_forms_choose_is_in_the_address(shop: Shop) -> None:
    (seen,) = [each for each in shop.seen if "chosen" in each]
    *chosen, sorted_by, found, kind = [parse_qs(query) for query in seen["chosen"]]
    ends = chosen.pop()
    assert chosen == [{"range": ["30d"]}, {"range": ["30d"], "device": ["mobile"]}, {"range": ["30d"]}]
    assert int(ends["to"][0]) - int(ends["from"][0]) == 1000
    assert seen["time"] == "chosen"
    assert sorted_by == {"range": ["all"], "sort": ["views"]}
    assert found == sorted_by | {"text": ["abc"]}
    assert kind["type"] == [seen["type"]] == ["com.amazon.rum.http_event"]


def test_a_session_that_is_opened_while_the_store_is_read_becomes_whole(shop: Shop) -> None:
    (seen,) = [each for each in shop.seen if "reading" in each]
    assert seen["reading"].startswith("Reading the store: 0%")
    assert seen["asked"] > 1


def test_a_view_that_the_endpoint_left_unanswered_is_drawn_when_it_is_back(shop: Shop) -> None:
    (returned,) = [each["returned"] for each in shop.seen if "returned" in each]
    assert [view for view, _ in returned] == ["pages", "session", "events"]
    assert all(text.strip() for _, text in returned)


def test_an_address_that_names_what_is_not_there_shows_what_is(shop: Shop) -> None:
    (found,) = [each["found"] for each in shop.seen if "found" in each]
    assert found["#/constructor"]["title"].startswith("Monitors – ")
    assert found["#/overview?from=NaN&to=Infinity"]["time"] == 1
    assert found["#/pages?monitor=gone"]["hints"][0].startswith("The app monitor of this address is not here any more")
    assert not found["#/pages?monitor=shop"]["hints"]


def test_ground_truth_is_laid_over_the_plots(shop: Shop) -> None:
    assert [each["bands"] for each in shop.seen if "bands" in each] == [[SPELLED + HOSTILE[len(MARKUP) : 50]]]


def test_the_page_follows_the_system_s_theme(shop: Shop) -> None:
    assert len({each["background"] for each in shop.seen if "background" in each}) == 2


def test_an_event_of_the_web_client_shows_within_two_seconds_and_faults_are_switched(site: str) -> None:
    """Two seconds in the page's own time: at the second asking after it was accepted, with at most one in between."""
    credentials = {"accessKeyId": KEYS.access_key_id, "secretAccessKey": KEYS.secret_access_key}
    with Endpoint(settings()) as endpoint:
        monitor = created(endpoint)
        setup = {"monitorId": monitor, "credentials": credentials, "endpoint": endpoint.url, "region": endpoint.region}
        page = f"{site}/?setup={quote(json.dumps(setup))}"
        seen = look(endpoint, "live", "switches", monitor=monitor, site=page)
        with urlopen(f"{endpoint.url}/_loadgen/settings") as answer:
            now = json.load(answer)
    shown = next(each for each in seen if "polls" in each)
    assert shown["polls"] <= 2
    assert shown["waits"] and max(shown["waits"]) <= 1000
    assert "accepted" in next(each["ingestion"] for each in seen if "ingestion" in each)
    assert (now["quota"], now["burst"], now["faults"]["errors"]) == (7, None, 0.25)
    assert now["faults"]["periods"] == [{"status": 403, "start": 0, "end": 300}]


def test_a_newcomer_s_page_shows_in_the_console_by_what_it_says(whole_browser: None, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")  # what the first line for the shell installs
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Endpoint(settings()) as endpoint:
        (seen,) = look(endpoint, "newcomer", folder=str(tmp_path), port=str(port))
        assert endpoint.calls().calls[0].status == 200
    assert seen["monitor"] == ["my-site"]
    assert seen["empty"].startswith("No event of this app monitor yet. Monitors shows how to connect a page")
    assert seen["install"] == "npm install aws-rum-web esbuild"
    assert "page view" in seen["shown"]
