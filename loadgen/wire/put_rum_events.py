"""The parts of a PutRumEvents body, byte for byte as the RUM web client writes them (dispatch/DataPlaneClient.ts).

Rule: repeated text is written once. `metadata`, `details` and `SessionMetadata` are JSON inside JSON strings; the texts
of a page's metadata and of a visitor's SessionMetadata are cached, and details are text already.

The web client compresses a body of at least 2048 characters if gzip saves at least a fifth (dispatch/compression.ts).

The compressor is ISA-L at level 2. For the captured bodies of 2048 characters and more (8.8 kB on average) it takes
22 µs a body on one core, and 0.231 of the body's size is left. zlib takes 131 µs for 0.237 (level 1) or 189 µs for
0.217 (level 6, the browser's), and zlib-ng 51 µs for 0.232 (level 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec
from isal import isal_zlib

from loadgen.ids import NIL_UUID
from loadgen.model import Batch, EventView, Noun, Page, Visitor
from loadgen.wire.json_templates import MARK, date_details, write_members

if TYPE_CHECKING:  # the endpoint checks signatures, and needs no scenario
    from loadgen.scenario import Scenario

CLIENT_VERSION = "3.2.1"
"""The version of aws-rum-web whose traffic was captured."""

CLIENTS = {"npm": "arw-module", "cdn": "arw-script"}
"""The name that the client gives itself in aws:client, by how the site installs it (utils/constants.ts)."""

MOST_VISITORS = 1024
"""How many visitors' texts are cached: a run encodes a visit at once, but `seed` the batches of hundreds by turns."""


class Clock(Noun, frozen=True):
    """The conversion of run seconds to Unix time: `pace` run seconds pass in one real second."""

    epoch: float  # Unix time of the run's zero
    pace: float = 1.0

    def to_unix(self, t: float) -> float:
        """Return the Unix time of the moment `t` seconds after the run's zero."""
        return self.epoch + t / self.pace


def write_events(batch: Batch, clock: Clock, session: str) -> str:
    """Write the elements of RumEvents.

    `session` is the text with which each event's metadata begins: the session's metadata, or "" for none.
    """
    cookies = batch.user_id != NIL_UUID
    epoch, pace, start = clock.epoch, clock.pace, batch.start
    view = EventView.from_events(batch.events)
    ids, at, types, details, pages, own = view.columns
    page: Page | None = None
    metadata = ""
    elements = []
    last_at, second, next_second = -inf, 0, 0
    stamp = ""  # kept for the next event: most events of a batch have the time, or the second, of the event before
    for row in view.rows:
        if pages[row] is not page:
            page = pages[row]
            metadata = _write_page_metadata(page, cookies, session)
        if at[row] != last_at:
            last_at = at[row]
            moment = epoch + (start + last_at) / pace + 0.5  # JavaScript's Math.round rounds halves up
            if not second <= moment < next_second:
                second = int(moment)
                next_second, stamp = second + 1, str(second)
        elements.append(
            f'{ids[row]}","timestamp":{stamp},"type":"{types[row]}","metadata":"{{{metadata}{own[row]}}}",'
            f'"details":"{details[row]}'
        )
    between = '"},{"id":"'.join(elements)
    text = f'{{"id":"{between}"}}'
    return text if MARK not in text else write_events(_date_events(batch, clock), clock, session)


def _date_events(batch: Batch, clock: Clock) -> Batch:
    """Return the batch with the marked times in its events' details written as Unix times."""
    start = batch.start
    dated = [
        msgspec.structs.replace(event, details=date_details(event.details, clock.to_unix(start + event.at) - event.at))
        for event in batch.events
    ]
    return msgspec.structs.replace(batch, events=dated)


@lru_cache(maxsize=MOST_VISITORS)
def _write_page_metadata(page: Page, cookies: bool, session: str) -> str:
    """Write the members of `metadata` that all events of a page have, in the order of sessions/PageManager.ts."""
    fields: dict[str, Any] = {"title": page.title, "pageId": page.id}
    if cookies:
        fields["interaction"] = page.interaction
        if page.parent_id is not None:
            fields["parentPageId"] = page.parent_id
    if page.tags:
        fields["pageTags"] = page.tags
    return ",".join(filter(None, (session, page.attributes, write_members(fields))))


class SiteMetadata(Noun, frozen=True):
    """The members that a site's pages add to the metadata of every session."""

    domain: str
    release_id: str | None = None
    attributes: tuple[tuple[str, ...], ...] = ()  # the choices for each attribute, as text inside a JSON string
    client: str = CLIENTS["npm"]

    @classmethod
    def for_scenario(cls, scenario: Scenario) -> SiteMetadata:
        """Collect the members that the pages of a scenario's site add."""
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
        """Yield the text of each attribute of a visitor; it is the same in all sessions of the visitor."""
        for number, choices in enumerate(self.attributes):
            yield choices[crc32(f"{number} {user_id}".encode()) % len(choices)]


def write_session_metadata(visitor: Visitor, site: SiteMetadata) -> str:
    """Write the members of `SessionMetadata`: first those of sessions/SessionManager.ts, then of EventCache.ts."""
    fields: dict[str, Any] = {"browserLanguage": visitor.language}
    if visitor.brand:
        fields |= {
            "browserName": visitor.browser_name,
            "browserVersion": visitor.browser_version,
            "osName": visitor.os_name,
        }
    # navigator.userAgentData says whether a device is a mobile; without it the client calls every device a desktop
    fields["deviceType"] = "mobile" if visitor.brand and visitor.device_type == "mobile" else "desktop"
    fields |= {"platformType": "web", "domain": site.domain}
    if site.release_id is not None:
        fields["aws:releaseId"] = site.release_id
    client: dict[str, Any] = {} if visitor.brand else {"aws:userAgent": visitor.user_agent}
    client |= {"version": "1.0.0", "aws:client": site.client, "aws:clientVersion": CLIENT_VERSION}
    return ",".join((write_members(fields), *site.choose_attributes(visitor.user_id), write_members(client)))


MIN_LENGTH = 2048
"""The shortest body that is compressed, in UTF-16 code units."""

MIN_SAVED = 0.2
"""The share of the body's length that gzip must save."""

LEVEL = 2
GZIP_WINDOW = 31  # zlib's wbits for the largest window and a gzip header, whose bytes never differ (no time, no name)


def compress(body: bytes, length: int) -> bytes | None:
    """Compress a body with gzip; None if the web client would send it plain.

    `length` is the length of the body's text in UTF-16 code units.

    The result is copied into memory of exactly its size. ISA-L writes into a buffer of 16 kB and frees the unused end,
    which is too small for the next body. So beside each body that waits to be sent, memory would stay unused.
    """
    if length < MIN_LENGTH:
        return None
    packed = isal_zlib.compress(body, LEVEL, GZIP_WINDOW)
    return bytes(memoryview(packed)) if 1 - len(packed) / length >= MIN_SAVED else None
