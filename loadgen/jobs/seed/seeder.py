"""The loop that sends batches in order of date, at the pace that the quota allows, until each is certainly accepted.

Rule: the ledger is written before a request leaves. After RUM's own 200 a batch is accepted. After a 429, or if no
connection was made, it certainly is not, and is sent again. After a 5xx, no answer, or an answer that RUM cannot have
given, it is in doubt and looked up. A few answers that RUM cannot have given, or any other answer, stop the run; the
next run goes on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from loadgen.causes import explain_shortage
from loadgen.errors import ControlError, LoadgenError, Unreachable
from loadgen.jobs.seed.in_doubt import BatchesInDoubt, ReadEvents, Visibility, look_up
from loadgen.jobs.seed.ledger import BatchLedger
from loadgen.jobs.seed.period import DAY, RETENTION_DAYS, format_moment
from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.jobs.seed.senders import Attempt, SenderThreads, explain_foreign, explain_refusal
from loadgen.jobs.seed.stream import EncodedBatch
from loadgen.model import Noun
from loadgen.transport import TIMEOUT_SECONDS, FirstAnswer
from loadgen.wire.sigv4 import Signer

TICK_SECONDS = 0.2
READY = 64  # batches that are encoded ahead
MOST_IN_DOUBT = 1000
"""With this many batches in doubt no new batch is sent until some are settled, so memory stays bounded in an outage."""

MOST_FOREIGN = 3
"""This many answers that RUM cannot have given, without a valid one between them, stop the run."""

FORBIDDEN_SECONDS = 1.0  # pause from a batch's first 403 to its only further attempt

PATIENCE_SECONDS = 900.0
"""Seconds without an acceptance or a look-up after which the run stops; the next run goes on. `FirstAnswer` limits the
wait for the first answer."""


class SeedProgress(Noun):
    """The progress of a seeding. `accepted` and `events` include earlier runs, other counts are of this run."""

    date: float  # Unix time of the latest batch sent
    accepted: int = 0
    events: int = 0
    throttled: int = 0
    failed: int = 0  # 5xx
    unanswered: int = 0
    found: int = 0  # batches in doubt that a look-up found
    again: int = 0  # batches in doubt that were certainly absent and are sent again
    in_doubt: int = 0
    rate: float = 0.0  # requests a second that the limiter allows
    trouble: str = ""  # the last problem


class Dependencies(Noun):
    """Everything outside the loop that it needs; tests pass their own."""

    ledger: BatchLedger
    senders: SenderThreads
    limiter: RateLimiter
    signer: Callable[[], Signer] | None
    read: ReadEvents
    visibility: Visibility
    on_progress: Callable[[SeedProgress], None]
    first_answer: FirstAnswer
    patience: float = PATIENCE_SECONDS


class Seeder:
    """A loop that sends a stream of batches so that each is accepted exactly once."""

    def __init__(self, stream: Iterator[EncodedBatch], needs: Dependencies) -> None:
        self._stream = stream
        self._dependencies = needs
        self._ready: deque[EncodedBatch] = deque()
        self._in_flight: dict[int, EncodedBatch] = {}
        self._in_doubt = BatchesInDoubt(needs.visibility)
        self._forbidden_once: set[int] = set()  # numbers of batches that got one 403
        self._foreign = 0  # answers that RUM cannot have given since its last own answer
        self._exhausted = False
        self._not_due: EncodedBatch | None = None  # the next batch of the stream, if it is not due yet
        self.stopping = False  # send nothing more, and wait for the batches in flight
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read back")
        self._pending_look_up: tuple[Future[set[int]], list[EncodedBatch], float] | None = None
        self._last_success = time.monotonic()
        self._started = time.time()  # attempts of an earlier run have ended by then
        totals = needs.ledger.count_totals()
        self.progress = SeedProgress(0.0, totals.accepted, totals.accepted_events)

    def run(self) -> bool:
        """Send all batches; return False if it was stopped before. Raises LoadgenError when it cannot go on."""
        try:
            while not self._is_over():
                self._take_turn()
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
        return self._is_complete()

    def _is_over(self) -> bool:
        return not self._in_flight and (self.stopping or self._is_complete())

    def _is_complete(self) -> bool:
        return self._exhausted and not (self._ready or self._in_doubt or self._not_due)

    def _take_turn(self) -> None:
        if not self.stopping:
            self._refill()
            self._look_up()
            self._send_ready()
        self._collect(self._dependencies.senders.collect(self._choose_pause()))
        self._dependencies.first_answer.check(bool(self._in_flight), self.progress.trouble)
        self._check_patience()
        self._dependencies.on_progress(self.progress)

    # The next batches

    def _refill(self) -> None:
        while len(self._ready) < READY and len(self._in_doubt) < MOST_IN_DOUBT and not self._exhausted:
            batch = self._not_due or next(self._stream, None)
            self._not_due = None
            if batch is None:
                self._exhausted = True
            elif batch.due > time.time():
                self._not_due = batch
                return
            else:
                self._sort_batch(batch)

    def _sort_batch(self, batch: EncodedBatch) -> None:
        """Queue a batch to be sent or looked up, or skip it, by its state in the ledger of earlier runs."""
        recorded = self._dependencies.ledger.find_entry(batch.entry.number)
        if recorded is None or recorded.accepted is None:
            check_age(batch)
        if recorded is None:
            self._ready.append(batch)
            return
        if (recorded.id, recorded.events) != (batch.entry.id, batch.entry.events):
            raise LoadgenError(
                f"{self._dependencies.ledger.path}: another version of loadgen began it, this one makes other events "
                "from the same seed; go on with that version, or give --out another folder"
            )
        if recorded.accepted is None:
            self._in_doubt.add(batch, min(recorded.tried + TIMEOUT_SECONDS, self._started))

    # Sending

    def _send_ready(self) -> None:
        chosen: list[EncodedBatch] = []
        now = time.monotonic()
        limiter = self._dependencies.limiter
        while self._ready and self._count_free() > len(chosen) and limiter.compute_wait(now) <= 0:
            limiter.take(now)
            chosen.append(self._ready.popleft())
        if not chosen:
            return
        at = time.time()
        self._dependencies.ledger.mark_in_doubt(msgspec.structs.replace(batch.entry, tried=at) for batch in chosen)
        signer = self._dependencies.signer() if self._dependencies.signer else None
        for batch in chosen:
            self._in_flight[batch.entry.number] = batch
            self._dependencies.senders.submit(
                batch.entry.number, signer.sign(batch.request, at) if signer else batch.request
            )
        self._update(date=max(self.progress.date, *(batch.due for batch in chosen)), rate=limiter.rate)

    def _count_free(self) -> int:
        return self._dependencies.senders.count - len(self._in_flight)

    def _choose_pause(self) -> float:
        """Return the seconds until there is something to do besides reading answers."""
        if self._ready and self._count_free() > 0 and not self.stopping:
            return min(TICK_SECONDS, self._dependencies.limiter.compute_wait(time.monotonic()))
        return TICK_SECONDS

    # Answers

    def _collect(self, attempts: list[Attempt]) -> None:
        now = time.monotonic()
        accepted = []
        for attempt in attempts:
            batch = self._in_flight.pop(attempt.number)
            if attempt.status is not None:
                self._dependencies.first_answer.note()
            if attempt.accepted:
                accepted.append(batch)
                self._foreign = 0
                self._dependencies.limiter.note_accepted()
            else:
                self._handle_failure(batch, attempt, now)
        self._accept(accepted)

    def _accept(self, batches: list[EncodedBatch]) -> None:
        if batches:
            self._dependencies.ledger.mark_accepted([batch.entry.number for batch in batches], time.time())
            events = sum(len(batch.entry.ids) for batch in batches)
            self._update(accepted=self.progress.accepted + len(batches), events=self.progress.events + events)
            self._last_success = time.monotonic()

    def _handle_failure(self, batch: EncodedBatch, attempt: Attempt, now: float) -> None:
        progress, limiter = self.progress, self._dependencies.limiter
        if attempt.status == 429:
            limiter.note_throttled(attempt.retry_after, now)
            if limiter.learned is not None:
                self._dependencies.ledger.keep_fact("learned_rate", str(limiter.learned).encode())
            self._ready.appendleft(batch)
            self._update(throttled=progress.throttled + 1)
        elif attempt.status == 403 and batch.entry.number not in self._forbidden_once:
            self._forbidden_once.add(batch.entry.number)  # the credentials may be renewed before the second attempt
            limiter.hold(FORBIDDEN_SECONDS, now)
            self._ready.appendleft(batch)
        elif attempt.is_in_doubt:
            limiter.note_failed(now)
            self._in_doubt.add(batch, time.time())
            self._foreign += attempt.foreign
            if self._foreign >= MOST_FOREIGN:
                raise ControlError(explain_foreign(attempt))
            self._update(
                failed=progress.failed + (attempt.status is not None),
                unanswered=progress.unanswered + (attempt.status is None),
                in_doubt=len(self._in_doubt),
                trouble=attempt.error,
            )
        elif attempt.status is None:
            if shortage := explain_shortage(attempt.error):
                raise LoadgenError(f"{shortage}; what was accepted is kept, run the same command again to go on")
            limiter.note_failed(now)
            self._ready.appendleft(batch)
            self._update(unanswered=progress.unanswered + 1, trouble=attempt.error)
        else:
            raise ControlError(explain_refusal(attempt))

    # Batches in doubt

    def _look_up(self) -> None:
        if self._pending_look_up is not None:
            self._finish_look_up()
        elif asked := self._in_doubt.list_due(time.time()):
            entries = [batch.entry for batch in asked]
            self._pending_look_up = (self._reader.submit(look_up, entries, self._dependencies.read), asked, time.time())

    def _finish_look_up(self) -> None:
        assert self._pending_look_up is not None
        future, asked, asked_at = self._pending_look_up
        if not future.done():
            return
        self._pending_look_up = None
        try:
            found = future.result()
        except Unreachable as error:
            self._in_doubt.postpone(asked, time.time())
            self._update(trouble=str(error))
            return
        self._last_success = time.monotonic()
        absent = self._in_doubt.settle(asked, found, asked_at)
        self._ready.extendleft(reversed(absent))
        self._accept([batch for batch in asked if batch.entry.number in found])
        progress = self.progress
        self._update(
            found=progress.found + len(found), again=progress.again + len(absent), in_doubt=len(self._in_doubt)
        )

    # Progress

    def _check_patience(self) -> None:
        now = time.monotonic()
        if not (self._ready or self._in_flight or self._in_doubt):
            self._last_success = now
        if now - self._last_success > self._dependencies.patience:
            raise LoadgenError(
                f"nothing was accepted for {self._dependencies.patience:g} s (last trouble: "
                f"{self.progress.trouble or 'throttled'}); run the same command again to go on"
            )

    def _update(self, **changes: float | str) -> None:
        self.progress = msgspec.structs.replace(self.progress, **changes)


def check_age(batch: EncodedBatch) -> None:
    """Raise LoadgenError for a batch with events so old that RUM would accept but not keep them."""
    if batch.entry.first < time.time() - RETENTION_DAYS * DAY:
        raise LoadgenError(
            f"events of {format_moment(batch.entry.first)} are still to be sent, and RUM keeps {RETENTION_DAYS} days: "
            "too much time went by; give --out another folder and begin anew"
        )
