"""`loadgen verify`: compare a seeding's ledger with the events that the service shows. Bounded in memory.

Rule: events are compared by id, one span of time after another; a span has about SPAN_EVENTS expected events at most,
however long the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from loadgen.aws import Account, read_events
from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, OnProgress, Ticker, ignore_progress
from loadgen.jobs.seed.in_doubt import ReadEvents, Visibility, choose_visibility
from loadgen.jobs.seed.ledger import BatchEntry, BatchLedger, SeedIdentity
from loadgen.jobs.targets import open_account_at, reach_target
from loadgen.model import Noun
from loadgen.options import require_callback, require_path, resolve_options, show_options
from loadgen.verb_options import VerifyOptions

SPAN_EVENTS = 100_000
EXAMPLES = 5


class MissingEvent(Noun):
    """An accepted event that the service does not show."""

    id: str
    batch: str
    first: str  # UTC, of the batch's first event


class VisibilityDelay(Noun):
    """One pass over all events: how long after the last acceptance it began, and how many events did not show yet."""

    seconds: float
    missing: int


class Verification(Noun):
    """The result of reading back; all counts are of events."""

    expected: int  # in batches known to be accepted
    present: int
    missing: int
    duplicated: int  # shown more than once
    copies: int  # surplus copies of duplicated events
    in_doubt: int  # in batches whose acceptance is unknown; not among expected or missing
    others: int  # shown, but not of this run
    seconds: float  # of reading and waiting
    delays: tuple[VisibilityDelay, ...]  # one for each pass
    examples: tuple[MissingEvent, ...] = ()
    monitor: str = ""
    period: str = ""
    finished: bool = True  # False: the seeding has not sent its whole past yet

    @property
    def is_sound(self) -> bool:
        """Whether no event is missing or duplicated so far."""
        return not (self.missing or self.duplicated)

    @property
    def is_whole(self) -> bool:
        """Whether no event is missing, duplicated or in doubt."""
        return self.is_sound and not self.in_doubt


class _Look(msgspec.Struct):
    """The counts of one pass over all events."""

    present: int = 0
    missing: int = 0
    duplicated: int = 0
    copies: int = 0
    in_doubt: int = 0
    others: int = 0
    newest: float = 0.0  # Unix time of the last acceptance
    examples: list[MissingEvent] = []


@show_options(VerifyOptions)
def verify(
    folder: Path | str,
    *,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> Verification:
    """Read back the events that the seeding in `folder` sent, and compare them with its ledger.

    Looks until all events show, or for `wait` seconds (unless given, as long as the service may take). `options` are
    fields of `VerifyOptions`. Raises LoadgenError if the folder has no ledger, or nothing can be read back.
    """
    require_callback(on_progress, "on_progress")
    asked = resolve_options(VerifyOptions, options)
    with BatchLedger(require_path(folder, "folder")) as ledger:
        identity = ledger.identity
        if identity is None:
            raise LoadgenError(f"{folder}: nothing was sent from it yet; run its `loadgen seed` again, then verify")
        with reach_target(identity.target, asked.proxy, asked.ca_bundle):
            account = open_account_of(identity, on_progress)
            read = partial(read_events, account, identity.monitor)
            found = compare_ledger(ledger, read, choose_visibility(account), asked.wait, on_progress)
        return msgspec.structs.replace(
            found, monitor=identity.monitor, period=str(identity.period), finished=ledger.finished
        )


def open_account_of(identity: SeedIdentity, on_wait: OnLine) -> Account:
    """Return the account that a seeding was sent to, whatever target the environment names now."""
    return open_account_at(identity.target.replace("://dataplane.", "://", 1), identity.region, on_wait)


def compare_ledger(
    ledger: BatchLedger, read: ReadEvents, visibility: Visibility, wait: float | None, on_progress: OnProgress
) -> Verification:
    """Compare until all events show, or for `wait` seconds (unless given, as long as the service may take)."""
    began = time.time()
    delays: list[VisibilityDelay] = []
    while True:
        looked_at = time.time()
        look = look_once(ledger, read, on_progress)
        now = time.time()
        delays.append(VisibilityDelay(round(max(0.0, looked_at - look.newest), 3), look.missing))
        patience = visibility.settle - (looked_at - look.newest) if wait is None else wait - (now - began)
        if not look.missing or patience <= 0:
            break
        counts = f"{look.missing:,} of {look.present + look.missing:,} events"
        on_progress(f"{counts} do not show yet; waiting {patience:.0f} s more")
        time.sleep(min(visibility.poll, patience))
    seen = msgspec.structs.asdict(look)
    del seen["newest"]
    seen["examples"] = tuple(look.examples)
    return Verification(
        expected=look.present + look.missing, seconds=round(now - began, 3), delays=tuple(delays), **seen
    )


def look_once(ledger: BatchLedger, read: ReadEvents, on_progress: OnProgress) -> _Look:
    """Compare all events once."""
    look, totals = _Look(), ledger.count_totals()
    tick = Ticker(on_progress, "reading back", totals.accepted_events + totals.in_doubt_events, "events")
    seen: dict[bytes, int] = {}  # how often each event of the pending batches was shown
    pending: list[BatchEntry] = []
    found = 0  # events of this run that were shown, each counted once
    for entries, start, end in split_into_spans(ledger.read_entries()):
        pending += entries
        seen.update({event: 0 for entry in entries for event in entry.ids})
        for event, _ in read(start * 1000, end * 1000 + 999):
            if event in seen:
                found += not seen[event]
                seen[event] += 1
            else:
                look.others += 1
            tick(found + look.missing + look.in_doubt)
        for entry in pending:
            if entry.last <= end:
                _count(look, entry, [seen.pop(event) for event in entry.ids])
        pending = [entry for entry in pending if entry.last > end]
    return look


def _count(look: _Look, entry: BatchEntry, copies: list[int]) -> None:
    """Add the counts of one batch; `copies` says how often each of its events was shown."""
    present = sum(1 for count in copies if count)
    look.duplicated += sum(1 for count in copies if count > 1)
    look.copies += sum(count - 1 for count in copies if count > 1)
    if entry.accepted is None and not present:
        look.in_doubt += len(copies)
        return
    look.present += present
    look.missing += len(copies) - present
    look.newest = max(look.newest, entry.accepted or entry.tried)
    if present < len(copies) and len(look.examples) < EXAMPLES:
        lost = entry.ids[copies.index(0)]
        first = datetime.fromtimestamp(entry.first, UTC).isoformat()
        look.examples.append(MissingEvent(str(UUID(bytes=lost)), entry.id, first))


def split_into_spans(entries: Iterable[BatchEntry]) -> Iterator[tuple[list[BatchEntry], int, int]]:
    """Yield spans that together cover all events: the batches that begin in one, its first and its last second."""
    group: list[BatchEntry] = []
    events, start, last = 0, 0, 0
    for entry in entries:
        if events >= SPAN_EVENTS and entry.first > group[-1].first:
            yield group, start, entry.first - 1
            group, events = [], 0
        if not group:
            start = entry.first
        group.append(entry)
        events += len(entry.ids)
        last = max(last, entry.last)
    if group:
        yield group, start, last
