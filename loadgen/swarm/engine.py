"""The sending of one worker: a due batch becomes a request at its moment, an answer becomes a result.

Rule: drawing, encoding and signing happen before a request's clock starts. A failed request is a Result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf

import gevent
import gevent.event
import msgspec
import psutil

from loadgen import causes, client
from loadgen.errors import LoadgenError
from loadgen.model import Batch, Request, Result
from loadgen.results import NOT_SENT, THROTTLED, EventCounts, IntervalReport, Meter, Spool
from loadgen.swarm.connection import Begin, Outcome
from loadgen.swarm.feeder import Feeder, Job, PlannedVisit
from loadgen.swarm.schedule import Schedule, ScheduledRequest
from loadgen.swarm.senders import GROUP, Exchange, Senders, find_shortage, make_preflight
from loadgen.transport import NoAnswer, describe_answer, name_outcome, parse_retry_after
from loadgen.wire.sigv4 import Signer

NO_ROOM = causes.name_shortage(causes.DISK)
LOOK_SECONDS = 1.0  # between two questions whether the credentials have changed
BETWEEN_RECORDINGS = 0.01  # the least seconds between two recordings, unless the run is as fast as possible

log = logging.getLogger("loadgen")


class Engine:
    """Sends the sessions of a job as soon as there are senders; each Locust user calls `serve`.

    One greenlet prepares due batches for the free senders, another records the finished exchanges.
    """

    def __init__(
        self,
        job: Job,
        sessions: Iterator[PlannedVisit],
        begin: Begin,
        signer: Callable[[], Signer] | None,
        spool: Spool | None = None,
        feeder: Callable[..., Feeder] = Feeder,
    ) -> None:
        self._job = job
        self._signer: Signer | None = None  # with the latest credentials; None: there are none
        self._renewing = gevent.spawn(self._renew_signer, signer) if signer else None
        self.on_results: Callable[[Sequence[Result]], None] = lambda results: None
        self._spool = spool
        self._may_sign = gevent.event.Event()  # set after the first attempt to load credentials
        self._zero = time.perf_counter() + job.zero + job.ahead - time.time()
        self._schedule = Schedule(self.now, job.paced)
        self._senders = Senders(begin, self.now)
        self._dispatch = [client.Dispatch(each.scenario.client) for each in job.monitors]
        self._meter = Meter(job.worker, job.scenario.find_stage_ends(job.pace), len(job.monitors))
        self._feeder = feeder(job, sessions, self._schedule, self._meter)
        self._feeding = gevent.spawn(self._feeder.run, self.now)
        self._preparing, self._recording = gevent.spawn(self._prepare_groups), gevent.spawn(self._record_groups)
        self._process = psutil.Process()
        self._process.cpu_percent()  # psutil measures from the previous call; the first result is 0
        self._seen = 0.0, 0  # processor time in percent, memory in bytes
        self._in_flight = 0  # batches taken from the schedule and not yet recorded
        self._events_taken = 0
        self.over = gevent.event.Event()
        self.stop_reason: str | None = None
        self.stopped_at: float | None = None

    def yield_to_senders(self) -> None:
        """Let the senders send what is due. Code with long work in this process must call it now and then."""
        self._schedule.yield_to_senders()

    def now(self) -> float:
        """Return the seconds from the run's zero, on the wall."""
        return time.perf_counter() - self._zero

    @property
    def worker(self) -> int:
        """The number of this worker in the run."""
        return self._job.worker

    @property
    def end(self) -> float:
        """When the last first attempt may be due, in seconds on the wall from the run's zero."""
        return self._job.scenario.duration / self._job.pace if self._job.paced else inf

    @property
    def helpers(self) -> tuple[gevent.Greenlet, ...]:
        """The greenlets that the senders depend on."""
        return tuple(filter(None, (self._preparing, self._recording, self._renewing)))

    def serve(self) -> None:
        """Act as one of the senders until the run is over."""
        self._senders.serve(self.over)

    def stop(self, reason: str) -> None:
        """Send no further request; `wait_until_over` still waits for the requests in flight."""
        if self.stop_reason is None:
            self.stop_reason, self.stopped_at = reason, self.now()
        self._schedule.end()
        self._feeding.kill(block=False)

    def measure(self, second: int) -> IntervalReport:
        """Return the measurements since the last call as the report of `second`."""
        started, active = self._feeder.count_visitors(second)
        cpu_percent, rss_bytes = self._measure_process()
        return msgspec.structs.replace(
            self._meter.take(second),
            sessions_started=started,
            sessions_active=active,
            in_flight=self._senders.in_flight,
            cpu_percent=cpu_percent,
            rss_bytes=rss_bytes,
            tallies=self._feeder.tallies,
            spooled=self._spool is not None,
        )

    def wait_until_over(self) -> tuple[EventCounts, ...]:
        """Wait until every batch is sent, answered and counted; return the final event counts by app monitor."""
        deadline = self.end + client.DRAIN_SECONDS
        while self.stop_reason is None and not self._is_idle() and self.now() < deadline:
            gevent.sleep(0.05)
        self._schedule.end()
        while self._in_flight:
            gevent.sleep(0.01)
        gevent.killall([self._feeding, *self.helpers])
        for due in self._schedule.list_waiting():
            self._account_unsent(due)
        if self._spool:
            self._spool.close()
        self.over.set()
        return self._feeder.tallies

    @property
    def failure(self) -> str | None:
        """Why no more sessions could be drawn; None if they could. Locust's log has the traceback."""
        error = self._feeding.exception
        return None if error is None else f"could draw no more sessions: {type(error).__name__}: {error}"

    def _is_idle(self) -> bool:
        return self._feeding.ready() and not self._in_flight and not len(self._schedule)

    def _is_held_back(self, due: ScheduledRequest) -> bool:
        """Return whether a due batch must not be sent (page switched off, or the run must stop); count it if so."""
        if not self._feeder.heeds_switch_off or self._dispatch[due.monitor].allows(due.batch):
            return self._must_stop(due)
        self._feeder.account(due.monitor, dropped_by_client=due.events, switched_off=due.events, cancelled=due.amount)
        self._meter.cancel(due.at, due.amount)
        return True

    def _measure_process(self) -> tuple[float, int]:
        """Return CPU in percent of one core and memory in bytes; the latest known values if the system gives none."""
        try:
            self._seen = self._process.cpu_percent(), self._process.memory_info().rss
        except (OSError, psutil.Error) as error:  # no file can be opened: the report must go on
            log.error("own process: %s", error)
        return self._seen

    def _prepare_groups(self) -> None:
        """Sign due batches and hand them to the free senders, until the run is over."""
        if self._renewing is not None:
            self._may_sign.wait()
        while group := self._schedule.take(min(self._senders.wait_until_free(), GROUP)):
            ready = [due for due in group if due.batch.attempt > 1 or not self._is_held_back(due)]
            self._in_flight += len(ready)
            self._senders.hand_out([self._prepare(due) for due in ready])
            gevent.sleep(0)

    def _prepare(self, due: ScheduledRequest) -> Exchange:
        request = self._sign(due)
        if self._spool:
            self._spool.start(due.batch.session, due.events, due.batch.attempt, due.at, due.monitor)
        exchange = Exchange(due, request)
        if due.preflight and request is not None and due.batch.attempt == 1:
            exchange.preflight = make_preflight(due, request, self._job.monitors[due.monitor].destination)
        return exchange

    def _record_groups(self) -> None:
        """Record finished exchanges in groups, and schedule the retries that the web client makes."""
        while True:
            over, results, unsent = self._senders.collect(), list[Result](), list[Result]()
            for each in over:
                if (shortage := find_shortage(each)) is None:
                    results.append(self._record(each))
                else:
                    unsent.append(self._record_unsent(each.due, shortage))
            self._in_flight -= len(over)
            self._feeder.receive_results(results + unsent)
            self.on_results(results)
            gevent.sleep(BETWEEN_RECORDINGS if self._job.paced else 0)

    def _record_unsent(self, due: ScheduledRequest, shortage: str) -> Result:
        """Count a batch that this machine had no means to send; the target is not to blame."""
        self._meter.shortages[shortage] += 1
        self._account_unsent(due)
        if self._spool:
            self._spool.start(due.batch.session, due.events, due.batch.attempt, due.at, due.monitor, NOT_SENT)
        now = self.now()
        return Result(due.at, now, now, None, due.events, 0, 0, error=shortage)

    def _account_unsent(self, due: ScheduledRequest) -> None:
        if due.batch.attempt == 1:
            self._feeder.account(due.monitor, unsent=due.events)
        else:
            self._feeder.account(due.monitor, pending_at_end=due.amount)

    def _record(self, exchange: Exchange) -> Result:
        """Record a finished request, and schedule its retry if the web client makes one."""
        due, started, finished = exchange.due, exchange.started, exchange.finished
        preflight_delay = 0.0  # seconds by which a preflight delays the request
        if exchange.preflight is not None:
            preflight = exchange.preflight.measure(due.at if self._job.paced else None)
            preflight_delay = preflight.latency
            if find_shortage(exchange.preflight) is None:
                self._meter.preflights.append(preflight)
        status, error, retry_after = self._judge(exchange.outcome)
        paced, pace = self._job.paced, self._job.pace
        answered = finished * pace if paced else due.batch.due
        retry = self._dispatch[due.monitor].handle_answer(due.batch, status, answered, retry_after)
        result = Result(
            intended=due.at + preflight_delay if paced else started,
            started=started,
            finished=finished,
            status=status,
            events=due.events,
            wire_bytes=due.wire_bytes,
            raw_bytes=due.raw_bytes,
            attempt=due.batch.attempt,
            final=retry is None,
            error=error,
            session=due.batch.session,
            waited=due.waited + preflight_delay,
            beacon=due.beacon,
            monitor=due.monitor,
        )
        packed = self._meter.record(result)
        if self._spool:
            self._spool.finish(packed)
        if retry is not None:
            self._schedule_retry(due, retry, exchange.request)
        return result

    def _judge(self, response: Outcome) -> tuple[int | None, str | None, float]:
        """Return an outcome's status (None: no answer), error (None: accepted or throttled), Retry-After in seconds."""
        if isinstance(response, NoAnswer):
            return None, response.cause, 0.0
        name = name_outcome(response, self._job.accept)
        if name is None:
            return response.status, None, 0.0
        if name.startswith(causes.FOREIGN):
            self._meter.foreign_answer = self._meter.foreign_answer or describe_answer(response)
        refusal = None if response.status == THROTTLED else causes.fit_into_record(name)
        return response.status, refusal, parse_retry_after(response.get_header("retry-after"), time.time()) or 0.0

    def _schedule_retry(self, due: ScheduledRequest, retry: Batch, request: Request | None) -> None:
        """Put a retry on the schedule; it keeps the signature of the first attempt, if that was signed."""
        at, sent = retry.due / self._job.pace, request or due.request
        self._schedule.put(msgspec.structs.replace(due, at=at, batch=retry, request=sent, signed=request is not None))

    def _renew_signer(self, renewed: Callable[[], Signer]) -> None:
        """Keep a signer with fresh credentials. A renewal may use the network; senders do not wait for it."""
        while True:
            try:
                self._signer = renewed()
            except LoadgenError as refused:
                log.error("signing: %s", refused)
            self._may_sign.set()
            gevent.sleep(LOOK_SECONDS)

    def _sign(self, due: ScheduledRequest) -> Request | None:
        """Return the request as it is sent; None when there are no credentials to sign it with."""
        monitor = self._job.monitors[due.monitor]
        request = due.unpack()
        if due.signed or self._renewing is None or not monitor.signed:
            return request
        if self._signer is None:
            return None
        return monitor.destination.dialect.sign(self._signer, request, due.beacon, time.time())

    def _must_stop(self, due: ScheduledRequest) -> bool:
        """Return whether the run must stop before this batch: its record has no room, or --max-events is reached.

        If so, stop the engine and count the batch as unsent.
        """
        self._events_taken += due.events
        if self._spool is not None and self._spool.full is not None:
            self._meter.shortages[NO_ROOM] += 1
            reason = f"no room for more records: {self._spool.full}"
        elif self._job.max_events is not None and self._events_taken > self._job.max_events:
            reason = f"--max-events {self._job.max_events} reached"
        else:
            return False
        self._feeder.account(due.monitor, unsent=due.events)
        self.stop(reason)
        return True
