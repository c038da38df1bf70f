"""The loop that sends: batches in order of date, at the pace that the quota allows, until each is known to be accepted.

Rule: the ledger is written before a request leaves. 200 is accepted; 429 and a connection that was never made are
certainly not; 5xx and no answer are in doubt and looked up. Any other answer stops the run: the next one goes on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from loadgen.errors import ControlError, LoadgenError, Unreachable
from loadgen.jobs.seed.encoded_batch import Parcel
from loadgen.jobs.seed.in_doubt import Doubts, Read, Visibility, look_up
from loadgen.jobs.seed.ledger import Ledger
from loadgen.jobs.seed.period import DAY, RETENTION_DAYS, moment
from loadgen.jobs.seed.rate_limiter import Pace
from loadgen.jobs.seed.senders import Outcome, Senders
from loadgen.model import Noun
from loadgen.transport import TIMEOUT_SECONDS
from loadgen.wire.sigv4 import Signer

TICK_SECONDS = 0.2
READY = 64  # parcels encoded ahead
MOST_DOUBTS = 1000
"""So many in doubt, and nothing new is sent until some are settled: memory stays bounded in an outage."""

FORBIDDEN_SECONDS = 1.0  # from a 403 to the one attempt that follows

PATIENCE_SECONDS = 900.0
"""Without any answer that helps for so long, the run stops; it can go on later."""


class Progress(Noun):
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


class Tools(Noun):
    """What the loop works with."""

    ledger: Ledger
    senders: Senders
    pace: Pace
    signer: Callable[[], Signer] | None
    read: Read
    visibility: Visibility
    watch: Callable[[Progress], None]
    patience: float = PATIENCE_SECONDS


class Seeder:
    """Sends a stream of parcels; each is accepted once."""

    def __init__(self, stream: Iterator[Parcel], tools: Tools) -> None:
        self._stream = stream
        self._tools = tools
        self._ready: deque[Parcel] = deque()
        self._flying: dict[int, Parcel] = {}
        self._doubts = Doubts(tools.visibility)
        self._refused: set[int] = set()  # answered 403 once
        self._exhausted = False
        self._held: Parcel | None = None  # the next one, not due yet
        self._stopping = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read back")
        self._asking: tuple[Future[set[int]], list[Parcel], float] | None = None
        self._hopeful = time.monotonic()
        self._began = time.time()  # attempts of an earlier run have ended by then
        totals = tools.ledger.totals()
        self.progress = Progress(0.0, totals.accepted, totals.accepted_events)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    def stop(self) -> None:
        """Send nothing more; what is in flight is waited for."""
        self._stopping = True

    def run(self) -> bool:
        """Send everything; False when it was stopped. Raises LoadgenError when it cannot go on."""
        try:
            while not self._over():
                self._turn()
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
        return self._exhausted and not (self._ready or self._doubts or self._held)

    def _over(self) -> bool:
        if self._flying:
            return False
        return self._stopping or (self._exhausted and not (self._ready or self._doubts or self._held))

    def _turn(self) -> None:
        if not self._stopping:
            self._refill()
            self._settle()
            self._hand_out()
        self._collect(self._tools.senders.outcomes(self._pause()))
        self._check_hope()
        self._tools.watch(self.progress)

    # What is next

    def _refill(self) -> None:
        while len(self._ready) < READY and len(self._doubts) < MOST_DOUBTS and not self._exhausted:
            parcel = self._held or next(self._stream, None)
            self._held = None
            if parcel is None:
                self._exhausted = True
            elif parcel.due > time.time():
                self._held = parcel
                return
            else:
                self._take_up(parcel)

    def _take_up(self, parcel: Parcel) -> None:
        """Sort a parcel by what an earlier run knows of it."""
        known = self._tools.ledger.known(parcel.entry.number)
        if known is None or known.accepted is None:
            check_age(parcel)
        if known is None:
            self._ready.append(parcel)
            return
        if (known.id, known.events) != (parcel.entry.id, parcel.entry.events):
            raise LoadgenError(
                f"{self._tools.ledger.path}: another version of loadgen began it, this one makes other events from the "
                "same seed; go on with that version, or give --out another folder"
            )
        if known.accepted is None:
            self._doubts.add(parcel, min(known.tried + TIMEOUT_SECONDS, self._began))

    # Sending

    def _hand_out(self) -> None:
        leaving: list[Parcel] = []
        now = time.monotonic()
        pace = self._tools.pace
        while self._ready and self._free() > len(leaving) and pace.wait(now) <= 0:
            pace.take(now)
            leaving.append(self._ready.popleft())
        if not leaving:
            return
        at = time.time()
        self._tools.ledger.doubt(msgspec.structs.replace(parcel.entry, tried=at) for parcel in leaving)
        signer = self._tools.signer() if self._tools.signer else None
        for parcel in leaving:
            self._flying[parcel.entry.number] = parcel
            self._tools.senders.submit(
                parcel.entry.number, signer.sign(parcel.request, at) if signer else parcel.request
            )
        self._say(date=max(self.progress.date, *(parcel.due for parcel in leaving)), rate=pace.rate)

    def _free(self) -> int:
        return self._tools.senders.count - len(self._flying)

    def _pause(self) -> float:
        """Seconds until there is something to do besides reading answers."""
        if self._ready and self._free() > 0 and not self._stopping:
            return min(TICK_SECONDS, self._tools.pace.wait(time.monotonic()))
        return TICK_SECONDS

    # Answers

    def _collect(self, outcomes: list[Outcome]) -> None:
        now = time.monotonic()
        accepted = []
        for outcome in outcomes:
            parcel = self._flying.pop(outcome.number)
            if outcome.status is not None and outcome.status < 300:
                accepted.append(parcel)
                self._tools.pace.accepted()
            else:
                self._not_accepted(parcel, outcome, now)
        self._accept(accepted)

    def _accept(self, parcels: list[Parcel]) -> None:
        if parcels:
            self._tools.ledger.accept([parcel.entry.number for parcel in parcels], time.time())
            events = sum(len(parcel.entry.ids) for parcel in parcels)
            self._say(accepted=self.progress.accepted + len(parcels), events=self.progress.events + events)
            self._hopeful = time.monotonic()

    def _not_accepted(self, parcel: Parcel, outcome: Outcome, now: float) -> None:
        progress, pace = self.progress, self._tools.pace
        if outcome.status == 429:
            pace.throttled(outcome.retry_after, now)
            if pace.learnt is not None:
                self._tools.ledger.learn(pace.learnt)
            self._ready.appendleft(parcel)
            self._say(throttled=progress.throttled + 1)
        elif outcome.status == 403 and parcel.entry.number not in self._refused:
            self._refused.add(parcel.entry.number)  # credentials may be renewed meanwhile, as the client hopes
            pace.hold(FORBIDDEN_SECONDS, now)
            self._ready.appendleft(parcel)
        elif outcome.doubtful:
            pace.failed(now)
            self._doubts.add(parcel, time.time())
            self._say(
                failed=progress.failed + (outcome.status is not None),
                unanswered=progress.unanswered + (outcome.status is None),
                in_doubt=len(self._doubts),
                trouble=outcome.error,
            )
        elif outcome.status is None:
            pace.failed(now)
            self._ready.appendleft(parcel)
            self._say(unanswered=progress.unanswered + 1, trouble=outcome.error)
        else:
            raise ControlError(refusal(outcome))

    # Doubts

    def _settle(self) -> None:
        if self._asking is not None:
            self._hear()
        elif asked := self._doubts.asking(time.time()):
            entries = [parcel.entry for parcel in asked]
            self._asking = (self._reader.submit(look_up, entries, self._tools.read), asked, time.time())

    def _hear(self) -> None:
        assert self._asking is not None
        future, asked, asked_at = self._asking
        if not future.done():
            return
        self._asking = None
        try:
            found = future.result()
        except Unreachable as error:
            self._doubts.later(asked, time.time())
            self._say(trouble=str(error))
            return
        self._hopeful = time.monotonic()
        absent = self._doubts.answered(asked, found, asked_at)
        self._ready.extendleft(reversed(absent))
        self._accept([parcel for parcel in asked if parcel.entry.number in found])
        progress = self.progress
        self._say(found=progress.found + len(found), again=progress.again + len(absent), in_doubt=len(self._doubts))

    # Words

    def _check_hope(self) -> None:
        now = time.monotonic()
        if not (self._ready or self._flying or self._doubts):
            self._hopeful = now
        if now - self._hopeful > self._tools.patience:
            raise LoadgenError(
                f"nothing was accepted for {self._tools.patience:g} s (last trouble: "
                f"{self.progress.trouble or 'throttled'}); run the same command again to go on"
            )

    def _say(self, **changes: float | str) -> None:
        self.progress = msgspec.structs.replace(self.progress, **changes)


def refusal(outcome: Outcome) -> str:
    """One line for an answer that no retry mends."""
    advice = {
        403: "the credentials lack rum:PutRumEvents on this app monitor, or are wrong or expired",
        404: "the app monitor is gone",
    }.get(outcome.status or 0, "the request was refused")
    return f"PutRumEvents: {advice} ({outcome.error}); what was accepted is kept, run the same command again to go on"


def check_age(parcel: Parcel) -> None:
    """Refuse what RUM would take and not keep."""
    if parcel.entry.first < time.time() - RETENTION_DAYS * DAY:
        raise LoadgenError(
            f"events of {moment(parcel.entry.first)} are still to be sent, and RUM keeps {RETENTION_DAYS} days: "
            "too much time went by; give --out another folder and begin anew"
        )
