"""Batches for the wire's tests, among them the captured ones: requests of the real web client read back into nouns."""

from __future__ import annotations

import gzip
import json
from typing import Any

from loadgen.ids import NIL_UUID
from loadgen.model import Batch, Event, Page, Request, Visitor
from loadgen.wire import Clock, Destination, Encoded
from loadgen.wire.json_templates import write_details
from tests.paths import FIXTURES

FIXTURE = FIXTURES / "captured-requests.ndjson"
EPOCH = 1795288000.0
CLOCK = Clock(EPOCH)
MONITOR = "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
DESTINATION = Destination("127.0.0.1:8080", MONITOR, "shop.example")
VISITOR = Visitor(
    user_id="e4090fc3-561b-4424-9928-5d7cd83c208c",
    returning=False,
    country="DE",
    language="de-DE",
    device_type="mobile",
    os_name="Android",
    browser_name="Google Chrome",
    browser_version="149",
    user_agent='Mozilla/5.0 "odd\\agent"',
    brand=True,
)
HOME = Page("/", "Home")
CART = Page("/cart", 'Cart "ä" \\ 🛒', interaction=2, parent_id="/", tags=("a", "b"))


def captured() -> list[dict[str, Any]]:
    """The captured requests: scenario, url, headers, sizes and decoded body."""
    return [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]


def captured_batch(body: dict[str, Any], beacon: bool) -> Batch:
    """The batch that must have led to a captured body; details stay the dicts that they were."""
    session = json.loads(body["SessionMetadata"])
    pages: dict[str, Page] = {}
    for event in body["RumEvents"]:
        meta = json.loads(event["metadata"])
        pages[event["metadata"]] = Page(
            meta["pageId"], meta["title"], meta.get("interaction", 0), meta.get("parentPageId")
        )
    user = body["UserDetails"]["userId"]
    visitor = Visitor(
        user_id=user,
        returning=False,
        country="",
        language=session["browserLanguage"],
        device_type=session["deviceType"],
        os_name=session.get("osName", ""),
        browser_name=session.get("browserName", ""),
        browser_version=session.get("browserVersion", ""),
        user_agent=session.get("aws:userAgent", ""),
        brand="browserName" in session,
    )
    events = tuple(
        Event(e["id"], e["timestamp"] - EPOCH, e["type"], write_details(json.loads(e["details"])), pages[e["metadata"]])
        for e in body["RumEvents"]
    )
    return Batch(
        body["BatchId"], 0, 0, 0.0, body["UserDetails"]["sessionId"], visitor, user, events, due=0.0, beacon=beacon
    )


def batch(*events: Event, beacon: bool = False, cookies: bool = True, visitor: Visitor = VISITOR) -> Batch:
    """A batch of a session that starts at run second 10."""
    return Batch(
        id="19eeaeee-a582-4430-809f-3a3b1dfbfd04",
        session=0,
        load=0,
        start=10.0,
        session_id="66f18646-6c4e-4917-b388-5008e4e36d97",
        visitor=visitor,
        user_id=visitor.user_id if cookies else NIL_UUID,
        events=events,
        due=15.0,
        beacon=beacon,
    )


def event(details: Any, at: float = 1.25, page: Page = HOME, type: str = "shop.custom") -> Event:
    """An event of the site's own type."""
    return Event("27b0e63d-f6e9-4d58-a985-5e0c9b24ccd0", at, type, write_details(details), page)


def inflate(request: Request) -> bytes:
    """A request's body without gzip."""
    return gzip.decompress(request.body) if request.get_header("content-encoding") == "gzip" else request.body


def body_of(result: Encoded) -> dict[str, Any]:
    """The body that a request carries."""
    parsed: dict[str, Any] = json.loads(inflate(result.request))
    return parsed
