"""The loop that sends: batches in order of date, at the pace that the quota allows, until each is known to be accepted.

Rule: the ledger is written before a request leaves. RUM's own 200 is accepted; 429 and a connection that was never made
are certainly not; 5xx, no answer, and an answer that RUM cannot have given are in doubt and looked up. A few of the
last, or any other answer, stop the run: the next one goes on.
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
from loadgen.jobs.seed.options import DAY, RETENTION_DAYS, format_moment
from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.jobs.seed.senders import Attempt, SenderThreads, explain_foreign, explain_refusal
from loadgen.jobs.seed.stream import EncodedBatch
from loadgen.model import Noun
from loadgen.transport import TIMEOUT_SECONDS, FirstAnswer
from loadgen.wire.sigv4 import Signer

TICK_SECONDS = 0.2
READY = 64  # batches encoded ahead
MOST_IN_DOUBT = 1000
"""So many in doubt, and nothing new is sent until some are settled: memory stays bounded in an outage."""

MOST_FOREIGN = 3
"""So many answers that RUM cannot have given, without one of its own between them, and the run stops."""

FORBIDDEN_SECONDS = 1.0  # from a 403 to the one attempt that follows

PATIENCE_SECONDS = 900.0
"""Without any answer that helps for so long, the run stops; it can go on later. The first answer has less."""


class SeedProgress(Noun):
    """How far a run is; counts of this run and those before it."""

    date: float  # Unix time that the sending has come to
    accepted: int = 0
    events: int = 0
    throttled: int = 0
    failed: int = 0  # 5xx
    unanswered: int = 0
    found: int = 0  # in doubt, and found by reading back
    again: int = 0  # in doubt, found absent, and sent again
    in_doubt: int = 0
    rate: float = 0.0  # requests a second that the pace allows
    trouble: str = ""  # the last


class Dependencies(Noun):
    """What the loop works with; tests give their own."""

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
    """Sends a stream of batches, so that each is accepted once."""

    def __init__(self, stream: Iterator[EncodedBatch], needs: Dependencies) -> None:
        self._stream = stream
        self._needs = needs
        self._ready: deque[EncodedBatch] = deque()
        self._flying: dict[int, EncodedBatch] = {}
        self._in_doubt = BatchesInDoubt(needs.visibility)
        self._refused: set[int] = set()  # answered 403 once
        self._foreign = 0  # answers that RUM cannot have given, since the last that it gave
        self._exhausted = False
        self._held: EncodedBatch | None = None  # the next one, not due yet
        self.stopping = False  # nothing more is sent; what is in flight is waited for
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read back")
        self._looking_up: tuple[Future[set[int]], list[EncodedBatch], float] | None = None
        self._last_help = time.monotonic()
        self._started = time.time()  # attempts of an earlier run have ended by then
        totals = needs.ledger.count_totals()
        self.progress = SeedProgress(0.0, totals.accepted, totals.accepted_events)

    def run(self) -> bool:
        """Send everything; False when it was stopped. Raises LoadgenError when it cannot go on."""
        try:
            while not self._is_over():
                self._take_turn()
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
        return self._is_whole()

    def _is_over(self) -> bool:
        return not self._flying and (self.stopping or self._is_whole())

    def _is_whole(self) -> bool:
        return self._exhausted and not (self._ready or self._in_doubt or self._held)

    def _take_turn(self) -> None:
        if not self.stopping:
            self._refill()
            self._look_up()
            self._hand_out()
        self._collect(self._needs.senders.collect(self._choose_pause()))
        self._needs.first_answer.check(bool(self._flying), self.progress.trouble)
        self._check_patience()
        self._needs.on_progress(self.progress)

    # What is next

    def _refill(self) -> None:
        while len(self._ready) < READY and len(self._in_doubt) < MOST_IN_DOUBT and not self._exhausted:
            batch = self._held or next(self._stream, None)
            self._held = None
            if batch is None:
                self._exhausted = True
            elif batch.due > time.time():
                self._held = batch
                return
            else:
                self._take_up(batch)

    def _take_up(self, batch: EncodedBatch) -> None:
        """Sort a batch by what an earlier run knows of it."""
        known = self._needs.ledger.find_entry(batch.entry.number)
        if known is None or known.accepted is None:
            check_age(batch)
        if known is None:
            self._ready.append(batch)
            return
        if (known.id, known.events) != (batch.entry.id, batch.entry.events):
            raise LoadgenError(
                f"{self._needs.ledger.path}: another version of loadgen began it, this one makes other events from the "
                "same seed; go on with that version, or give --out another folder"
            )
        if known.accepted is None:
            self._in_doubt.add(batch, min(known.tried + TIMEOUT_SECONDS, self._started))

    # Sending

    def _hand_out(self) -> None:
        leaving: list[EncodedBatch] = []
        now = time.monotonic()
        limiter = self._needs.limiter
        while self._ready and self._count_free() > len(leaving) and limiter.compute_wait(now) <= 0:
            limiter.take(now)
            leaving.append(self._ready.popleft())
        if not leaving:
            return
        at = time.time()
        self._needs.ledger.mark_in_doubt(msgspec.structs.replace(batch.entry, tried=at) for batch in leaving)
        signer = self._needs.signer() if self._needs.signer else None
        for batch in leaving:
            self._flying[batch.entry.number] = batch
            self._needs.senders.submit(batch.entry.number, signer.sign(batch.request, at) if signer else batch.request)
        self._update(date=max(self.progress.date, *(batch.due for batch in leaving)), rate=limiter.rate)

    def _count_free(self) -> int:
        return self._needs.senders.count - len(self._flying)

    def _choose_pause(self) -> float:
        """Seconds until there is something to do besides reading answers."""
        if self._ready and self._count_free() > 0 and not self.stopping:
            return min(TICK_SECONDS, self._needs.limiter.compute_wait(time.monotonic()))
        return TICK_SECONDS

    # Answers

    def _collect(self, attempts: list[Attempt]) -> None:
        now = time.monotonic()
        accepted = []
        for attempt in attempts:
            batch = self._flying.pop(attempt.number)
            if attempt.status is not None:
                self._needs.first_answer.note()
            if attempt.accepted:
                accepted.append(batch)
                self._foreign = 0
                self._needs.limiter.note_accepted()
            else:
                self._handle_failure(batch, attempt, now)
        self._accept(accepted)

    def _accept(self, batches: list[EncodedBatch]) -> None:
        if batches:
            self._needs.ledger.mark_accepted([batch.entry.number for batch in batches], time.time())
            events = sum(len(batch.entry.ids) for batch in batches)
            self._update(accepted=self.progress.accepted + len(batches), events=self.progress.events + events)
            self._last_help = time.monotonic()

    def _handle_failure(self, batch: EncodedBatch, attempt: Attempt, now: float) -> None:
        progress, limiter = self.progress, self._needs.limiter
        if attempt.status == 429:
            limiter.note_throttled(attempt.retry_after, now)
            if limiter.learned is not None:
                self._needs.ledger.keep_fact("learned_rate", str(limiter.learned).encode())
            self._ready.appendleft(batch)
            self._update(throttled=progress.throttled + 1)
        elif attempt.status == 403 and batch.entry.number not in self._refused:
            self._refused.add(batch.entry.number)  # credentials may be renewed meanwhile, as the client hopes
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

    # In doubt

    def _look_up(self) -> None:
        if self._looking_up is not None:
            self._hear_look_up()
        elif asked := self._in_doubt.list_due(time.time()):
            entries = [batch.entry for batch in asked]
            self._looking_up = (self._reader.submit(look_up, entries, self._needs.read), asked, time.time())

    def _hear_look_up(self) -> None:
        assert self._looking_up is not None
        future, asked, asked_at = self._looking_up
        if not future.done():
            return
        self._looking_up = None
        try:
            found = future.result()
        except Unreachable as error:
            self._in_doubt.postpone(asked, time.time())
            self._update(trouble=str(error))
            return
        self._last_help = time.monotonic()
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
        if not (self._ready or self._flying or self._in_doubt):
            self._last_help = now
        if now - self._last_help > self._needs.patience:
            raise LoadgenError(
                f"nothing was accepted for {self._needs.patience:g} s (last trouble: "
                f"{self.progress.trouble or 'throttled'}); run the same command again to go on"
            )

    def _update(self, **changes: float | str) -> None:
        self.progress = msgspec.structs.replace(self.progress, **changes)


def check_age(batch: EncodedBatch) -> None:
    """Refuse what RUM would take and not keep."""
    if batch.entry.first < time.time() - RETENTION_DAYS * DAY:
        raise LoadgenError(
            f"events of {format_moment(batch.entry.first)} are still to be sent, and RUM keeps {RETENTION_DAYS} days: "
            "too much time went by; give --out another folder and begin anew"
        )
