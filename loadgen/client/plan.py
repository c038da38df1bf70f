"""Session → Plan: which batches the web client sends and when, if every request succeeds (dispatch/Dispatch.ts).

Rule: a document dispatches on its timer, which counts from the client's start, and each time the page is hidden. At
equal times the timer comes first, then the hide, then the recording of events. A tick of the timer with an empty queue
does nothing, so only ticks with a filled queue are computed. Events that are recorded after the last hide are lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadgen.client.cache import ClientCounts, EventCache, KeptState
from loadgen.ids import NIL_UUID, make_uuid4
from loadgen.model import Batch, Load, Noun, Session
from loadgen.scenario import Client


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
