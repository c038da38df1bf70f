"""The console's page in a real browser: every view, what the web client sends, and names that want to do harm."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

import loadgen
from loadgen.endpoint import Endpoint
from tests.endpoint.browser.test_browser import CHROMIUM, HERE, created, settings, site, whole_browser
from tests.endpoint.conftest import KEYS, batch, client_of, event

__all__ = ["site", "whole_browser"]

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m</script><script>alert(2)</script>" + "x" * 300


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
        wait_until_read(endpoint)
        order = {"monitor": monitor, "truth": str(folder / "ground-truth.ndjson"), "folder": str(folder)}
        seen = look(endpoint, "views", "span", "truth", "pictures", **order)
        span = {"from": 0, "to": int(time.time() * 1000) + 172_800_000}
        yield ask(endpoint, "overview", monitor=monitor, **span)["now"], seen


def fill(client: Any, monitor: str) -> None:
    """Sessions of now, sessions with hostile names, and a refused call."""
    for body in loadgen.generate("storefront", sessions=20, seed=7, start="now"):
        put(client, monitor, json.loads(body))
    names = ("pageId", "browserName", "osName", "countryCode", "deviceType")
    metadata = json.dumps(dict.fromkeys(names, HOSTILE))
    details = json.dumps({"version": "1.0.0", "type": HOSTILE, "message": HOSTILE, "stack": HOSTILE})
    last = time.time() + 86_400  # after the others, so that the explorer shows them first
    for _ in range(10):
        error = event(type="com.amazon.rum.js_error_event", metadata=metadata, details=details, timestamp=last)
        put(client, monitor, batch() | {"RumEvents": [event(metadata=metadata, timestamp=last), error]})
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
        assert "<img src=x onerror=alert(1)>\\u202e\\u001b[31m</script>" in shown[view]["text"], view
    assert not any("\u202e" in each["text"] or "\x1b" in each["text"] for each in shown.values())


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
    assert [each["bands"] for each in shop[1] if "bands" in each] == [[HOSTILE[:50]]]


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
    assert next(each["milliseconds"] for each in seen if "milliseconds" in each) < 2000
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
    assert seen["install"] == "npm install aws-rum-web esbuild"
    assert "page view" in seen["shown"]
