"""The parts of a PutRumEvents body, byte for byte as the RUM web client writes them (dispatch/DataPlaneClient.ts).

Rule: what repeats is written once. `metadata`, `details` and `SessionMetadata` are JSON inside JSON strings; the text
of a page's metadata and of a visitor's SessionMetadata is cached, and details arrive as text.

The web client's rule for gzip: at least 2048 characters, and at least a fifth saved (dispatch/compression.ts).

The compressor is ISA-L at level 2. Over the captured bodies of 2048 characters and more (8.8 kB on average, one core):
22 µs a body and 0.231 of its size, where zlib takes 131 µs for 0.237 (level 1) or 189 µs for 0.217 (level 6, the
browser's), and zlib-ng 51 µs for 0.232 (level 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import Any
from zlib import crc32

import msgspec
from isal import isal_zlib

from loadgen.ids import NIL_UUID
from loadgen.model import Batch, EventView, Noun, Page, Visitor
from loadgen.scenario import Scenario
from loadgen.wire.json_templates import MARK, date_details, write_members

CLIENT_VERSION = "3.2.1"
"""aws-rum-web, the version whose traffic was captured."""

CLIENTS = {"npm": "arw-module", "cdn": "arw-script"}
"""What the client calls itself, by where the site has it from (utils/constants.ts)."""

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
    view = EventView.from_events(batch.events)
    ids, at, types, details, pages, own = view.columns
    page: Page | None = None
    metadata = ""
    elements = []
    then, second, after = -inf, 0, 0
    stamp = ""  # most events of a batch are of the moment or of the second of the one before
    for row in view.rows:
        if pages[row] is not page:
            page = pages[row]
            metadata = _write_page_metadata(page, cookies, session)
        if at[row] != then:
            then = at[row]
            moment = epoch + (start + then) / pace + 0.5  # JavaScript's Math.round rounds halves up
            if not second <= moment < after:
                second = int(moment)
                after, stamp = second + 1, str(second)
        elements.append(
            f'{ids[row]}","timestamp":{stamp},"type":"{types[row]}","metadata":"{{{metadata}{own[row]}}}",'
            f'"details":"{details[row]}'
        )
    between = '"},{"id":"'.join(elements)
    text = f'{{"id":"{between}"}}'
    return text if MARK not in text else write_events(_date_events(batch, clock), clock, session)


def _date_events(batch: Batch, clock: Clock) -> Batch:
    """The batch with the marked times of its events' details written out."""
    start = batch.start
    dated = [
        msgspec.structs.replace(event, details=date_details(event.details, clock.to_unix(start + event.at) - event.at))
        for event in batch.events
    ]
    return msgspec.structs.replace(batch, events=dated)


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
    return ",".join(filter(None, (session, page.attributes, write_members(fields))))


class SiteMetadata(Noun, frozen=True):
    """What a site's pages add to the metadata of every session."""

    domain: str
    release_id: str | None = None
    # members as they stand inside a JSON string; a visitor has one of each
    attributes: tuple[tuple[str, ...], ...] = ()
    client: str = CLIENTS["npm"]

    @classmethod
    def for_scenario(cls, scenario: Scenario) -> SiteMetadata:
        """What a scenario's pages add."""
        client = scenario.client
        of_session = [
            (name, each if isinstance(each, tuple) else (each,)) for name, each in client.sessionAttributes.items()
        ]
        of_application = [(name, (each,)) for name, each in client.applicationAttributes.items()]
        members = tuple(
            tuple(write_members({name: value}) for value in values) for name, values in (*of_session, *of_application)
        )
        return cls(scenario.monitor.domain, client.releaseId, members, CLIENTS[client.installed])

    def choose_attributes(self, user_id: str) -> Iterator[str]:
        """The attributes of one visitor, the same in all of the visitor's sessions."""
        for number, choices in enumerate(self.attributes):
            yield choices[crc32(f"{number} {user_id}".encode()) % len(choices)]


def write_session_metadata(visitor: Visitor, site: SiteMetadata) -> str:
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
    fields |= {"platformType": "web", "domain": site.domain}
    if site.release_id is not None:
        fields["aws:releaseId"] = site.release_id
    client: dict[str, Any] = {} if visitor.brand else {"aws:userAgent": visitor.user_agent}
    client |= {"version": "1.0.0", "aws:client": site.client, "aws:clientVersion": CLIENT_VERSION}
    return ",".join((write_members(fields), *site.choose_attributes(visitor.user_id), write_members(client)))


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
    return trim_memory(packed) if 1 - len(packed) / length >= MIN_SAVED else None


def trim_memory(made: bytes) -> bytes:
    """The same bytes in memory of their own size.

    ISA-L writes into 16 kB and cuts off what is left, too little for the next body: bodies that wait would each keep a
    hole beside them.
    """
    return bytes(memoryview(made))
