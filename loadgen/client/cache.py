"""What the web client keeps between dispatches: its session, the queue and the candidates.

A candidate is an event, CLS or INP, whose value the client updates until the page is hidden, and sends only then.

Rule: events are counted as in aws-rum-web's event-cache/EventCache.ts and sessions/SessionManager.ts. Times are seconds
from the visit's start. One visit may have several client sessions: without cookies every load is a session, and a
session ends when `sessionLengthSeconds` pass without a recorded event.
"""

from __future__ import annotations

import math
import sys

from loadgen.ids import is_sampled, make_uuid4
from loadgen.model import Event, Noun, Page, Session
from loadgen.rum.events import CLS, HELD_UNTIL_HIDDEN, SESSION_START, SessionStart
from loadgen.scenario import Client
from loadgen.wire.json_templates import write_details

SESSION_STARTED = write_details(SessionStart())
"""The details of every session_start event."""


class ClientCounts(Noun, frozen=True):
    """Counts of a session's events by their end; `generated` is the sum of the others and of the events in batches."""

    generated: int  # all events of the session, and the client's own session_start events
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int  # a newer value replaced a candidate, the queue was full, or the page unloaded


def make_session_id(key: int, number: int = 0) -> str:
    """Make the id of a client session; `number` counts the client sessions of a visit from 0."""
    return make_uuid4(key, "session", number)


KeptState = tuple[list[Event], dict[str, Event], float]
"""The state of one document: its queue, its candidates, and when its session expires as far as it knows."""


class EventCache:
    """The client's memory during one visit: what all its documents share, and the state of the one that runs."""

    def __init__(self, session: Session, settings: Client, sample_rate: float) -> None:
        self._key = session.key
        self._rate = sample_rate
        self._cookies = settings.allowCookies
        self._length = settings.sessionLengthSeconds
        self._limit = settings.sessionEventLimit or sys.maxsize
        self._size = settings.eventCacheSize
        self._batch_limit = settings.batchLimit
        self._sessions = 0  # client sessions of this visit so far
        self._sampled = self._first_sampled = False
        self._omitted = session.omitted_events
        self._count = 0  # events recorded in the client session
        self._expires = -math.inf  # when the client session expires, as far as the document knows
        self._cookie_expires = -math.inf  # when the session's cookie expires
        self.session_id = ""
        self.queue: list[Event] = []
        self.candidates: dict[str, Event] = {}
        self.generated = self.not_sampled = self.over_limit = self.dropped = 0

    def open(self, at: float) -> None:
        """Load a document, which resumes the session of the cookie, unless the cookie has expired.

        A document cannot read when the cookie expires. So a document that resumed a session replaces it by a new one
        only after it has recorded an event itself (SessionManager.getSessionFromCookie).
        """
        resumed = self._cookies and at < self._cookie_expires
        self._expires = math.inf if resumed else -math.inf

    def suspend(self) -> KeptState:
        """Take away and return the running document's state, so that another document can run."""
        kept = self.queue, self.candidates, self._expires
        self.queue, self.candidates = [], {}
        return kept

    def resume(self, kept: KeptState) -> None:
        """Continue a suspended document, with the session that the cookie has by now."""
        self.queue, self.candidates, self._expires = kept

    def close(self) -> None:
        """Unload the document: the events in its queue and its candidates are lost."""
        self.dropped += len(self.queue) + len(self.candidates)
        self.queue = []
        self.candidates = {}

    def add(self, event: Event) -> None:
        """Take an event that the page's plugins record."""
        self.generated += 1
        if event.at >= self._expires:
            self._start(event.at, event.page)
        if not self._sampled:
            self.not_sampled += 1
        elif event.type in HELD_UNTIL_HIDDEN:
            self._hold(event)
        else:
            self._record(event)

    def take(self, at: float, flush: bool) -> list[Event]:
        """Take at most batchLimit waiting events for a batch: on a flush the candidates, then the queue.

        There must be a waiting event. An expired session is replaced first (Dispatch.createRequest), so that all
        events have the new session id, and the new session_start comes behind them.
        """
        if at >= self._expires:
            newest = self.queue[-1] if self.queue else next(reversed(self.candidates.values()))
            self._start(at, newest.page)
        batch: list[Event] = []
        if flush and self.candidates:
            held = sorted(self.candidates.values(), key=lambda event: event.type != CLS)
            batch = held[: self._batch_limit]
            for event in batch:
                del self.candidates[event.type]
        room = self._batch_limit - len(batch)
        batch += self.queue[:room]
        del self.queue[:room]
        return batch

    def count_events(self) -> ClientCounts:
        """Count the events so far, omitted events included."""
        unrecorded, over = (0, self._omitted) if self._first_sampled else (self._omitted, 0)
        return ClientCounts(
            self.generated + self._omitted, self.not_sampled + unrecorded, self.over_limit + over, self.dropped
        )

    def _start(self, at: float, page: Page) -> None:
        """Start a client session, draw whether it is sampled, and record its session_start.

        Source: SessionManager.createSession.
        """
        number = self._sessions
        self._sessions = number + 1
        self._sampled = is_sampled(self._key, self._rate, number)
        self._first_sampled = self._sampled if number == 0 else self._first_sampled
        self._count = 0
        self._expires = self._cookie_expires = at + self._length
        self.session_id = make_session_id(self._key, number)
        self.generated += 1
        if not self._sampled:
            self.not_sampled += 1
        else:
            self._record(
                Event(make_uuid4(self._key, "session_start", number), at, SESSION_START, SESSION_STARTED, page)
            )

    def _record(self, event: Event) -> None:
        if self._count >= self._limit:
            self.over_limit += 1
            return
        self._count += 1
        self._expires = self._cookie_expires = event.at + self._length
        if len(self.queue) >= self._size:
            self.dropped += 1  # the dropped event counts for the session's limit too
        else:
            self.queue.append(event)

    def _hold(self, event: Event) -> None:
        """Keep a candidate; if it replaces an older value, it neither counts for the limit nor extends the session."""
        if event.type in self.candidates:
            self.dropped += 1
        elif self._count >= self._limit:
            self.over_limit += 1
            return
        else:
            self._count += 1
            self._expires = self._cookie_expires = event.at + self._length
        self.candidates[event.type] = event
