"""The real web client in a real browser takes the endpoint for CloudWatch RUM."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.testing.rum_endpoint import RumEndpoint
from tests.endpoint.conftest import KEYS, client_of

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("LOADGEN_CHROMIUM", "/usr/bin/chromium")
PREFIX = "com.amazon.rum."

pytestmark = pytest.mark.browser


def missing() -> str | None:
    """What this machine lacks for a real browser, and how to get it."""
    if not Path(CHROMIUM).exists():
        return f"no Chromium at {CHROMIUM}: apt-get install chromium, or set LOADGEN_CHROMIUM"
    if shutil.which("node") is None:
        return "no node: apt-get install nodejs npm"
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if lacking := [name for name in wanted if not (HERE / "node_modules" / name).exists()]:
        return f"no {', '.join(lacking)}: npm --prefix {HERE} install --no-package-lock"
    return None


@pytest.fixture(scope="module", autouse=True)
def whole_browser() -> None:
    """Without a browser the tests are skipped, but never in CI."""
    if lack := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"THE BROWSER TESTS DID NOT RUN: {lack}")


class Pages(SimpleHTTPRequestHandler):
    """Serves page.html under every path but the bundle's and /missing."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0]
        if name == "/bundle.js":
            return super().translate_path(name)
        return str(HERE / ("missing" if name == "/missing" else "page.html"))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, whole_browser: None) -> Iterator[str]:
    """The URL of a small site with the web client in it."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(["node", HERE / "bundle.mjs", folder / "bundle.js"], check=True, cwd=HERE, timeout=60)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def visit(site: str, endpoint: Endpoint | RumEndpoint, setup: dict[str, Any], profile: Path) -> list[dict[str, Any]]:
    """A visit of two pages, closed at the end; the answers that the browser saw."""
    query = quote(json.dumps({"endpoint": endpoint.url, "region": endpoint.region, **setup}))
    order = {
        "chromium": CHROMIUM,
        "profile": str(profile),
        "endpoint": endpoint.url,
        "first": f"{site}/?setup={query}",
        "second": f"{site}/second?setup={query}",
    }
    done = subprocess.run(
        ["node", HERE / "visit.mjs", json.dumps(order)], cwd=HERE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(endpoint: Endpoint, shop: str) -> list[dict[str, Any]]:
    """All events of a monitor."""
    window = {"After": int(time.time() * 1000) - 600_000, "Before": int(time.time() * 1000) + 600_000}
    pages = client_of(endpoint).get_paginator("get_app_monitor_data").paginate(Name=shop, TimeRange=window)
    return [json.loads(event) for page in pages for event in page["Events"]]


def until_closed(endpoint: Endpoint, shop: str) -> list[dict[str, Any]]:
    """All events once the beacon of the second page's end is among them; it arrives after the browser has gone."""
    deadline = time.monotonic() + 20
    while True:
        events = read(endpoint, shop)
        last = [event for event in events if event["event_type"] == PREFIX + "cumulative_layout_shift_event"]
        if any(event["metadata"]["pageId"] == "/second" for event in last) or time.monotonic() > deadline:
            return events
        time.sleep(0.1)


def settings(**more: Any) -> EndpointSettings:
    return EndpointSettings(credentials=(KEYS,), quota=None, **more)


def created(endpoint: Endpoint, domain: str = "localhost") -> str:
    monitor = client_of(endpoint).create_app_monitor(Name="shop", Domain=domain, CustomEvents={"Status": "ENABLED"})
    return str(monitor["Id"])


def test_a_visit_of_the_real_web_client_is_kept_and_read_back(site: str, tmp_path: Path) -> None:
    credentials = {"accessKeyId": KEYS.access_key_id, "secretAccessKey": KEYS.secret_access_key}
    with Endpoint(settings()) as endpoint:
        answers = visit(site, endpoint, {"monitorId": created(endpoint), "credentials": credentials}, tmp_path)
        events = until_closed(endpoint, "shop")
        ledger = client_ledger(endpoint)
    assert {answer["status"] for answer in answers} == {200}
    counts = Counter(event["event_type"].removeprefix(PREFIX) for event in events)
    assert counts["session_start_event"] == 1
    assert counts["page_view_event"] == 2
    assert counts["performance_resource_event"] >= 2
    for once_per_page in ("performance_navigation_event", "time_to_first_byte_event", "first_contentful_paint_event"):
        assert 1 <= counts[once_per_page] <= 2
    assert counts["cumulative_layout_shift_event"] == 2, "only sent by the beacons of the two pages"
    assert counts["largest_contentful_paint_event"] >= 1
    assert counts["first_input_delay_event"] >= 1
    assert counts["js_error_event"] == 1
    assert counts["http_event"] == 1
    assert counts["my.checkout"] == 2
    assert ledger["requests"]["refused"] == ledger["events"]["dropped"] == 0
    assert ledger["events"]["accepted"] == len(events) == len({event["event_id"] for event in events})
    check_contents(events)


def check_contents(events: list[dict[str, Any]]) -> None:
    """One session of one user, with the attributes of the page and without the ill-named one."""
    (user,) = {json.dumps(event["user_details"]) for event in events}
    assert json.loads(user).keys() == {"userId", "sessionId"}
    for event in events:
        assert event["metadata"]["plan"] == "gold"
        assert event["metadata"]["domain"] == "localhost"
        assert "plan=gold" in event["metadata_values"]
        assert "bad key" not in event["metadata"]
        assert event["application_version"] == "1.2.3"
    by_type = {event["event_type"].removeprefix(PREFIX): event["event_details"] for event in events}
    assert by_type["js_error_event"]["message"] == "Uncaught TypeError: boom" or "boom" in str(
        by_type["js_error_event"]
    )
    assert by_type["http_event"]["response"]["status"] == 404
    assert by_type["my.checkout"] == {"items": 3}


def client_ledger(endpoint: Endpoint) -> dict[str, Any]:
    with urllib.request.urlopen(f"{endpoint.url}/_loadgen/ledger") as answer:
        return dict(json.load(answer))


def test_an_unsigned_page_is_served_where_that_is_allowed(site: str, tmp_path: Path) -> None:
    with Endpoint(settings(unsigned=True)) as endpoint:
        setup = {"monitorId": created(endpoint), "config": {"signing": False}}
        answers = visit(site, endpoint, setup, tmp_path)
        events = until_closed(endpoint, "shop")
    assert {answer["status"] for answer in answers} == {200}
    assert {event["metadata"]["pageId"] for event in events} == {"/", "/second"}
