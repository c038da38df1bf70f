"""What the web client dispatches (its folder dispatch/): Session → Plan, the batches that it sends if every request
succeeds; which of them the browser sends a CORS preflight before; and what the client does after an answer.

Rule: a document dispatches on its timer, which counts from the client's start, and each time the page is hidden. At
equal times the timer comes first, then the hide, then the recording of events. A tick of the timer with an empty queue
does nothing, so only ticks with a filled queue are computed. Events that are recorded after the last hide are lost.

The web client's fetches have headers for which a browser needs permission, its beacons have none. The browser sends a
preflight before the first fetch of a visit, and again when the answer to the preflight is too old. Of 303 captured
requests 50 were preflights, one for each of the 50 browsers that sent a fetch.

The client retries, ignores or switches itself off (dispatch/RetryHttpHandler.ts, Dispatch.ts). After 429, 5xx and no
answer it retries, 2 s after the first attempt and 4 s after the second. It ignores Retry-After, unless the scenario's
clients honour it. A 404 switches the document's client off. So does a 403; but if requests are signed, only the second
403 does, because after the first the client fetches new credentials. After any other refusal the batch is lost. The
client ignores the answer to a beacon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from loadgen.client.cache import ClientCounts, EventCache, KeptState
from loadgen.ids import NIL_UUID, make_uuid4
from loadgen.model import Batch, Load, Noun, Session, Visitor
from loadgen.scenario import Client

BACKOFF = 2.0
"""Seconds before the first retry; each further retry waits twice as long (dispatch/RetryHttpHandler.ts)."""

DRAIN_SECONDS = 20.0
"""Seconds after a run's end for which it waits for answers and retries (2 s + 4 s) of batches that were due before."""

MOST_TROUBLED = 100_000
"""The most loads with failed requests that are remembered; the oldest, whose documents have ended, are forgotten."""

MAX_AGE = 7200.0
"""Access-Control-Max-Age of the captured data plane's answers, and of the local endpoint's; seconds."""

LONGEST = {"Chromium": 7200.0, "Gecko": 86400.0, "WebKit": 600.0}
"""The most seconds for which each engine caches the answer to a preflight (MDN on Access-Control-Max-Age; WebKit's
CrossOriginPreflightResultCache)."""

LoadKey = tuple[int, int]
"""The numbers of a session and of a load in it."""


class Plan(Noun, frozen=True):
    """The batches of a session in order of `due`, and the counts of its events, sent or not."""

    batches: tuple[Batch, ...]
    counts: ClientCounts


def plan(session: Session, settings: Client, sample_rate: float) -> Plan:
    """Plan all batches that the web client sends during a visit."""
    visit, number = _Visit(session, settings, sample_rate), 0
    while number < len(session.loads):
        after = find_end_of_overlap(session.loads, number)
        visit.run(range(number, after))
        number = after
    return Plan(tuple(visit.batches), visit.cache.count_events())


def find_end_of_overlap(loads: Sequence[Load], first: int) -> int:
    """Find the loads whose clients run at the same time as that of load `first`, directly or through other loads.

    Returns the number after the last of these loads, which begin with `first`. Loads are in the order of `at`, but a
    client runs from `ready`, whose order may differ: a load may be ready after the end of `first`, and the next one
    before that end.
    """
    after, ended = first + 1, loads[first].end
    for number in range(first + 1, len(loads)):
        if loads[number].at >= ended or ended == math.inf:
            break
        if loads[number].ready < ended:
            after, ended = number + 1, max(ended, *(each.end for each in loads[after : number + 1]))
    return after


class _Document:
    """A document while it is run: its next event, hide and tick, and its client's state while another document runs."""

    def __init__(self, number: int, load: Load, interval: float) -> None:
        self.number, self.load, self._interval = number, load, interval
        self.events, self.hides = iter(load.events), iter(load.hides)
        self.event = next(self.events, None)
        self.hide = next(self.hides, math.inf)
        self.tick = math.inf  # the timer's next tick with a filled queue
        self.moment = load.at  # the time of the document's next step
        self.kept: KeptState | None = None  # None: the document has not begun

    def schedule_tick(self, at: float) -> None:
        """Set the tick to the timer's first after `at`, when the queue is filled; inf if the document ends before."""
        ready, interval = self.load.ready, self._interval
        count = int((at - ready) / interval) + 1 if at > ready else 1
        tick = ready + count * interval
        if tick <= at:  # rounding has made the tick too early
            tick = ready + (count + 1) * interval
        self.tick = tick if tick < self.load.end else math.inf


class _Visit:
    """The run of a web client through one visit; it collects the batches."""

    def __init__(self, session: Session, settings: Client, sample_rate: float) -> None:
        self.cache = EventCache(session, settings, sample_rate)
        self.batches: list[Batch] = []
        self._session = session
        self._user_id = session.visitor.user_id if settings.allowCookies else NIL_UUID
        self._interval = settings.dispatchInterval / 1000 or math.inf
        self._beacon = settings.useBeacon

    def run(self, numbers: range) -> None:
        """Run the documents with these numbers, which live at the same time: in two tabs, or one is prerendered."""
        cache, alive = self.cache, [_Document(each, self._session.loads[each], self._interval) for each in numbers]
        while alive:
            document = min(alive, key=lambda each: each.moment) if len(alive) > 1 else alive[0]
            if document.kept is None:
                cache.open(document.load.at)
            else:
                cache.resume(document.kept)
                self._step(document)
            event = document.event.at if document.event else math.inf
            document.moment = min(document.tick, document.hide, event)
            if document.moment == math.inf:
                cache.close()
                alive.remove(document)
            document.kept = cache.suspend()

    def _step(self, document: _Document) -> None:
        """Do a document's next step: a dispatch by the timer, a dispatch by a hide, or the recording of an event."""
        cache, event, moment = self.cache, document.event, document.moment
        if event and event.at < document.tick and event.at < document.hide:
            cache.add(event)
            document.event = next(document.events, None)
        elif document.tick <= document.hide:
            if cache.queue:
                self._send(document, flush=False)
            document.tick = math.inf
        else:
            if (cache.queue or cache.candidates) and moment >= document.load.shown:
                self._send(document, flush=True)
            document.hide = next(document.hides, math.inf)
        if cache.queue and document.tick == math.inf:
            document.schedule_tick(moment)

    def _send(self, document: _Document, *, flush: bool) -> None:
        session, moment = self._session, document.moment
        events = self.cache.take(moment, flush)
        self.batches.append(
            Batch(
                id=make_uuid4(session.key, "batch", len(self.batches)),
                session=session.index,
                load=document.number,
                start=session.start,
                session_id=self.cache.session_id,
                visitor=session.visitor,
                user_id=self._user_id,
                events=tuple(events),
                due=session.start + moment,
                beacon=flush and self._beacon,
                prerendering=moment < document.load.shown,
            )
        )


class Preflights:
    """One browser's cached preflight answer during a visit."""

    def __init__(self, visitor: Visitor, settings: Client) -> None:
        self._seconds = min(MAX_AGE, LONGEST[visitor.engine])
        self._until = -math.inf if settings.preflights else math.inf  # when the cached answer is too old

    def must_ask(self, due: float, beacon: bool) -> bool:
        """Whether the browser sends a preflight before a request; call it for each request, in order of due times.

        `due` is in seconds from the run's zero.
        """
        if beacon or due < self._until:
            return False
        self._until = due + self._seconds
        return True


class Dispatch:
    """The clients' reaction to answers, for all sessions of a worker; it remembers only loads with failed requests."""

    def __init__(self, settings: Client) -> None:
        self._retries = settings.retries
        self._honours_retry_after = settings.retryAfter == "honour"
        self._tolerated = 1 if settings.signing else 0  # 403s of a document that do not switch its client off
        self._refused: dict[LoadKey, int] = {}  # 403s of each load
        self._off: dict[LoadKey, int] = {}  # the status that switched off the load's client

    def allows(self, batch: Batch) -> bool:
        """Whether the batch's document may send the batch: its client is not switched off, or the batch is a retry."""
        return batch.attempt > 1 or (batch.session, batch.load) not in self._off

    def handle_answer(self, batch: Batch, status: int | None, at: float, retry_after: float = 0.0) -> Batch | None:
        """Handle the answer to a batch; return the retry that the client makes, or None.

        Args:
            batch: The batch as it was sent.
            status: The answer's HTTP status; None: no answer came.
            at: When the answer came, in seconds from the run's zero.
            retry_after: The answer's Retry-After in seconds; 0 if it has none.
        """
        if batch.beacon:
            return None
        if status is None or status == 429 or 500 <= status < 600:
            return self._retry(batch, at, retry_after if self._honours_retry_after else 0.0)
        load = (batch.session, batch.load)
        if status == 404:
            _remember(self._off, load, status)
        elif status == 403:
            refused = self._refused.get(load, 0) + 1
            _remember(self._refused, load, refused)
            if refused > self._tolerated:
                _remember(self._off, load, status)
        return None

    def _retry(self, batch: Batch, at: float, least: float) -> Batch | None:
        if batch.attempt > self._retries:
            return None
        due = at + max(BACKOFF * 2 ** (batch.attempt - 1), least)
        return msgspec.structs.replace(batch, attempt=batch.attempt + 1, due=due)


def _remember(memory: dict[LoadKey, int], load: LoadKey, value: int) -> None:
    """Set a load's entry; remove the oldest entry if there are more than MOST_TROUBLED."""
    memory[load] = value
    if len(memory) > MOST_TROUBLED:
        del memory[next(iter(memory))]
