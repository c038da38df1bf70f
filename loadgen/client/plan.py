"""Session → Plan: when the web client sends what, if every answer is a success (dispatch/Dispatch.ts).

Rule: a document dispatches on its timer, which counts from the client's start, and each time it is hidden. At the same
moment the timer comes first, then the hide, then the events that are recorded. A tick with an empty queue does nothing,
so only ticks with a filled queue are computed. Events that are recorded after the last hide are lost.
"""

from __future__ import annotations

import math

from loadgen.client.cache import ClientCounts, EventCache
from loadgen.ids import NIL_UUID, Uuids
from loadgen.model import Batch, Load, Noun, Session
from loadgen.scenario import Client


class Plan(Noun, frozen=True):
    """The batches of a session in order of `due`, and what became of the events in none of them."""

    batches: tuple[Batch, ...]
    tally: ClientCounts


def plan(session: Session, settings: Client, sample_rate: float) -> Plan:
    """Plan all batches that the web client sends during a visit."""
    visit, loads = _Visit(session, settings, sample_rate), session.loads
    number = 0
    while number < len(loads):
        after = number + 1
        while after < len(loads) and loads[number].hides and loads[after].ready < loads[number].hides[-1]:
            after += 1
        visit.run_document(number, loads[number], range(number + 1, after))
        if after > number + 1:  # the first tab's timer goes on while it is hidden
            visit.batches.sort(key=lambda batch: batch.due)
        number = after
    return Plan(tuple(visit.batches), visit.cache.count_events())


class _Document:
    """When one document dispatches: `next` is the earlier of its next tick with a filled queue and its next hide."""

    __slots__ = ("_end", "_hides", "_interval", "_ready", "hide", "next", "tick")

    def __init__(self, load: Load, interval: float) -> None:
        self._ready = load.ready
        self._interval = interval
        self._hides = iter(load.hides)
        self._end = load.hides[-1] if load.hides else math.inf
        self.hide = next(self._hides, math.inf)
        self.tick = math.inf
        self.next = self.hide

    def wake(self, at: float) -> None:
        """The queue is filled from `at` on: set the tick to the first one after it, if the document lives so long."""
        count = int((at - self._ready) / self._interval) + 1 if at > self._ready else 1
        tick = self._ready + count * self._interval
        if tick <= at:  # by rounding
            tick = self._ready + (count + 1) * self._interval
        self.tick = tick if tick < self._end else math.inf
        self.next = self.tick if self.tick < self.hide else self.hide

    def end_tick(self) -> None:
        """The tick is over, and nothing waits for another."""
        self.tick = math.inf
        self.next = self.hide

    def end_hide(self) -> None:
        """The hide is over."""
        self.hide = next(self._hides, math.inf)
        self.next = min(self.tick, self.hide)


class _Visit:
    """The client during one visit."""

    def __init__(self, session: Session, settings: Client, sample_rate: float) -> None:
        self.cache = EventCache(session, settings, sample_rate)
        self.batches: list[Batch] = []
        self._session = session
        self._ids = Uuids(session.key, "batch")
        self._user_id = session.visitor.user_id if settings.allowCookies else NIL_UUID
        self._interval = settings.dispatchInterval / 1000 or math.inf
        self._beacon = settings.useBeacon

    def run_document(self, number: int, load: Load, inner: range = range(0)) -> None:
        """Run one document, from its load to its unload; `inner` are those of another tab, opened from it."""
        cache, pause = self.cache, self._session.loads[inner[0]].at if inner else math.inf
        cache.open(load.at)
        document = _Document(load, self._interval)
        events = tuple(load.events)
        spot = 0
        while spot < len(events):
            event = events[spot]
            if event.at >= pause:
                self._run_other_tab(number, document, inner, pause)
                pause = math.inf
            if event.at >= document.next:
                self._run(number, document, event.at)
            cache.add(event)
            spot += 1
            if cache.queue:
                if document.tick == math.inf:
                    document.wake(event.at)
                spot = cache.add_ordinary(events, spot, min(document.next, pause))
        if pause < math.inf:
            self._run_other_tab(number, document, inner, pause)
        self._run(number, document, math.inf)
        cache.close()

    def _run_other_tab(self, number: int, document: _Document, inner: range, opened: float) -> None:
        """Run the documents of a tab that is opened from this document, which is hidden until that tab is closed."""
        self._run(number, document, opened)
        kept = self.cache.suspend()
        for other in inner:
            self.run_document(other, self._session.loads[other])
        self.cache.resume(kept)

    def _run(self, number: int, document: _Document, until: float) -> None:
        """Let the document dispatch up to `until`."""
        cache = self.cache
        while (moment := document.next) <= until and moment != math.inf:
            if document.tick <= document.hide:
                if cache.queue:
                    self._send(number, moment, flush=False)
                document.end_tick()
            else:
                if cache.queue or cache.candidates:
                    self._send(number, moment, flush=True)
                document.end_hide()
            if document.tick == math.inf and cache.queue:
                document.wake(moment)

    def _send(self, number: int, moment: float, *, flush: bool) -> None:
        session = self._session
        events = self.cache.take(moment, flush)
        self.batches.append(
            Batch(
                id=self._ids(len(self.batches)),
                session=session.index,
                load=number,
                start=session.start,
                session_id=self.cache.session_id,
                visitor=session.visitor,
                user_id=self._user_id,
                events=tuple(events),
                due=session.start + moment,
                beacon=flush and self._beacon,
            )
        )
