"""Session → Plan: when the web client sends what, if every answer is a success (dispatch/Dispatch.ts).

Rule: a document dispatches on its timer, which counts from the client's start, and each time it is hidden. At the same
moment the timer comes first, then the hide, then the events that are recorded. A tick with an empty queue does nothing,
so only ticks with a filled queue are computed. Events that are recorded after the last hide are lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadgen.client.cache import ClientCounts, EventCache, KeptState
from loadgen.ids import NIL_UUID, Uuids
from loadgen.model import Batch, Load, Noun, Session
from loadgen.scenario import Client


class Plan(Noun, frozen=True):
    """The batches of a session in order of `due`, and what became of the events in none of them."""

    batches: tuple[Batch, ...]
    tally: ClientCounts


def plan(session: Session, settings: Client, sample_rate: float) -> Plan:
    """Plan all batches that the web client sends during a visit."""
    visit, loads = Visit(session, settings, sample_rate), session.loads
    number = 0
    while number < len(loads):
        after = find_end_of_overlap(loads, number)
        if after == number + 1:
            visit.run_document(number, loads[number])
        else:
            visit.run_together(range(number, after))
        number = after
    return Plan(tuple(visit.batches), visit.cache.count_events())


def find_end_of_overlap(loads: Sequence[Load], first: int) -> int:
    """The number after the last of the documents whose clients run while that of `first` does, or one of theirs.

    Documents come in the order of `at`, but not of `ready`, from which a client runs: one may start behind the end of
    the first, and the one after it before that.
    """
    after, ended = first + 1, loads[first].end
    for number in range(first + 1, len(loads)):
        if loads[number].at >= ended or ended == math.inf:
            break
        if loads[number].ready < ended:
            after, ended = number + 1, max(ended, *(each.end for each in loads[after : number + 1]))
    return after


class _Document:
    """When one document dispatches: `next` is the earlier of its next tick with a filled queue and its next hide."""

    __slots__ = ("_end", "_hides", "_interval", "_ready", "hide", "next", "tick")

    def __init__(self, load: Load, interval: float) -> None:
        self._ready = load.ready
        self._interval = interval
        self._hides = iter(load.hides)
        self._end = load.end
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


class _Life:
    """A document among others: where it is, and what its client keeps meanwhile."""

    def __init__(self, number: int, load: Load, interval: float) -> None:
        self.number, self.load, self.document = number, load, _Document(load, interval)
        self.events = iter(load.events)
        self.event = next(self.events, None)
        self.moment = load.at  # of what is next in it
        self.kept: KeptState | None = None  # None: it has not begun


class Visit:
    """The client during one visit."""

    def __init__(self, session: Session, settings: Client, sample_rate: float) -> None:
        self.cache = EventCache(session, settings, sample_rate)
        self.batches: list[Batch] = []
        self._session = session
        self._ids = Uuids(session.key, "batch")
        self._user_id = session.visitor.user_id if settings.allowCookies else NIL_UUID
        self._interval = settings.dispatchInterval / 1000 or math.inf
        self._beacon = settings.useBeacon

    def run_document(self, number: int, load: Load) -> None:
        """Run one document, from its load to its unload."""
        cache, document, events = self.cache, _Document(load, self._interval), tuple(load.events)
        cache.open(load.at)
        spot = 0
        while spot < len(events):
            event = events[spot]
            if event.at >= document.next:
                self._run(number, document, event.at)
            cache.add(event)
            spot += 1
            if cache.queue:
                if document.tick == math.inf:
                    document.wake(event.at)
                spot = cache.add_ordinary(events, spot, document.next)
        self._run(number, document, math.inf)
        cache.close()

    def run_together(self, numbers: range) -> None:
        """Run documents that live at the same time: of two tabs, or one that is prerendered, and what they overlap."""
        cache, lives = self.cache, [_Life(number, self._session.loads[number], self._interval) for number in numbers]
        while lives:
            life = min(lives, key=lambda each: each.moment)
            if life.kept is None:
                cache.open(life.load.at)
            else:
                cache.resume(life.kept)
                self._step(life)
            life.moment = min(life.document.next, life.event.at if life.event else math.inf)
            if life.moment == math.inf:
                cache.close()
                lives.remove(life)
            life.kept = cache.suspend()

    def _step(self, life: _Life) -> None:
        """Do what is next in a document: one dispatch, or one event."""
        document, event = life.document, life.event
        if event is None or event.at >= document.next:
            self._run(life.number, document, document.next)
        else:
            self.cache.add(event)
            life.event = next(life.events, None)
            if self.cache.queue and document.tick == math.inf:
                document.wake(event.at)

    def _run(self, number: int, document: _Document, until: float) -> None:
        """Let the document dispatch up to `until`."""
        cache = self.cache
        while (moment := document.next) <= until and moment != math.inf:
            if document.tick <= document.hide:
                if cache.queue:
                    self._send(number, moment, flush=False)
                document.end_tick()
            else:
                if (cache.queue or cache.candidates) and moment >= self._session.loads[number].shown:
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
                prerendering=moment < session.loads[number].shown,
            )
        )
