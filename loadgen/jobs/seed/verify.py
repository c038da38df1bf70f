"""Ledger against what the service shows: present, missing, twice, and how long it took to show. Bounded in memory.

Rule: events are compared by id, a span of time after the other; spans are cut so that each holds at most SPAN_EVENTS
that are expected, however long the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from loadgen.jobs.seed.in_doubt import Read, Visibility
from loadgen.jobs.seed.ledger import Entry, Ledger
from loadgen.model import Noun

SPAN_EVENTS = 100_000
EXAMPLES = 5


class Missing(Noun):
    """An event that was accepted and is not shown."""

    id: str
    batch: str
    first: str  # UTC, of the batch's first event


class Delay(Noun):
    """One look at everything: how long after the last acceptance it began, and what did not show yet."""

    seconds: float
    missing: int


class Verification(Noun):
    """What reading back has shown; events."""

    expected: int  # in batches known to be accepted
    present: int
    missing: int
    duplicated: int  # shown more than once
    copies: int  # surplus ones
    in_doubt: int  # in batches of which nothing is known yet; neither expected nor missed
    others: int  # shown, and not of this run
    seconds: float  # that reading and waiting took
    delays: tuple[Delay, ...]  # until all showed, or patience ended
    examples: tuple[Missing, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing twice, so far."""
        return not (self.missing or self.duplicated)

    @property
    def whole(self) -> bool:
        """And nothing in doubt."""
        return self.sound and not self.in_doubt


class _Look(msgspec.Struct):
    """The sums of one pass over everything."""

    present: int = 0
    missing: int = 0
    duplicated: int = 0
    copies: int = 0
    in_doubt: int = 0
    others: int = 0
    newest: float = 0.0  # Unix time of the last acceptance
    examples: list[Missing] = []


def verify(
    ledger: Ledger, read: Read, visibility: Visibility, wait: float | None, tell: Callable[[str], None]
) -> Verification:
    """Look until all is there, or for `wait` seconds (unless given, as long as the service may take)."""
    began = time.time()
    delays: list[Delay] = []
    while True:
        looked_at = time.time()
        look = once(ledger, read)
        now = time.time()
        delays.append(Delay(round(max(0.0, looked_at - look.newest), 3), look.missing))
        patience = visibility.settle - (looked_at - look.newest) if wait is None else wait - (now - began)
        if not look.missing or patience <= 0:
            return _result(look, now - began, delays)
        tell(
            f"{look.missing:,} of {look.present + look.missing:,} events do not show yet; waiting {patience:.0f} s more"
        )
        time.sleep(min(visibility.poll, patience))


def _result(look: _Look, seconds: float, delays: list[Delay]) -> Verification:
    return Verification(
        expected=look.present + look.missing,
        present=look.present,
        missing=look.missing,
        duplicated=look.duplicated,
        copies=look.copies,
        in_doubt=look.in_doubt,
        others=look.others,
        seconds=round(seconds, 3),
        delays=tuple(delays),
        examples=tuple(look.examples),
    )


def once(ledger: Ledger, read: Read) -> _Look:
    """One pass."""
    look = _Look()
    seen: dict[bytes, int] = {}  # times that each event of an open batch was shown
    pending: list[Entry] = []
    for entries, start, end in windows(ledger.entries()):
        pending += entries
        seen.update({event: 0 for entry in entries for event in entry.ids})
        for event, _ in read(start * 1000, end * 1000 + 999):
            if event in seen:
                seen[event] += 1
            else:
                look.others += 1
        for entry in pending:
            if entry.last <= end:
                _count(look, entry, [seen.pop(event) for event in entry.ids])
        pending = [entry for entry in pending if entry.last > end]
    return look


def _count(look: _Look, entry: Entry, copies: list[int]) -> None:
    """Add one batch, of whose events so many copies were shown."""
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
        look.examples.append(Missing(str(UUID(bytes=lost)), entry.id, first))


def windows(entries: Iterable[Entry]) -> Iterator[tuple[list[Entry], int, int]]:
    """Spans of whole seconds, both ends included, with the batches that begin in each; together they cover all."""
    group: list[Entry] = []
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
