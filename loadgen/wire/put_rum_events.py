"""The parts of a PutRumEvents body, byte for byte as the RUM web client writes them (dispatch/DataPlaneClient.ts).

Rule: what repeats is written once. `metadata`, `details` and `SessionMetadata` are JSON inside JSON strings; the text
of a page's metadata and of a visitor's SessionMetadata is cached, and details arrive as text.

The web client's rule for gzip: at least 2048 characters, and at least a fifth saved (dispatch/compression.ts).

The compressor is ISA-L at level 2. Over the captured bodies of 2048 characters and more (8.8 kB on average, one core):
22 µs a body and 0.231 of its size, where zlib takes 131 µs for 0.237 (level 1) or 189 µs for 0.217 (level 6, the
browser's), and zlib-ng 51 µs for 0.232 (level 2).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from isal import isal_zlib

from loadgen.ids import NIL_UUID
from loadgen.model import Batch, Noun, Page, Visitor
from loadgen.wire.json_templates import MARK, date_details, escape_json

CLIENT_VERSION = "3.2.1"
"""aws-rum-web, the version whose traffic was captured."""

CLIENT = "arw-module"
"""How the client was installed: from npm (utils/constants.ts: the CDN's script says arw-script)."""

_JSON = msgspec.json.Encoder()

MOST_VISITORS = 1024
"""Whose texts are remembered: a run encodes a visit at once, `seed` those of a few hundred visitors by turns."""


class Clock(Noun, frozen=True):
    """How run seconds become Unix time: `pace` run seconds pass in one real second."""

    epoch: float  # Unix time of the run's zero
    pace: float = 1.0

    def to_unix(self, t: float) -> float:
        """Unix time of the moment `t` seconds from the run's zero."""
        return self.epoch + t / self.pace


def write_events(batch: Batch, clock: Clock, session: str) -> str:
    """The elements of RumEvents; `session` is metadata that each event's metadata begins with, "" for none."""
    cookies = batch.user_id != NIL_UUID
    epoch, pace, start = clock.epoch, clock.pace, batch.start
    page: Page | None = None
    metadata = ""
    elements = []
    for event in batch.events:
        if event.page is not page:
            page = event.page
            metadata = _write_page_metadata(page, cookies, session)
        details = event.details
        if MARK in details:
            details = date_details(details, clock.to_unix(start + event.at) - event.at)
        moment = int(epoch + (start + event.at) / pace + 0.5)  # JavaScript's Math.round rounds halves up
        elements.append(
            f'{{"id":"{event.id}","timestamp":{moment},"type":"{event.type}",'
            f'"metadata":"{{{metadata}}}","details":"{details}"}}'
        )
    return ",".join(elements)


@lru_cache(maxsize=MOST_VISITORS)
def _write_page_metadata(page: Page, cookies: bool, session: str) -> str:
    """What stands in the braces of `metadata` for every event under a page, in the order of sessions/PageManager.ts."""
    fields: dict[str, Any] = {"title": page.title, "pageId": page.id}
    if cookies:
        fields["interaction"] = page.interaction
        if page.parent_id is not None:
            fields["parentPageId"] = page.parent_id
    if page.tags:
        fields["pageTags"] = page.tags
    own = _write_members(fields)
    return f"{session},{own}" if session else own


def write_session_metadata(visitor: Visitor, domain: str, release_id: str | None) -> str:
    """What stands in the braces of `SessionMetadata`: sessions/SessionManager.ts, then event-cache/EventCache.ts."""
    fields: dict[str, Any] = {"browserLanguage": visitor.language}
    if visitor.brand:
        fields |= {
            "browserName": visitor.browser_name,
            "browserVersion": visitor.browser_version,
            "osName": visitor.os_name,
        }
    # navigator.userAgentData says mobile or not; without it the client takes every device for a desktop
    fields["deviceType"] = "mobile" if visitor.brand and visitor.device_type == "mobile" else "desktop"
    fields |= {"platformType": "web", "domain": domain}
    if release_id is not None:
        fields["aws:releaseId"] = release_id
    if not visitor.brand:
        fields["aws:userAgent"] = visitor.user_agent
    fields |= {"version": "1.0.0", "aws:client": CLIENT, "aws:clientVersion": CLIENT_VERSION}
    return _write_members(fields)


def _write_members(fields: dict[str, Any]) -> str:
    """What stands between the braces of JSON inside a JSON string."""
    return escape_json(_JSON.encode(fields).decode())[1:-1]


MIN_LENGTH = 2048
"""UTF-16 code units; a shorter body goes as it is."""

MIN_SAVED = 0.2
"""Share of the body's length that gzip must save."""

LEVEL = 2
GZIP_WINDOW = 31  # zlib's wbits for a gzip header (without time or name: same body, same bytes) and the largest window


def compress(body: bytes, length: int) -> bytes | None:
    """The body as gzip, or None when the client would send it plain; `length` is its text's, in UTF-16 code units."""
    if length < MIN_LENGTH:
        return None
    packed = isal_zlib.compress(body, LEVEL, GZIP_WINDOW)
    return packed if 1 - len(packed) / length >= MIN_SAVED else None
