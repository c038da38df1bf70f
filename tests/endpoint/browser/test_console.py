"""The console's page in a real browser: every view, what the web client sends, and names that want to do harm."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unicodedata import category
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

import loadgen
from loadgen.endpoint import Endpoint
from tests.endpoint.browser.test_browser import CHROMIUM, HERE, created, settings, site, whole_browser
from tests.endpoint.conftest import KEYS, batch, client_of, event

__all__ = ["site", "whole_browser"]

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)>\u202e\x1b[31m</script>"
HOSTILE = MARKUP + "<script>alert(2)</script>\u200b\U000e0041\U0001f469\u200d\U0001f4bb" + "e\u0301" + "\u0301" * 60
HOSTILE += "x" * 300
LONG = HOSTILE * 6
"""With the page's name an event of nearly 6 KB, the largest that RUM keeps."""

SPELLED = "<img src=x onerror=alert(1)>\\u202e\\u001b[31m</script>"
"""How the page shows MARKUP."""


def look(endpoint: Endpoint, *steps: str, **order: Any) -> list[dict[str, Any]]:
    """What a browser saw in some steps of console.mjs."""
    whole = {"chromium": CHROMIUM, "endpoint": endpoint.url, "steps": steps, **order}
    done = subprocess.run(
        ["node", HERE / "console.mjs", json.dumps(whole)], cwd=HERE, capture_output=True, text=True, timeout=180
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


@pytest.fixture(scope="module")
def shop(whole_browser: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seen, list[Seen]]]:
    """The overview's figures of a storefront's sessions of now, hostile names among them, and what a browser saw."""
    folder = tmp_path_factory.mktemp("console")
    first, last = (datetime.fromtimestamp(time.time() + later, UTC).isoformat() for later in (0, 60))
    truth = {"incident": HOSTILE[:50], "kind": "error", "session_id": "s", "first": first, "last": last}
    (folder / "ground-truth.ndjson").write_text(json.dumps(truth) + "\n")
    with Endpoint(settings()) as endpoint:
        monitor = created(endpoint)
        fill(client_of(endpoint), monitor)
        assert endpoint.ledger(monitor).events.dropped == 0
        wait_until_read(endpoint)
        order = {"monitor": monitor, "truth": str(folder / "ground-truth.ndjson"), "folder": str(folder)}
        seen = look(endpoint, "views", "keyboard", "span", "truth", "pictures", **order)
        span = {"from": 0, "to": int(time.time() * 1000) + 172_800_000}
        yield ask(endpoint, "overview", monitor=monitor, **span)["now"], seen


def fill(client: Any, monitor: str) -> None:
    """Sessions of now, sessions with hostile names, and a refused call."""
    for body in loadgen.generate("storefront", sessions=20, seed=7, start="now"):
        put(client, monitor, json.loads(body))
    names = ("pageId", "browserName", "osName", "countryCode", "deviceType")
    metadata = json.dumps(dict.fromkeys(names, HOSTILE), ensure_ascii=False)
    members = {"version": "1.0.0", "type": HOSTILE, "message": HOSTILE, "stack": HOSTILE}
    details = json.dumps(members, ensure_ascii=False)
    last = time.time() + 86_400  # after the others, so that the explorer shows them first
    for _ in range(10):
        error = event(type="com.amazon.rum.js_error_event", metadata=metadata, details=details, timestamp=last)
        put(client, monitor, batch() | {"RumEvents": [event(metadata=metadata, timestamp=last), error]})
    whole = members | {"message": LONG}
    long = event(details=json.dumps(whole, ensure_ascii=False), type="com.amazon.rum.js_error_event", timestamp=last)
    put(client, monitor, batch() | {"RumEvents": [long, event(type="a" * 256, metadata=metadata, timestamp=last)]})
    tags = {"team": HOSTILE[:256], "k" * 128: "v" * 256}
    client.create_app_monitor(Name="m" * 255, Domain=f"{'d' * 63}." * 3 + "example.com", Tags=tags)
    path = quote(HOSTILE[:150], safe="")
    with pytest.raises(HTTPError):
        urlopen(Request(f"{client.meta.endpoint_url}/appmonitors/{path}", LONG.encode(), {"Origin": MARKUP[:28]}))
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
def test_every_view_shows_its_figures_and_hostile_names_do_no_harm(shop: tuple[Seen, list[Seen]], width: int) -> None:
    figures, seen = shop
    shown = {each["view"]: each for each in seen if each.get("width") == width}
    assert len(shown) == 11
    assert [view for view, each in shown.items() if each["wide"] > 0] == [], "it scrolls sideways"
    assert f"{figures['sessions']:,}" in shown["overview"]["text"]
    assert f"{figures['views']:,}" in shown["overview"]["text"]
    assert "ResourceNotFoundException" in shown["ingestion"]["text"]
    for view in ("pages", "errors", "clients", "journey", "events"):
        assert SPELLED in shown[view]["text"], view
    for view in ("monitors", "ingestion"):
        assert "<img src=x onerror=alert(1)>\\u202e" in shown[view]["text"], view
    unseen = {
        letter for each in shown.values() for letter in each["text"] if category(letter) in ("Cc", "Cf", "Zl", "Zp")
    }
    assert unseen <= {"\n", "\t"}


def test_axe_finds_no_fault_in_any_view(shop: tuple[Seen, list[Seen]]) -> None:
    faults = {(each["view"], each.get("width")): each["faults"] for each in shop[1] if "faults" in each}
    assert len(faults) == 23
    assert {view: found for view, found in faults.items() if found} == {}


CONTROLS = {"button", "link", "textbox", "searchbox", "spinbutton", "combobox", "checkbox", "DisclosureTriangle"}


def test_a_screen_reader_finds_its_way_in_every_view(shop: tuple[Seen, list[Seen]]) -> None:
    views = {each["view"]: each["aloud"] for each in shop[1] if each.get("aloud")}
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


def test_every_control_is_reached_by_the_keyboard_and_shows_it(shop: tuple[Seen, list[Seen]]) -> None:
    tabbed = [each for each in shop[1] if "tabbed" in each]
    assert len(tabbed) == 3
    for each in tabbed:
        assert (each["unseen"], each["missed"]) == ([], []), each["tabbed"]
        assert each["reached"] > 15


def test_a_session_opens_as_a_timeline(shop: tuple[Seen, list[Seen]]) -> None:
    session = next(each for each in shop[1] if each.get("view") == "session")
    assert "event_details" in session["text"]


def test_a_span_is_chosen_by_dragging_and_by_keys(shop: tuple[Seen, list[Seen]]) -> None:
    seen = next(each for each in shop[1] if "dragged" in each)
    (first, last), (begin, end) = seen["dragged"], seen["keyed"]
    assert first < last
    assert first <= begin < end <= last
    assert "page views" in seen["said"]


def test_ground_truth_is_laid_over_the_plots(shop: tuple[Seen, list[Seen]]) -> None:
    assert [each["bands"] for each in shop[1] if "bands" in each] == [[SPELLED + HOSTILE[len(MARKUP) : 50]]]


def test_the_page_follows_the_system_s_theme(shop: tuple[Seen, list[Seen]]) -> None:
    assert len({each["background"] for each in shop[1] if "background" in each}) == 2


def test_an_event_of_the_web_client_shows_within_two_seconds_and_faults_are_switched(site: str) -> None:
    credentials = {"accessKeyId": KEYS.access_key_id, "secretAccessKey": KEYS.secret_access_key}
    with Endpoint(settings()) as endpoint:
        monitor = created(endpoint)
        setup = {"monitorId": monitor, "credentials": credentials, "endpoint": endpoint.url, "region": endpoint.region}
        page = f"{site}/?setup={quote(json.dumps(setup))}"
        seen = look(endpoint, "live", "switches", monitor=monitor, site=page)
        with urlopen(f"{endpoint.url}/_loadgen/settings") as answer:
            now = json.load(answer)
    shown = next(each for each in seen if "milliseconds" in each)
    assert shown["milliseconds"] < max(2000, 2 * shown["period"]), "it asks once a second, less often on a busy machine"
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
