"""One worker's sending: what is due becomes a request at its moment, an answer becomes a result.

Rule: drawing, encoding and signing happen before a request's clock starts. A failed request is a Result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple

import gevent
import gevent.event
import msgspec
import psutil

from loadgen import causes, client
from loadgen.errors import LoadgenError
from loadgen.model import Batch, Request, Result, Send
from loadgen.results import NOT_SENT, THROTTLED, EventCounts, IntervalReport, Meter, Spool, find_stage_ends
from loadgen.swarm.feeder import Feeder, Job, PlannedVisit
from loadgen.swarm.schedule import Schedule, ScheduledRequest
from loadgen.transport import NoAnswer, describe_answer, name_outcome, parse_retry_after
from loadgen.wire.sigv4 import Signer

log = logging.getLogger("loadgen")

TAKEN_AWAY = "stopped"  # Locust took the sender away in the middle of a request


class SendOutcome(NamedTuple):
    """What became of one attempt to send a request."""

    status: int | None
    error: str | None = None  # None for acceptance and throttling
    retry_after: float = 0.0  # seconds
    sent: bool = True  # False: this machine could not send it


NOT_SIGNED = SendOutcome(None, "not signed")


class Engine:
    """Sends a job's sessions; `send_next` is what a Locust user calls."""

    def __init__(
        self,
        job: Job,
        sessions: Iterator[PlannedVisit],
        send: Send,
        signer: Callable[[], Signer] | None,
        spool: Spool | None = None,
        feeder: Callable[..., Feeder] = Feeder,
    ) -> None:
        self._job = job
        self._send = send
        self._signer = signer
        self._spool = spool
        self._zero = time.perf_counter() + job.zero + job.ahead - time.time()
        self._schedule = Schedule(self.now, job.paced)
        self._dispatch = [client.Dispatch(each.scenario.client) for each in job.monitors]
        self._meter = Meter(job.worker, find_stage_ends(job.scenario, job.pace), len(job.monitors))
        self._feeder = feeder(job, sessions, self._schedule, self._meter)
        self._feeding = gevent.spawn(self._feeder.run, self.now)
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first reading means nothing
        self._seen = 0.0, 0  # processor time in percent, memory in bytes
        self._in_flight = 0
        self._events_taken = 0
        self.over = gevent.event.Event()
        self.stop_reason: str | None = None
        self.stopped_at: float | None = None

    def yield_to_senders(self) -> None:
        """Let the senders catch up with what is due: called now and then by whoever has long work in this process."""
        self._schedule.yield_to_senders()

    def now(self) -> float:
        """Seconds from the run's zero, on the wall."""
        return time.perf_counter() - self._zero

    @property
    def worker(self) -> int:
        """The number of this worker in the run."""
        return self._job.worker

    @property
    def end(self) -> float:
        """When the run is over for first attempts, in seconds on the wall."""
        return self._job.scenario.duration / self._job.pace if self._job.paced else inf

    def send_next(self) -> Result | None:
        """Wait for the next due batch, send it, and return what was measured; None once the run is over."""
        while (due := self._schedule.take()) is not None:
            self._in_flight += 1
            try:
                if due.batch.attempt > 1 or not self._held_back(due):
                    result = self._exchange(due)
                    if result is not None:
                        return result
            finally:
                self._in_flight -= 1
        return None

    def stop(self, reason: str) -> None:
        """Send nothing more; what is in flight is waited for."""
        if self.stop_reason is None:
            self.stop_reason, self.stopped_at = reason, self.now()
        self._schedule.end()
        self._feeding.kill(block=False)

    def measure(self, second: int) -> IntervalReport:
        """What was measured since the last call."""
        started, active = self._feeder.visitors(second)
        cpu_percent, rss_bytes = self._look_at_process()
        return msgspec.structs.replace(
            self._meter.take(second),
            sessions_started=started,
            sessions_active=active,
            in_flight=self._in_flight,
            cpu_percent=cpu_percent,
            rss_bytes=rss_bytes,
            tallies=self._feeder.tallies,
            spooled=self._spool is not None,
        )

    def wait_until_over(self) -> tuple[EventCounts, ...]:
        """Wait until everything is sent, answered and counted; each app monitor's final tally."""
        deadline = self.end + client.DRAIN_SECONDS
        while self.stop_reason is None and not self._idle() and self.now() < deadline:
            gevent.sleep(0.05)
        self._schedule.end()
        while self._in_flight:
            gevent.sleep(0.01)
        self._feeding.kill()
        for due in self._schedule.rest():
            if due.batch.attempt == 1:
                self._feeder.account(due.monitor, unsent=due.events)
            else:
                self._feeder.account(due.monitor, pending_at_end=due.amount)
        if self._spool:
            self._spool.close()
        self.over.set()
        return self._feeder.tallies

    @property
    def failure(self) -> str | None:
        """Why sessions stopped coming, if drawing them failed; the traceback is in Locust's log."""
        error = self._feeding.exception
        return None if error is None else f"{type(error).__name__}: {error}"

    def _idle(self) -> bool:
        return self._feeding.ready() and not self._in_flight and not len(self._schedule)

    def _held_back(self, due: ScheduledRequest) -> bool:
        """Whether a batch that is due is not to be sent: its page is switched off, or the budget is used up."""
        if self._dispatch[due.monitor].allows(due.batch):
            return self._no_room(due) or self._over_budget(due)
        self._feeder.account(due.monitor, dropped_by_client=due.events, switched_off=due.events, cancelled=due.amount)
        self._meter.cancel(due.at, due.amount)
        return True

    def _look_at_process(self) -> tuple[float, int]:
        """Processor time in percent of one core, and memory in bytes; the last known where the system does not tell."""
        try:
            self._seen = self._process.cpu_percent(), self._process.memory_info().rss
        except (OSError, psutil.Error) as error:  # no file can be opened: the report must go on
            log.error("own process: %s", error)
        return self._seen

    def _exchange(self, due: ScheduledRequest) -> Result | None:
        """Send a batch, and record what came of it; None when this machine could not send it."""
        request = self._sign(due)
        if self._spool:
            self._spool.start(due.batch.session, due.events, due.batch.attempt, due.at, due.monitor)
        started = self.now()
        outcome = self._ask(request) if request else NOT_SIGNED
        finished = self.now()
        if not outcome.sent:
            self._keep_unsent(due, str(outcome.error))
            return None
        return self._record(due, request, outcome, started, finished)

    def _keep_unsent(self, due: ScheduledRequest, cause: str) -> None:
        """Count a batch that this machine could not send: it is not the target's failure."""
        self._meter.shortages[cause] += 1
        if due.batch.attempt == 1:
            self._feeder.account(due.monitor, unsent=due.events)
        else:
            self._feeder.account(due.monitor, pending_at_end=due.amount)
        if self._spool:
            self._spool.start(due.batch.session, due.events, due.batch.attempt, due.at, due.monitor, NOT_SENT)

    def _record(
        self, due: ScheduledRequest, request: Request | None, outcome: SendOutcome, started: float, finished: float
    ) -> Result:
        """Keep a request that is over, and put its retry on the schedule if the client makes one."""
        status, error, retry_after, _ = outcome
        paced, pace = self._job.paced, self._job.pace
        answered = finished * pace if paced else due.batch.due
        retry = self._dispatch[due.monitor].handle_answer(due.batch, status, answered, retry_after)
        result = Result(
            intended=due.at if paced else started,
            started=started,
            finished=finished,
            status=status,
            events=due.events,
            wire_bytes=len(due.request.body),
            raw_bytes=due.raw_bytes,
            attempt=due.batch.attempt,
            final=retry is None,
            error=error,
            session=due.batch.session,
            waited=due.waited,
            beacon=due.beacon,
            monitor=due.monitor,
        )
        packed = self._meter.record(result)
        if self._spool:
            self._spool.finish(packed)
        if retry is not None:
            self._again(due, retry, request)
        if error == TAKEN_AWAY:
            raise gevent.GreenletExit
        return result

    def _again(self, due: ScheduledRequest, retry: Batch, request: Request | None) -> None:
        """Put a retry on the schedule, with the signature of the first attempt if it had one."""
        signed, at = request is not None, retry.due / self._job.pace
        self._schedule.put(
            msgspec.structs.replace(due, at=at, batch=retry, request=request or due.request, signed=signed)
        )

    def _ask(self, request: Request) -> SendOutcome:
        """Send a request and wait for its answer."""
        try:
            response = self._send(request)
        except NoAnswer as error:
            own = error.cause.startswith(causes.OWN)
            return SendOutcome(None, error.cause, sent=error.sent or not own)
        except gevent.GreenletExit:
            return SendOutcome(None, TAKEN_AWAY)
        except Exception as error:  # an error of loadgen's own: the batch must be accounted for all the same
            log.exception("sending")
            return SendOutcome(None, causes.name_shortage(name_own_error(error)))
        name = name_outcome(response, self._job.accept)
        if name is None:
            return SendOutcome(response.status)
        if name.startswith(causes.FOREIGN):
            self._meter.foreign_answer = self._meter.foreign_answer or describe_answer(response)
        refusal = None if response.status == THROTTLED else name[: causes.MOST_CHARACTERS]
        return SendOutcome(
            response.status, refusal, parse_retry_after(response.header("retry-after"), time.time()) or 0.0
        )

    def _sign(self, due: ScheduledRequest) -> Request | None:
        """The request as it is sent; None when the credentials cannot be renewed."""
        monitor = self._job.monitors[due.monitor]
        if due.signed or self._signer is None or not monitor.signed:
            return due.request
        try:
            return monitor.destination.dialect.sign(self._signer(), due.request, due.beacon, time.time())
        except LoadgenError as refused:
            log.error("signing: %s", refused)
            return None

    def _no_room(self, due: ScheduledRequest) -> bool:
        """Whether the disk has no room for more records: what cannot be kept is not sent."""
        if self._spool is None or self._spool.full is None:
            return False
        self._feeder.account(due.monitor, unsent=due.events)
        self.stop(f"no room for more records: {self._spool.full}")
        return True

    def _over_budget(self, due: ScheduledRequest) -> bool:
        self._events_taken += due.events
        if self._job.max_events is None or self._events_taken <= self._job.max_events:
            return False
        self._feeder.account(due.monitor, unsent=due.events)
        self.stop(f"--max-events {self._job.max_events} reached")
        return True


def name_own_error(error: Exception) -> str:
    """What this machine lacked, or the type of an error of loadgen's own."""
    return causes.MEMORY if isinstance(error, MemoryError) else type(error).__name__
