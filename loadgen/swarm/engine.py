"""One worker's work: sessions become batches, batches become requests at their moment, answers become results.

Rule: drawing, encoding and signing happen before a request's clock starts. A failed request is a Result.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from math import inf

import gevent
import gevent.event
import msgspec

from loadgen import client, wire
from loadgen.model import Request, Response, Result, Send, Session
from loadgen.results import Meter, Second, Tally
from loadgen.scenario import Scenario
from loadgen.swarm.schedule import Due, Schedule
from loadgen.swarm.sender import NoAnswer
from loadgen.wire.sigv4 import Signer

AHEAD_SECONDS = 2.0  # sessions are encoded this long before they start
AHEAD_BATCHES = 2000  # as fast as possible: this many batches wait at most
DRAIN_SECONDS = 20.0  # after the end, for what was due before it and for retries (2 s + 4 s)


class Job(msgspec.Struct, frozen=True):
    """What one worker is asked to do."""

    scenario: Scenario
    destination: wire.Destination
    zero: float  # Unix time of the run's zero
    pace: float  # scenario seconds in a second; inf: as fast as possible
    max_events: int | None = None


class Engine:
    """Feeds a schedule from sessions and sends what is due; `send_next` is what a Locust user calls."""

    def __init__(self, job: Job, sessions: Iterator[Session], send: Send, signer: Callable[[], Signer] | None) -> None:
        self._job = job
        self._sessions = sessions
        self._send = send
        self._signer = signer
        self._zero = time.perf_counter() + job.zero - time.time()
        self._paced = job.pace != inf
        self._schedule = Schedule(self.now, self._paced)
        self._dispatch = client.Dispatch(job.scenario.client)
        self._meter = Meter()
        self._active: Counter[int] = Counter()
        self._started: Counter[int] = Counter()
        self._active_now = 0
        self._in_flight = 0
        self._events_taken = 0
        self._fed = False
        self._tally = Tally()
        self.over = gevent.event.Event()
        self.stop_reason: str | None = None
        self._feeder = gevent.spawn(self._feed)

    def now(self) -> float:
        """Seconds from the run's zero, on the wall."""
        return time.perf_counter() - self._zero

    @property
    def end(self) -> float:
        """When the run is over for first attempts, in seconds on the wall."""
        return self._job.scenario.duration / self._job.pace if self._paced else inf

    def send_next(self) -> Result | None:
        """Wait for the next due batch, send it, and return what was measured; None once the run is over."""
        while (due := self._schedule.take()) is not None:
            if due.batch.attempt == 1 and not self._dispatch.allows(due.batch):
                self._account(dropped_by_client=due.events)
                continue
            if due.batch.attempt == 1 and self._over_budget(due):
                continue
            return self._exchange(due)
        return None

    def stop(self, reason: str) -> None:
        """Send nothing more; what is in flight is waited for."""
        self.stop_reason = self.stop_reason or reason
        self._schedule.end()
        self._feeder.kill(block=False)

    def measure(self, second: int) -> Second:
        """What was measured since the last call."""
        self._active_now += self._active.pop(second, 0)
        return self._meter.take(second, self._started.pop(second, 0), self._active_now, self._in_flight)

    def wait_until_over(self) -> Tally:
        """Wait until everything is sent, answered and counted; the final tally."""
        deadline = self.end + DRAIN_SECONDS
        while self.stop_reason is None and not self._idle() and self.now() < deadline:
            gevent.sleep(0.05)
        self._schedule.end()
        while self._in_flight:
            gevent.sleep(0.01)
        self._feeder.kill()
        for due in self._schedule.rest():
            if due.batch.attempt == 1:
                self._account(unsent=due.events)
            else:
                self._meter.lose(due.events)
        self.over.set()
        return self._tally

    def _idle(self) -> bool:
        return self._fed and not self._in_flight and not len(self._schedule)

    def _feed(self) -> None:
        """Turn sessions into due batches, a little before they start."""
        for session in self._sessions:
            self._wait_to_feed(session.start)
            self._add(session)
            gevent.sleep(0)  # let senders run between two sessions
        self._fed = True

    def _wait_to_feed(self, start: float) -> None:
        if self._paced:
            gevent.sleep(max(start / self._job.pace - AHEAD_SECONDS - self.now(), 0))
        while not self._paced and len(self._schedule) > AHEAD_BATCHES:
            gevent.sleep(0.001)

    def _add(self, session: Session) -> None:
        scenario, pace = self._job.scenario, self._job.pace
        plan = client.plan(session, scenario.client, scenario.monitor.sample_rate)
        tally = msgspec.structs.asdict(plan.tally)
        self._account(sessions=1, **tally)
        self._see(session)
        clock = wire.Clock(self._job.zero, pace) if self._paced else wire.Clock(time.time(), inf)
        for batch in plan.batches:
            at = batch.due / pace
            if batch.due >= scenario.duration:
                self._account(unsent=len(batch.events))
                continue
            encoded = wire.encode(batch, self._job.destination, clock)
            slim = msgspec.structs.replace(batch, events=())
            self._meter.offer(int(at))
            self._schedule.put(Due(at, slim, len(batch.events), encoded.request, encoded.raw_bytes, encoded.beacon))

    def _exchange(self, due: Due) -> Result:
        request = due.request if due.signed else self._sign(due)
        self._in_flight += 1
        started = self.now()
        status, error = self._ask(request)
        finished = self.now()
        retry = self._dispatch.answered(due.batch, status, finished * self._job.pace if self._paced else due.batch.due)
        result = Result(
            intended=due.at if self._paced else started,
            started=started,
            finished=finished,
            status=status,
            events=due.events,
            wire_bytes=len(request.body),
            raw_bytes=due.raw_bytes,
            attempt=due.batch.attempt,
            final=retry is None,
            error=error,
        )
        self._meter.record(result)
        if retry is not None:
            at = retry.due / self._job.pace
            self._schedule.put(msgspec.structs.replace(due, at=at, batch=retry, request=request, signed=True))
        self._in_flight -= 1
        return result

    def _ask(self, request: Request) -> tuple[int | None, str | None]:
        """The status, and the name of what went wrong if it is neither acceptance nor throttling."""
        try:
            response = self._send(request)
        except NoAnswer as error:
            return None, error.cause
        return response.status, failure(response)

    def _sign(self, due: Due) -> Request:
        if self._signer is None:
            return due.request
        signer = self._signer()
        return signer.presign(due.request, time.time()) if due.beacon else signer.sign(due.request, time.time())

    def _over_budget(self, due: Due) -> bool:
        self._events_taken += due.events
        if self._job.max_events is None or self._events_taken <= self._job.max_events:
            return False
        self._account(unsent=due.events)
        self.stop(f"--max-events {self._job.max_events} reached")
        return True

    def _account(self, **events: int) -> None:
        self._tally = self._tally.plus(Tally(**events))

    def _see(self, session: Session) -> None:
        """Count the visitor as active from the first load to the end of the last."""
        pace = self._job.pace
        first, last = int(session.start / pace), int((session.start + session.loads[-1].hides[-1]) / pace)
        self._started[first] += 1
        self._active[first] += 1
        self._active[last + 1] -= 1


def failure(response: Response) -> str | None:
    """A failed answer's name, such as `403 AccessDeniedException`; None for acceptance and for throttling."""
    if 200 <= response.status < 300 or response.status == 429:
        return None
    kind = (response.header("x-amzn-errortype") or "").split(":")[0]
    return f"{response.status} {kind}".strip()
