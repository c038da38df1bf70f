"""What the web client keeps between dispatches: its session, the queue and the candidates.

Rule: the counting is that of aws-rum-web's event-cache/EventCache.ts and sessions/SessionManager.ts. Times are seconds
from the visit's start. One visit may hold several client sessions: without cookies every load is one, and a session
ends when `sessionLengthSeconds` pass without a recorded event.
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
"""The details of every session_start."""


class ClientCounts(Noun, frozen=True):
    """Counts of events by what became of them; `generated` is the sum of the others and of the events in batches."""

    generated: int  # all that could be noticed, and the client's own session_start events
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int  # newer value of a candidate, queue full, left behind when the page went


def make_session_id(key: int, number: int = 0) -> str:
    """The id of a visit's client session; `number` counts the sessions of a visit from 0."""
    return make_uuid4(key, "session", number)


KeptState = tuple[list[Event], dict[str, Event], float]
"""What a document keeps for itself: its queue, its candidates, and when its session ends as far as it knows."""


class EventCache:
    """The client's memory during one visit."""

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
        self._beyond = session.omitted_events
        self._count = 0  # events recorded in the client session
        self._expires = -math.inf  # when the client session ends, as far as the document knows
        self._cookie_expires = -math.inf  # when its cookie does
        self.session_id = ""
        self.queue: list[Event] = []
        self.candidates: dict[str, Event] = {}
        self.generated = self.not_sampled = self.over_limit = self.dropped = 0

    def open(self, at: float) -> None:
        """A document loads and resumes the session of its cookie, unless the cookie has expired.

        The cookie does not tell when it expires, so a document that resumed a session ends it only after it has
        recorded something itself (SessionManager.getSessionFromCookie).
        """
        resumed = self._cookies and at < self._cookie_expires
        self._expires = math.inf if resumed else -math.inf

    def suspend(self) -> KeptState:
        """Another tab's document takes over: what this one keeps for itself."""
        kept = self.queue, self.candidates, self._expires
        self.queue, self.candidates = [], {}
        return kept

    def resume(self, kept: KeptState) -> None:
        """The document that was suspended goes on, with the session that the cookie has by now."""
        self.queue, self.candidates, self._expires = kept

    def close(self) -> None:
        """The document unloads: what it still holds is lost."""
        self.dropped += len(self.queue) + len(self.candidates)
        self.queue = []
        self.candidates = {}

    def add(self, event: Event) -> None:
        """The page's plugins record an event."""
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
        """Take at most batchLimit waiting events, of which there must be one: on a flush candidates, then the queue.

        The session is looked up first (Dispatch.createRequest), so one that has expired is replaced: all events go
        out under the new id, its session_start behind them.
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
        """What became of the events so far."""
        unrecorded, over = (0, self._beyond) if self._first_sampled else (self._beyond, 0)
        return ClientCounts(
            self.generated + self._beyond, self.not_sampled + unrecorded, self.over_limit + over, self.dropped
        )

    def _start(self, at: float, page: Page) -> None:
        """A new session with its own sampling draw, and its session_start (SessionManager.createSession)."""
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
            self.dropped += 1  # counted for the session all the same
        else:
            self.queue.append(event)

    def _hold(self, event: Event) -> None:
        """Keep a candidate; a newer value replaces the waiting one and neither counts nor extends the session."""
        if event.type in self.candidates:
            self.dropped += 1
        elif self._count >= self._limit:
            self.over_limit += 1
            return
        else:
            self._count += 1
            self._expires = self._cookie_expires = event.at + self._length
        self.candidates[event.type] = event
