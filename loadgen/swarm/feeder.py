"""Sessions → scheduled requests: the client model plans a session, which is encoded shortly before it starts.

Rule: a session's events become bytes at once, because compressed bytes take less memory than event objects. Between
two sessions the senders get their turn.
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
from loadgen.options import Accept
from loadgen.planned import PlannedSession
from loadgen.results import EventCounts, Meter
from loadgen.scenario import Scenario
from loadgen.swarm.schedule import Schedule, ScheduledRequest, pack

AHEAD_SECONDS = 2.0  # a session is encoded at most this long before it starts
TOGETHER_SECONDS = 0.2  # sessions that start within this time are encoded in one go, while the caches are warm
PLAIN_SECONDS = 8.0  # a beacon that is due later than this after its session's start waits with a packed body
AHEAD_BATCHES = 250  # as fast as possible: the most batches that wait; more would not fit into the cache


class Monitored(Noun):
    """The part of a run that goes to one app monitor."""

    scenario: Scenario
    destination: wire.Destination
    signed: bool = True


class Job(Noun):
    """The work of one worker; all app monitors have the run's length, and the stages of the first app monitor."""

    monitors: tuple[Monitored, ...]
    zero: float  # Unix time of the run's zero, by the conductor's clock
    pace: float  # scenario seconds per second; inf: as fast as possible
    max_events: int | None = None
    worker: int = 0
    ahead: float = 0.0  # seconds by which our own clock is ahead of the conductor's
    accept: Accept = "rum"  # which answers mean accepted

    @property
    def scenario(self) -> Scenario:
        """The scenario of the first app monitor."""
        return self.monitors[0].scenario

    @property
    def paced(self) -> bool:
        """Whether batches wait for their moment; False: they are sent as fast as possible."""
        return self.pace != inf


PlannedVisit = tuple[int, PlannedSession]  # index of the app monitor in the job, and a session of its site


def merge_in_order(sessions: Iterable[Iterator[PlannedSession]]) -> Iterator[PlannedVisit]:
    """Merge the planned sessions of several app monitors in the order of their starts."""
    return merge(
        *(zip(repeat(monitor), each) for monitor, each in enumerate(sessions)), key=lambda visit: visit[1][0].start
    )


class Feeder:
    """Fills a schedule with a job's sessions, and counts the events that never reach the schedule.

    A subclass may fill the schedule in another way: it overrides `run`, and `receive_results` if it needs the results
    of its batches. RateProbe does so.
    """

    heeds_switch_off = True
    """Whether batches of a page are cancelled after an answer (403 or 404) has switched off the page's client."""

    def __init__(self, job: Job, sessions: Iterator[PlannedVisit], schedule: Schedule, meter: Meter) -> None:
        self._tallies = [EventCounts()] * len(job.monitors)
        self._job = job
        self._sessions = sessions
        self._schedule = schedule
        self._meter = meter
        self._activity: Counter[int] = Counter()  # visitors who arrive minus visitors who leave, by second
        self._started: Counter[int] = Counter()
        self._active = 0

    def run(self, now: Callable[[], float]) -> None:
        """Put the batches of all sessions on the schedule; `now` returns seconds from the run's zero."""
        for monitor, (session, plan) in self._sessions:
            self._wait_until_near(session.start, now)
            self._add_session(monitor, session, plan)
            self._schedule.yield_to_senders()

    def receive_results(self, results: Sequence[Result]) -> None:
        """Receive the results of batches, sent or not; this feeder needs none of them."""

    @property
    def tallies(self) -> tuple[EventCounts, ...]:
        """The event counts so far, one for each app monitor."""
        return tuple(self._tallies)

    def account(self, monitor: int, **counts: Any) -> None:
        """Add to an app monitor's event counts; `counts` are fields of EventCounts."""
        self._tallies[monitor] += EventCounts(**counts)

    def count_visitors(self, second: int) -> tuple[int, int]:
        """Return how many visitors arrived in a second of the run, and how many are active. Call it once a second."""
        self._active += sum(self._activity.pop(past) for past in [past for past in self._activity if past <= second])
        return sum(self._started.pop(past) for past in [past for past in self._started if past <= second]), self._active

    def _wait_until_near(self, start: float, now: Callable[[], float]) -> None:
        if self._job.paced:
            ahead = start / self._job.pace - now() - AHEAD_SECONDS
            if ahead > 0:
                gevent.sleep(ahead + TOGETHER_SECONDS)
        while not self._job.paced and len(self._schedule) > AHEAD_BATCHES:
            gevent.sleep(0.001)

    def _add_session(self, monitor: int, session: Session, plan: client.Plan) -> None:
        job, scenario = self._job, self._job.monitors[monitor].scenario
        self.account(monitor, sessions=1, **msgspec.structs.asdict(plan.counts))
        self._count_visitor(session)
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

    def _count_visitor(self, session: Session) -> None:
        """Count the visitor as active from the start of the first document to the end of the last."""
        pace = self._job.pace
        first, last = int(session.start / pace), int((session.start + session.length) / pace)
        self._started[first] += 1
        self._activity[first] += 1
        self._activity[last + 1] -= 1
