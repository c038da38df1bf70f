"""Sessions → what is due: planned by the client model and encoded a little before a session starts.

Rule: a session's events become bytes at once, since compressed bytes are small and event objects are not; between two
sessions the senders get their turn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import repeat
from math import inf
from typing import Any

import gevent
import msgspec

from loadgen import client, wire
from loadgen.model import Batch, EventView, Noun, Result, Session
from loadgen.planned import PlannedSession
from loadgen.results import EventCounts, Meter
from loadgen.scenario import Scenario
from loadgen.swarm.schedule import Schedule, ScheduledRequest, pack
from loadgen.transport import Accept

AHEAD_SECONDS = 2.0  # sessions are encoded at most so long before they start
TOGETHER_SECONDS = 0.2  # of starts that are encoded one after the other, while the caches are warm
PLAIN_SECONDS = 8.0  # a beacon's body that waits longer than this after its visit's start waits packed
AHEAD_BATCHES = 250  # as fast as possible: this many batches wait at most; more of them would fall out of the cache


class Monitored(Noun):
    """The part of a run that goes to one app monitor."""

    scenario: Scenario
    destination: wire.Destination
    signed: bool = True


class Job(Noun):
    """What one worker is asked to do; all app monitors have the run's length, and the first one's stages."""

    monitors: tuple[Monitored, ...]
    zero: float  # Unix time of the run's zero, by the conductor's clock
    pace: float  # scenario seconds in a second; inf: as fast as possible
    max_events: int | None = None
    worker: int = 0
    ahead: float = 0.0  # seconds by which our own clock is ahead of the conductor's
    accept: Accept = "rum"  # which answers mean accepted

    @property
    def scenario(self) -> Scenario:
        """The first app monitor's."""
        return self.monitors[0].scenario

    @property
    def paced(self) -> bool:
        """Whether batches wait for their moment."""
        return self.pace != inf


PlannedVisit = tuple[int, PlannedSession]  # which of the job's app monitors, and who comes to its site


def merge_in_order(sessions: Iterable[Iterator[PlannedSession]]) -> Iterator[PlannedVisit]:
    """The planned sessions of several app monitors in order of start."""
    return merge(
        *(zip(repeat(monitor), each) for monitor, each in enumerate(sessions)), key=lambda visit: visit[1][0].start
    )


class Feeder:
    """Fills a schedule with a job's sessions, and knows what never reached it.

    An engine takes another feeder that fills the schedule otherwise: in place of `run`, and, if it asks what came of
    its batches, of `hear`. RateProbe is one.
    """

    heeds_switch_off = True
    """Whether a batch is cancelled when an answer has switched off the client of its page."""

    def __init__(self, job: Job, sessions: Iterator[PlannedVisit], schedule: Schedule, meter: Meter) -> None:
        self._tallies = [EventCounts()] * len(job.monitors)
        self._job = job
        self._sessions = sessions
        self._schedule = schedule
        self._meter = meter
        self._activity: Counter[int] = Counter()  # visitors who come minus those who go, by second
        self._started: Counter[int] = Counter()
        self._active = 0

    def run(self, now: Callable[[], float]) -> None:
        """Feed all sessions; `now` is seconds from the run's zero."""
        for monitor, (session, plan) in self._sessions:
            self._wait(session.start, now)
            self._add(monitor, session, plan)
            self._schedule.yield_to_senders()

    def hear(self, results: Sequence[Result]) -> None:
        """What came of batches: of those that were sent, and of those that this machine could not send."""

    @property
    def tallies(self) -> tuple[EventCounts, ...]:
        """One for each app monitor."""
        return tuple(self._tallies)

    def account(self, monitor: int, **counts: Any) -> None:
        """Add to an app monitor's tally, under its own names."""
        self._tallies[monitor] += EventCounts(**counts)

    def visitors(self, second: int) -> tuple[int, int]:
        """How many came in a second of the run, and how many are there; each second is asked for once."""
        self._active += sum(self._activity.pop(past) for past in [past for past in self._activity if past <= second])
        return sum(self._started.pop(past) for past in [past for past in self._started if past <= second]), self._active

    def _wait(self, start: float, now: Callable[[], float]) -> None:
        if self._job.paced:
            ahead = start / self._job.pace - now() - AHEAD_SECONDS
            if ahead > 0:
                gevent.sleep(ahead + TOGETHER_SECONDS)
        while not self._job.paced and len(self._schedule) > AHEAD_BATCHES:
            gevent.sleep(0.001)

    def _add(self, monitor: int, session: Session, plan: client.Plan) -> None:
        job, scenario = self._job, self._job.monitors[monitor].scenario
        self.account(monitor, sessions=1, **msgspec.structs.asdict(plan.tally))
        self._see(session)
        clock = wire.Clock(job.zero, job.pace) if job.paced else wire.Clock(time.time() - job.ahead, inf)
        preflights = client.Preflights(session.visitor, scenario.client)
        for batch in plan.batches:
            if batch.due < scenario.duration:
                self._offer(monitor, batch, clock, preflights)
            else:
                self.account(monitor, unsent=len(batch.events))

    def _offer(self, monitor: int, batch: Batch, clock: wire.Clock, preflights: client.Preflights) -> None:
        at = batch.due / self._job.pace
        encoded = wire.encode(batch, self._job.monitors[monitor].destination, clock)
        events = EventView.from_events(batch.events)
        recorded = sum(events.pick(events.columns.at)) / len(events)
        packed = encoded.beacon and self._job.paced and at > batch.start / self._job.pace + PLAIN_SECONDS
        due = ScheduledRequest(
            at=at,
            batch=msgspec.structs.replace(batch, events=()),
            events=len(events),
            request=pack(encoded.request) if packed else encoded.request,
            raw_bytes=encoded.raw_bytes,
            beacon=encoded.beacon,
            waited=(batch.due - batch.start - recorded) / self._job.pace,
            monitor=monitor,
            preflight=preflights.must_ask(batch.due, encoded.beacon),
            packed=packed,
        )
        self._meter.offer(at, due.amount, events.pick(events.columns.types), monitor)
        self._schedule.put(due)

    def _see(self, session: Session) -> None:
        """Count the visitor as active from the start of the first load to the end of the last."""
        pace = self._job.pace
        first, last = int(session.start / pace), int((session.start + session.length) / pace)
        self._started[first] += 1
        self._activity[first] += 1
        self._activity[last + 1] -= 1
